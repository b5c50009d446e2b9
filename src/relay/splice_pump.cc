#include "relay/splice_pump.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

namespace weir::relay {
namespace {

// A call that a signal interrupted is made again; -1 leaves errno to the caller.
ssize_t move(int from, int to, std::size_t size) {
  ssize_t n = 0;
  do {
    n = ::splice(from, nullptr, to, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (n < 0 && errno == EINTR);
  return n;
}

// `kMore`: the pipe is empty.
Pumped empty(Direction& direction, int target) {
  net::Pipe& pipe = *direction.pipe;
  while (pipe.size() > 0) {
    const ssize_t moved = move(pipe.out(), target, pipe.size());
    if (moved < 0 && errno == EAGAIN) {
      direction.blocked = true;
      return Pumped::kBlocked;
    }
    if (moved <= 0) return target_failure(moved == 0 ? EPIPE : errno);
    pipe.emptied(static_cast<std::size_t>(moved));
    direction.bytes += static_cast<std::uint64_t>(moved);
  }
  return Pumped::kMore;
}

}  // namespace

Pumped pump_by_splice(Direction& direction, int source, int target, std::uint64_t most) {
  direction.blocked = false;
  net::Pipe& pipe = *direction.pipe;
  const Pumped outcome = empty(direction, target);
  if (outcome != Pumped::kMore || most == 0) return outcome;
  const ssize_t moved = move(source, pipe.in(), std::min<std::uint64_t>(most, pipe.capacity()));
  // The pipe was empty, so it is the source that has no more.
  if (moved < 0) return errno == EAGAIN ? Pumped::kDrained : source_failure(errno);
  if (moved == 0) return Pumped::kEnded;
  pipe.filled(static_cast<std::size_t>(moved));
  return empty(direction, target);
}

}  // namespace weir::relay
