// Host names to addresses through the system's resolver (getaddrinfo(3)). Blocking: for start-up and `check`
// only.
#pragma once

#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace weir::net {

// Every address of `name`, each once, in the resolver's order, with the name's port. The error says why there
// is none.
base::Result<std::vector<base::Address>> resolve(const base::HostPort& name);

}  // namespace weir::net
