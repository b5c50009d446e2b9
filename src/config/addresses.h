// Addresses as the configuration writes them: one or a range of ports to listen on, the admin door's, a
// backend's. Pure: nothing is resolved or bound. What fails is the text of a problem that says what was
// found, what is expected and, for the commonest mistakes, what to write.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "config/scalars.h"

namespace weir::config {

// "0.0.0.0:80", "[::]:80", "0.0.0.0:8000-8010" (one address a port, at most `kMaxBindAddresses`),
// "unix:/path". Port 0 is allowed, but not in a range.
Value<std::vector<base::Address>> parse_listen_addresses(std::string_view text);

// An address or a unix socket; port 0 is allowed. Whether it may be far from here is for `build_admin`.
Value<base::Address> parse_admin_address(std::string_view text);

// Whether other machines can reach it.
bool is_far(const base::Address& address);

// An address or "host:port". Port 0 and the wildcard addresses are refused: nothing can be connected there.
Value<base::Endpoint> parse_backend_address(std::string_view text);

// An address, or the name of a service (RFC 2782), "_http._tcp.app.internal", which gets port 0.
Value<base::Endpoint> parse_service_address(std::string_view text);

// An IP address alone, to connect from: neither a port nor a wildcard. Its port is 0.
Value<base::Address> parse_source_address(std::string_view text);

// The IP address of a name server, with a port or, without one, at port 53.
Value<base::Address> parse_name_server(std::string_view text);

}  // namespace weir::config
