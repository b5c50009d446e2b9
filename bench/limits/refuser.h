// The least that a refusal can cost a program: accepts each client and resets it, and asks nobody. What a
// proxy takes beyond that is its own.
#pragma once

#include "base/address.h"
#include "base/result.h"

namespace weir::limits {

// Serves until a signal ends the process; returns only when it cannot begin.
base::Result<void> refuse(const base::Address& address);

}  // namespace weir::limits
