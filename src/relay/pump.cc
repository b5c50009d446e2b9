#include "relay/pump.h"

#include "relay/copy_pump.h"
#include "relay/splice_pump.h"

namespace weir::relay {
namespace {

// Whether what comes from now on has to be copied: only a read tells what lies ahead, or the direction waited
// for its target, and would keep a pipe for long while few are left.
bool must_copy(const Direction& direction, const net::PipePool& pipes) {
  return direction.read_on || (direction.blocked && pipes.is_short());
}

// Whether the direction has a pipe to go on with.
bool splices(Direction& direction, net::PipePool* pipes) {
  if (direction.pipe != nullptr) return true;
  if (pipes == nullptr || direction.held || direction.source_ended || !direction.meter.is_bulk())
    return false;
  if (must_copy(direction, *pipes)) return false;
  direction.pipe = pipes->acquire();
  return direction.pipe != nullptr;
}

Pumped move(Direction& direction, const End& source, const End& target, net::BufferPool& buffers,
            net::PipePool* pipes, std::uint64_t most) {
  if (!splices(direction, pipes)) return pump_by_copy(direction, source, target, buffers, most);
  // The pipe is emptied then, and no more.
  const bool gives_pipe_up = must_copy(direction, *pipes);
  const Pumped outcome = pump_by_splice(direction, source.fd, target.fd, gives_pipe_up ? 0 : most);
  if (direction.pipe->size() > 0 && outcome == Pumped::kBlocked) return outcome;
  direction.pipe.reset();
  const bool goes_on_by_copy = outcome == Pumped::kEnded || (outcome == Pumped::kMore && gives_pipe_up);
  return goes_on_by_copy ? pump_by_copy(direction, source, target, buffers, most) : outcome;
}

}  // namespace

Pumped pump(Direction& direction, const End& source, const End& target, net::BufferPool& buffers,
            net::PipePool* pipes, std::uint64_t most) {
  const std::uint64_t before = direction.bytes;
  const Pumped outcome = move(direction, source, target, buffers, pipes, most);
  direction.meter.moved(direction.bytes - before);
  return outcome;
}

}  // namespace weir::relay
