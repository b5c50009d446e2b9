// One end of a session: its socket and the interest in it. Owned by the session; the connector uses the
// backend's while it connects, and the relay uses both afterwards.
#pragma once

#include "base/unique_fd.h"
#include "net/watch.h"

namespace weir::relay {

// Which end of a session.
enum class Side : std::uint8_t { kClient, kBackend };

constexpr Side other(Side side) { return side == Side::kClient ? Side::kBackend : Side::kClient; }

struct Peer {
  base::UniqueFd fd;
  net::Watch watch;

  // Closes with an end of stream, after what is queued in the kernel.
  void close() {
    watch.stop();
    fd.reset();
  }
};

}  // namespace weir::relay
