// Asks the admin door of a running Weir over a unix socket or TCP. One request, one connection, whole answers
// only. Boost.Beast stays inside its .cc file.
#pragma once

#include <nlohmann/json.hpp>
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

// What an answer says that is no 200, for people; or that whoever answers there is no admin door.
std::string why_not(const DoorAddress& door, const DoorAnswer& answer);

// The object that the answer is, where its status is 200; otherwise the error says why not, as above.
base::Result<nlohmann::json> document_of(const DoorAddress& door, const DoorAnswer& answer);

// What the answer to a change says beside that it is done, with a colon in front; empty: nothing.
std::string note_of(const nlohmann::json& document);

// Of a document that has another shape than a door's.
inline constexpr const char* kNotUnderstood =
    "the admin door's answer is not understood: is it another program's, or of another version?";

// Everything that is not a letter, a digit or one of "-._~" as %XX (RFC 3986): for a name in a target.
std::string escaped(std::string_view text);

}  // namespace weir::cli
