#include "relay/copy_pump.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "relay/send_now.h"

namespace weir::relay {
namespace {

constexpr int kReadsPerTurn = 8;

// A call that a signal interrupted is made again; -1 leaves errno to the caller.
ssize_t receive(int fd, void* memory, std::size_t size, int flags) {
  ssize_t n = 0;
  do {
    n = ::recv(fd, memory, size, flags);
  } while (n < 0 && errno == EINTR);
  return n;
}

Pumped flush(Direction& direction, int target) {
  // The end follows at once, and travels in the last packet with the bytes. Not behind a failure: a reset
  // follows then, and only once they have been acknowledged.
  const int flags = direction.source_ended && !direction.read_on ? MSG_MORE : 0;
  const ssize_t sent = send_now(target, direction.held.data(), direction.held.size(), flags);
  if (sent < 0 && errno != EAGAIN) {
    const int error = errno;  // giving memory back may change it
    direction.held.release();
    return target_failure(error);
  }
  if (sent > 0) {
    direction.bytes += static_cast<std::uint64_t>(sent);
    direction.held.consume(static_cast<std::size_t>(sent));
  }
  direction.blocked = direction.held.size() > 0;
  if (direction.blocked) return Pumped::kBlocked;
  direction.held.release();
  return Pumped::kMore;
}

// What one read from the source came to, for the loop below.
Pumped read_outcome(Direction& direction, ssize_t received) {
  if (received > 0) return Pumped::kMore;
  if (received == 0) {
    direction.source_ended = true;
    return Pumped::kEnded;
  }
  return errno == EAGAIN ? Pumped::kDrained : source_failure(errno);
}

Pumped copy_once(Direction& direction, int source, int target, net::Buffer buffer, std::size_t size) {
  const ssize_t received = receive(source, buffer.memory(), size, 0);
  const Pumped outcome = read_outcome(direction, received);
  if (outcome != Pumped::kMore) return outcome;
  buffer.fill(static_cast<std::size_t>(received));
  direction.held = std::move(buffer);
  // What comes from now on will be told; what was told already, not again.
  const bool is_empty = static_cast<std::size_t>(received) < size && !direction.read_on;
  direction.source_ended = is_empty && direction.ends;
  const Pumped flushed = flush(direction, target);
  if (flushed != Pumped::kMore || !is_empty) return flushed;
  return direction.source_ended ? Pumped::kEnded : Pumped::kDrained;
}

Pumped copy_by_peeking(Direction& direction, int source, int target, std::byte* scratch, std::size_t size) {
  const ssize_t seen = receive(source, scratch, size, MSG_PEEK);
  const Pumped outcome = read_outcome(direction, seen);
  if (outcome != Pumped::kMore) return outcome;
  const ssize_t sent = send_now(target, scratch, static_cast<std::size_t>(seen));
  if (sent < 0 && errno != EAGAIN) return target_failure(errno);
  if (sent > 0) {
    direction.bytes += static_cast<std::uint64_t>(sent);
    // These bytes lie in the receive queue: taking them cannot fall short.
    receive(source, scratch, static_cast<std::size_t>(sent), 0);
  }
  direction.blocked = sent < seen;
  return direction.blocked ? Pumped::kBlocked : Pumped::kMore;
}

}  // namespace

Pumped pump_by_copy(Direction& direction, int source, int target, net::BufferPool& buffers,
                    std::uint64_t most) {
  direction.blocked = false;
  if (direction.held) {
    const Pumped flushed = flush(direction, target);
    if (flushed != Pumped::kMore) return flushed;
  }
  if (direction.source_ended) return Pumped::kEnded;
  for (int i = 0; i < kReadsPerTurn && most > 0; ++i) {
    net::Buffer buffer = buffers.acquire();
    const std::size_t size = std::min<std::uint64_t>(most, net::Buffer::kSize);
    const std::uint64_t before = direction.bytes;
    const Pumped outcome = buffer ? copy_once(direction, source, target, std::move(buffer), size)
                                  : copy_by_peeking(direction, source, target, buffers.scratch(), size);
    if (outcome != Pumped::kMore) return outcome;
    most -= direction.bytes - before;
  }
  return Pumped::kMore;
}

}  // namespace weir::relay
