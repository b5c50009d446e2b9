// Asks the admin door of a running Weir over a unix socket or TCP. One request, one connection, whole answers
// only. Boost.Beast stays inside its .cc file.
#pragma once

#include <string>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"

namespace weir::cli {

struct DoorAddress {
  base::Address address;
  std::string token;  // empty: none is sent
};

struct DoorRequest {
  std::string method = "GET";
  std::string target;  // path and query, escaped
  std::string body;    // JSON; empty: none
};

struct DoorAnswer {
  int status = 0;
  std::string body;
};

// Fails when nobody answers there, or not within `patience`: the error names the address and what to do.
base::Result<DoorAnswer> ask_door(const DoorAddress& door, const DoorRequest& request,
                                  base::Millis patience = base::Millis(60'000));

// What an answer says that is no 200, for people.
std::string why_not(const DoorAnswer& answer);

// Everything that is not a letter, a digit or one of "-._~" as %XX (RFC 3986): for a name in a target.
std::string escaped(std::string_view text);

}  // namespace weir::cli
