// `weir top`: a live view of a running Weir in the terminal, with keys to sort, filter, drain and close.
#pragma once

#include "cli/door_address.h"

namespace weir::cli {

// Returns the exit status, once somebody leaves.
int top(const DoorOptions& options, base::Millis interval);

}  // namespace weir::cli
