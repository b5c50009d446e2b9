// Who may ask the admin door for what. By a unix socket the file's rights have decided that; by TCP, or where
// somebody has led a port to the socket, a web page in a browser might ask as well as a person. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/http_message.h"

namespace weir::admin {

struct GuardRules {
  std::string token;               // empty: there is none
  std::vector<std::string> hosts;  // further names that the door is called by, in small letters
  bool is_far = false;             // it can be reached from other machines: reading takes the token too
};

enum class Asking {
  kEverybody,  // also without a token, and from a page of another origin
  kRead,
  kChange,
};

// The refusal, or nothing: then it may be done.
//
// - The host that is asked for is an address, "localhost", a name below it, or one of `hosts`: a page whose
//   name was made to lead here (DNS rebinding) has another one (421).
// - An origin, where a browser names one, is that host, and the browser does not say that the page is another
//   site's (Sec-Fetch-Site) (403): no page of another one gets something done, or has Weir look at its
//   sessions.
// - A body of a change is JSON by its type, which no form of a page can send (415).
// - By TCP a change needs the token (403 where there is none, 401 without it).
std::optional<HttpResponse> refusal(const HttpRequest& request, Asking asking, const GuardRules& rules);

// {"error": "..."} with that status.
HttpResponse error_response(int status, const std::string& text);

}  // namespace weir::admin
