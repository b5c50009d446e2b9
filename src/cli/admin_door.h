// The admin door of a process that this program runs, `weir run` or `weir demo`.
#pragma once

#include <memory>

#include "admin/http_server.h"
#include "config/model.h"
#include "server/inheritance.h"
#include "server/supervisor.h"

namespace weir::cli {

// Bound, but not started: it reads `supervisor`, which must be there by then and outlive it. Takes the socket
// that `inheritance` (null: none) has for the address. Null and a problem at the address's place when it
// cannot be bound.
std::unique_ptr<admin::HttpServer> open_door(const config::Placed<base::Address>& bind,
                                             const std::unique_ptr<server::Supervisor>& supervisor,
                                             server::Inheritance* inheritance, config::Problems& problems);

}  // namespace weir::cli
