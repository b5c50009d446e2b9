#include "relay/pump.h"

#include "relay/copy_pump.h"
#include "relay/splice_pump.h"

namespace weir::relay {
namespace {

// Whether the direction has a pipe to go on with.
bool splices(Direction& direction, net::PipePool* pipes) {
  if (direction.pipe != nullptr) return true;
  const bool may_splice =
      pipes != nullptr && !direction.held && !direction.source_ended && !direction.read_on;
  if (!may_splice || !direction.meter.is_bulk()) return false;
  direction.pipe = pipes->acquire();
  return direction.pipe != nullptr;
}

Pumped move(Direction& direction, int source, int target, net::BufferPool& buffers, net::PipePool* pipes,
            std::uint64_t most) {
  if (!splices(direction, pipes)) return pump_by_copy(direction, source, target, buffers, most);
  const Pumped outcome = pump_by_splice(direction, source, target, direction.read_on ? 0 : most);
  if (direction.pipe->size() > 0 && outcome == Pumped::kBlocked) return outcome;
  direction.pipe.reset();
  const bool only_a_read_can_tell =
      outcome == Pumped::kEnded || (outcome == Pumped::kMore && direction.read_on);
  return only_a_read_can_tell ? pump_by_copy(direction, source, target, buffers, most) : outcome;
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
