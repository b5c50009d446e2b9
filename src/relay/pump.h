// Moves bytes in one direction in whichever way is cheaper for it: copied, or spliced once it carries bulk.
#pragma once

#include "net/buffer_pool.h"
#include "net/pipe_pool.h"
#include "relay/direction.h"
#include "relay/end.h"
#include "relay/pumped.h"

namespace weir::relay {

// As `pump_by_copy`. Splices while the direction carries bulk, no urgent data has been told and a pipe can be
// had; `pipes` none: never. Precondition: with `pipes` both are TCP sockets
// without a stream over them.
Pumped pump(Direction& direction, const End& source, const End& target, net::BufferPool& buffers,
            net::PipePool* pipes, std::uint64_t most = kNoBound);

}  // namespace weir::relay
