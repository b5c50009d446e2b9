#include "relay/pump.h"

#include "relay/copy_pump.h"
#include "relay/splice_pump.h"

namespace weir::relay {
namespace {

// Whether the direction has a pipe to go on with. One that `waited` for its target would keep it for long.
bool splices(Direction& direction, net::PipePool* pipes, bool waited) {
  if (direction.pipe != nullptr) return true;
  const bool may_splice = pipes != nullptr && !direction.held && !direction.source_ended &&
                          !direction.read_on && !(waited && pipes->is_short());
  if (!may_splice || !direction.meter.is_bulk()) return false;
  direction.pipe = pipes->acquire();
  return direction.pipe != nullptr;
}

Pumped move(Direction& direction, int source, int target, net::BufferPool& buffers, net::PipePool* pipes,
            std::uint64_t most) {
  const bool waited = direction.blocked;
  if (!splices(direction, pipes, waited)) return pump_by_copy(direction, source, target, buffers, most);
  // Only emptied; what follows is copied.
  const bool gives_pipe_up = direction.read_on || (waited && pipes->is_short());
  const Pumped outcome = pump_by_splice(direction, source, target, gives_pipe_up ? 0 : most);
  if (direction.pipe->size() > 0 && outcome == Pumped::kBlocked) return outcome;
  direction.pipe.reset();
  const bool goes_on_by_copy = outcome == Pumped::kEnded || (outcome == Pumped::kMore && gives_pipe_up);
  return goes_on_by_copy ? pump_by_copy(direction, source, target, buffers, most) : outcome;
}

}  // namespace

Pumped pump(Direction& direction, int source, int target, net::BufferPool& buffers, net::PipePool* pipes,
            std::uint64_t most) {
  const std::uint64_t before = direction.bytes;
  const Pumped outcome = move(direction, source, target, buffers, pipes, most);
  direction.meter.moved(direction.bytes - before);
  return outcome;
}

}  // namespace weir::relay
