// The backend behind the proxies that are measured: sends each client one byte at once and keeps the
// connection until the client ends it. One thread, one epoll.
#pragma once

#include "base/address.h"
#include "base/result.h"

namespace weir::limits {

// Serves until a signal ends the process; returns only when it cannot begin.
base::Result<void> greet(const base::Address& address);

}  // namespace weir::limits
