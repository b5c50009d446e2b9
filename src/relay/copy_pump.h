// Moves bytes from one socket to another through a borrowed buffer: read, write at once, and keep the rest
// only when the target is full. Where no buffer can be had it looks without taking (MSG_PEEK), so that a
// worker short of buffers gets slower but never holds or loses a byte. On the path of every byte: two system
// calls for a message, no more.
#pragma once

#include "relay/direction.h"

namespace weir::relay {

enum class Pumped : std::uint8_t {
  kDrained,      // the source had no more: wait until it can be read
  kMore,         // the turn's share or `most` is used up; the source may have more
  kBlocked,      // the target is full; `direction.blocked` is set
  kEnded,        // the source ended its stream and everything before it is with the target
  kSourceReset,  // the source was reset; everything that came before is with the target
  kSourceLost,   // the kernel gave the source up (keep-alive or user timeout)
  kTargetReset,  // the target was reset: what it had not taken is lost with it
  kTargetLost,   // the kernel gave the target up
  kNoMemory,     // the kernel is out of memory for sockets
};

// For `most` below: no other bound than the turn's share.
inline constexpr std::uint64_t kNoBound = ~std::uint64_t{0};

// Moves what can be moved now from `source` to `target`, at most about 256 KiB, so that one busy session
// cannot starve the others of its worker, and takes at most `most` bytes from the source. Both are
// non-blocking stream sockets. With `most` 0 it only writes what is held.
Pumped pump_by_copy(Direction& direction, int source, int target, net::BufferPool& buffers,
                    std::uint64_t most = kNoBound);

}  // namespace weir::relay
