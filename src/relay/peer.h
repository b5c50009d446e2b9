// One end of a session: its socket and the interest in it. Owned by the session; the connector uses the
// backend's while it connects, and the relay uses both afterwards.
#pragma once

#include <memory>

#include "net/socket.h"
#include "net/stream.h"
#include "net/watch.h"

namespace weir::relay {

// Which end of a session.
enum class Side : std::uint8_t { kClient, kBackend };

constexpr Side other(Side side) { return side == Side::kClient ? Side::kBackend : Side::kClient; }

struct Peer {
  base::UniqueFd fd;
  // A read of a unix socket may fall short in front of passed descriptors, unix(7).
  bool is_tcp = true;
  std::unique_ptr<net::Stream> stream;  // over the socket; none: its bytes are the socket's own
  net::Watch watch;

  bool may_splice() const { return is_tcp && stream == nullptr; }

  // Closes with an end of stream, after what is queued in the kernel.
  void close() {
    watch.forget();
    fd.reset();
  }
  // Closes with a reset.
  void abort() {
    watch.forget();
    net::abort_connection(fd);
  }
};

}  // namespace weir::relay
