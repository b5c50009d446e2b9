#include "relay/copy_pump.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "relay/end.h"

namespace weir::relay {
namespace {

constexpr int kReadsPerTurn = 8;

// The source's stream has ended, and all of it is with the target: a stream there ends too.
Pumped end_target(Direction& direction, const End& target) {
  if (target.stream == nullptr || target.stream->end() == 0) return Pumped::kEnded;
  if (errno != EAGAIN) return target_failure(errno);
  direction.blocked = true;
  return Pumped::kBlocked;
}

// A socket that takes less than it is given is full; a stream takes what it likes, and says when it is.
bool is_full(const End& target, ssize_t sent, std::size_t given) {
  return sent < 0 || (target.stream == nullptr && static_cast<std::size_t>(sent) < given);
}

Pumped flush(Direction& direction, const End& target) {
  // The end follows at once, and travels in the last packet with the bytes. Not behind a failure: a reset
  // follows then, and only once they have been acknowledged.
  const int flags = direction.source_ended && !direction.read_on ? MSG_MORE : 0;
  while (direction.held.size() > 0) {
    const std::size_t given = direction.held.size();
    const ssize_t sent = send_now(target, direction.held.data(), given, flags);
    if (sent < 0 && errno != EAGAIN) {
      const int error = errno;  // giving memory back may change it
      direction.held.release();
      return target_failure(error);
    }
    if (sent > 0) {
      direction.bytes += static_cast<std::uint64_t>(sent);
      direction.held.consume(static_cast<std::size_t>(sent));
    }
    direction.blocked = is_full(target, sent, given);
    if (direction.blocked) return Pumped::kBlocked;
  }
  direction.held.release();
  return Pumped::kMore;
}

// What one read from the source came to, for the loop below.
Pumped read_outcome(Direction& direction, const End& source, ssize_t received) {
  if (received > 0) return Pumped::kMore;
  if (received == 0) {
    direction.source_ended = true;
    return Pumped::kEnded;
  }
  if (source.stream != nullptr && errno == EPROTO) return Pumped::kSourceBroken;
  if (source.stream != nullptr && errno == EBUSY) return Pumped::kSourceBusy;
  return errno == EAGAIN ? Pumped::kDrained : source_failure(errno);
}

// What was there has been read. A stream has an end of its own, which has to be read too.
bool took_all(const Direction& direction, const End& source, bool fell_short) {
  if (direction.read_on) return false;
  if (source.stream == nullptr) return fell_short;
  return !direction.told_end && source.stream->has_taken_all();
}

Pumped copy_once(Direction& direction, const End& source, const End& target, net::Buffer buffer,
                 std::size_t size) {
  const ssize_t received = receive(source, buffer.memory(), size);
  const Pumped outcome = read_outcome(direction, source, received);
  if (outcome != Pumped::kMore) return outcome;
  buffer.fill(static_cast<std::size_t>(received));
  direction.held = std::move(buffer);
  // What comes from now on will be told; what was told already, not again.
  const bool is_empty = took_all(direction, source, static_cast<std::size_t>(received) < size);
  direction.source_ended = is_empty && direction.told_end;
  const Pumped flushed = flush(direction, target);
  if (flushed != Pumped::kMore || !is_empty) return flushed;
  return direction.source_ended ? Pumped::kEnded : Pumped::kDrained;
}

Pumped copy_by_peeking(Direction& direction, const End& source, const End& target, std::byte* scratch,
                       std::size_t size) {
  const ssize_t seen = peek(source, scratch, size);
  const Pumped outcome = read_outcome(direction, source, seen);
  if (outcome != Pumped::kMore) return outcome;
  const ssize_t sent = send_now(target, scratch, static_cast<std::size_t>(seen));
  if (sent < 0 && errno != EAGAIN) return target_failure(errno);
  if (sent > 0) {
    direction.bytes += static_cast<std::uint64_t>(sent);
    // These bytes lie in the receive queue: taking them cannot fall short.
    receive(source, scratch, static_cast<std::size_t>(sent));
  }
  direction.blocked = is_full(target, sent, static_cast<std::size_t>(seen));
  return direction.blocked ? Pumped::kBlocked : Pumped::kMore;
}

}  // namespace

Pumped pump_by_copy(Direction& direction, const End& source, const End& target, net::BufferPool& buffers,
                    std::uint64_t most) {
  direction.blocked = false;
  if (direction.held) {
    const Pumped flushed = flush(direction, target);
    if (flushed != Pumped::kMore) return flushed;
  }
  if (direction.source_ended) return end_target(direction, target);
  for (int i = 0; i < kReadsPerTurn && most > 0; ++i) {
    net::Buffer buffer = buffers.acquire();
    const std::size_t size = std::min<std::uint64_t>(most, net::Buffer::kSize);
    const std::uint64_t before = direction.bytes;
    const Pumped outcome = buffer ? copy_once(direction, source, target, std::move(buffer), size)
                                  : copy_by_peeking(direction, source, target, buffers.scratch(), size);
    if (outcome == Pumped::kEnded) return end_target(direction, target);
    if (outcome != Pumped::kMore) return outcome;
    most -= direction.bytes - before;
  }
  return Pumped::kMore;
}

}  // namespace weir::relay
