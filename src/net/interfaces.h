// This host's network interfaces: their names and their addresses, in the network namespace of the calling
// thread. It only reads; what it says may be untrue a moment later.
#pragma once

#include <string>
#include <vector>

#include "base/address.h"

namespace weir::net {

// The addresses of this host's interfaces, port 0. Empty when the kernel does not tell.
std::vector<base::Address> interface_addresses();

// Whether an interface of that name exists, up or not: one that SO_BINDTODEVICE would take. False also when
// no descriptor is left to ask with.
bool has_interface(const std::string& name);

}  // namespace weir::net
