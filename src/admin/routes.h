// Which method and path of the admin door does what: one table, which openapi.json describes and a test holds
// against it.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "admin/guard.h"
#include "admin/http_message.h"
#include "server/command.h"
#include "server/status.h"

namespace weir::admin {

// What the door opens to. All outlive the server that asks.
struct Behind {
  const server::StatusSource& status;
  server::CommandTaker& commands;
  std::function<GuardRules()> rules;  // as they are now
};

// Answers by `reply`, now or later. On the server's thread.
void answer(HttpRequest&& request, const HttpReply& reply, const Behind& behind);

struct RouteName {
  std::string_view method;
  std::string_view path;  // "/v1/pools/{pool}"
};
std::vector<RouteName> route_names();

// The document that describes them.
std::string_view openapi_text();

}  // namespace weir::admin
