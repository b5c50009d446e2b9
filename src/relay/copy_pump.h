// Moves bytes from one socket to another through a borrowed buffer: read, write at once, and keep the rest
// only when the target is full. Where no buffer can be had it looks without taking (MSG_PEEK), so that a
// worker short of buffers gets slower but never holds or loses a byte. On the path of every byte: two system
// calls for a message, no more.
#pragma once

#include "relay/direction.h"
#include "relay/pumped.h"

namespace weir::relay {

// Moves what can be moved now from `source` to `target`, at most about 256 KiB, so that one busy session
// cannot starve the others of its worker, and takes at most `most` bytes from the source. Both are
// non-blocking stream sockets. With `most` 0 it only writes what is held.
Pumped pump_by_copy(Direction& direction, int source, int target, net::BufferPool& buffers,
                    std::uint64_t most = kNoBound);

}  // namespace weir::relay
