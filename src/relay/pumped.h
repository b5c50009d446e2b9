// What a pump came to, and what the errno of a read or a write says of it.
#pragma once

#include <cerrno>
#include <cstdint>

#include "net/socket.h"

namespace weir::relay {

enum class Pumped : std::uint8_t {
  kDrained,       // the source had no more: wait until it can be read
  kMore,          // the turn's share or `most` is used up; the source may have more
  kBlocked,       // the target takes no more now; `direction.blocked` is set
  kEnded,         // the source ended its stream and everything before it is with the target
  kSourceReset,   // the source was reset; everything that came before is with the target
  kSourceLost,    // the kernel gave the source up (keep-alive or user timeout)
  kSourceBroken,  // the source has broken the protocol of its stream, which cannot go on
  kSourceBusy,    // its stream has had work to do and given no byte; it may have more
  kTargetReset,   // the target was reset: what it had not taken is lost with it
  kTargetLost,    // the kernel gave the target up
  kNoMemory,      // the kernel is out of memory for sockets
};

// For a pump's `most`: no other bound than the turn's share.
inline constexpr std::uint64_t kNoBound = ~std::uint64_t{0};

inline bool is_shortage(int error) { return error == ENOMEM || error == ENOBUFS; }

inline Pumped source_failure(int error) {
  if (is_shortage(error)) return Pumped::kNoMemory;
  return net::means_no_answer(error) ? Pumped::kSourceLost : Pumped::kSourceReset;
}

inline Pumped target_failure(int error) {
  if (is_shortage(error)) return Pumped::kNoMemory;
  return net::means_no_answer(error) ? Pumped::kTargetLost : Pumped::kTargetReset;
}

}  // namespace weir::relay
