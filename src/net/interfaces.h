// This host's network interfaces: their names and their addresses, in the network namespace of the calling
// thread. It only reads; what it says may be untrue a moment later.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.h"

namespace weir::net {

// The addresses of this host's interfaces, port 0. Empty when the kernel does not tell.
std::vector<base::Address> interface_addresses();

// Whether a socket can be bound to `address`: it is one of the interfaces', a route makes its network this
// host's own (127.0.0.0/8, "ip route add local"), or the kernel does not care (ip_nonlocal_bind). An IPv6
// address that is still being checked for duplicates counts. Its port does not matter.
bool is_own_address(const base::Address& address);

// The names of this host's interfaces, up or not. Empty when the kernel does not tell.
std::vector<std::string> interface_names();

// Whether an interface of that name exists, up or not: one that SO_BINDTODEVICE would take. False also when
// no descriptor is left to ask with.
bool has_interface(const std::string& name);

// The address, port 0, that the kernel would choose for a connection to `target` by that interface (empty:
// any) at this moment. Nothing is sent. Nothing when there is no route. Precondition: an IP address with a
// port.
std::optional<base::Address> chosen_source(const base::Address& target, const std::string& interface);

}  // namespace weir::net
