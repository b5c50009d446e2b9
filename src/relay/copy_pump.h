// Moves bytes from one socket to another through a borrowed buffer: read, write at once, and keep the rest
// only when the target is full. Where no buffer can be had it looks without taking (MSG_PEEK), so that a
// worker short of buffers gets slower but never holds or loses a byte. On the path of every byte: two system
// calls for a message, no more.
#pragma once

#include "relay/direction.h"
#include "relay/end.h"
#include "relay/pumped.h"

namespace weir::relay {

// Moves what can be moved now from `source` to `target`, at most about 256 KiB, so that one busy session
// cannot starve the others of its worker, and takes at most `most` bytes from the source. Both are
// non-blocking stream sockets, or streams over such: one there is ended with the source. With `most` 0 it
// only writes what is held.
Pumped pump_by_copy(Direction& direction, const End& source, const End& target, net::BufferPool& buffers,
                    std::uint64_t most = kNoBound);

}  // namespace weir::relay
