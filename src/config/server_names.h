// Names that are asked for in TLS (SNI, RFC 6066 section 3), by clients and by Weir itself. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/scalars.h"

namespace weir::config {

// "a.example", or "*.b.example" for every name below that one: in small letters and without a last dot. The
// error quotes what was written and says what is wrong with it: an address, a star in the wrong place, a
// character that no host name has, a length that none may have (RFC 1035 section 2.3.4).
Value<std::string> parse_server_name(std::string_view text);

// The same of one name, as it is asked for: no wildcard.
Value<std::string> parse_host_name(std::string_view text);

}  // namespace weir::config
