// One direction of a session: upload is client to backend, download the other. The bytes it holds and how far
// it has come; the pumps move it, the relay decides what follows. Used twice in each relay.
#pragma once

#include <cstdint>

#include "net/buffer_pool.h"
#include "net/pipe_pool.h"
#include "relay/bulk_meter.h"

namespace weir::relay {

struct Direction {
  net::Buffer held;            // read from the source, not yet taken by the target; none while nothing waits
  net::PipePool::Handle pipe;  // the same, of bytes that are spliced; one of the two at most
  std::uint64_t bytes = 0;     // taken by the target's socket so far
  BulkMeter meter;
  bool readable = false;  // the source may have something that was not read
  bool told_end = false;  // as net::Ready::ended
  bool read_on = false;   // as in net::Ready; always for sockets whose reads do not tell that they took all
  bool blocked = false;   // the target takes no more: wait for room, or as its stream says (`send_waits`)
  bool resting = false;   // its rate is used up: wait until the throttle says so
  bool source_ended = false;  // the source's end of stream has been read
  bool done = false;          // nothing will be moved any more

  // Bytes that wait here for the target.
  std::uint64_t waiting() const { return held.size() + (pipe != nullptr ? pipe->size() : 0); }
  // Forgets them.
  void drop() {
    held.release();
    pipe.reset();
  }
  bool may_be_read() const { return readable && !blocked && !resting && !done; }
};

}  // namespace weir::relay
