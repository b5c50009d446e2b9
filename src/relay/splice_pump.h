// Moves bytes from one TCP socket to another through a borrowed pipe, without copying them: for bulk. What
// the target does not take stays in the pipe, which the direction keeps until it is empty. splice(2).
#pragma once

#include "relay/direction.h"
#include "relay/pumped.h"

namespace weir::relay {

// As `pump_by_copy`, for what is in the pipe and one more fill. `kEnded` may also mean that urgent data lies
// ahead, behind which a splice does not come: only a read can tell. Precondition: the direction holds a pipe.
Pumped pump_by_splice(Direction& direction, int source, int target, std::uint64_t most = kNoBound);

}  // namespace weir::relay
