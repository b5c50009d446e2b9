#include "balance/least_connections.h"

#include <numeric>

namespace weir::balance {

LeastConnections::LeastConnections(std::span<const Candidate> candidates)
    : positions_(candidates),
      picked_(positions_.size()),
      picks_(positions_.size()),
      with_room_(positions_.size()) {
  std::iota(picked_.begin(), picked_.end(), std::uint64_t{0});
}

std::optional<BackendIndex> LeastConnections::pick(Members, const Request& request) {
  const auto least = with_room_.least(
      [&](std::uint32_t position) { return !request.may_go_to(positions_.index_of(position)); });
  if (!least) return std::nullopt;
  // Its place in the order moves with its load, which the caller is about to change.
  picked_[*least] = picks_++;
  return positions_.index_of(*least);
}

void LeastConnections::members_changed(Members members) {
  // Weights of several may have changed: the heap is built anew, not mended.
  with_room_.clear();
  for (std::uint32_t position = 0; position < positions_.size(); ++position)
    load_changed(members, positions_.index_of(position));
}

// Those who are new have never been picked, so they come before the others, in their order.
void LeastConnections::go_on_from(Policy& before) {
  const auto& earlier = static_cast<const LeastConnections&>(before);
  const std::vector<std::uint32_t> moved_to = positions_.moved_from(earlier.positions_);
  for (std::uint32_t position = 0; position < moved_to.size(); ++position) {
    if (moved_to[position] == Positions::kNone) continue;
    picked_[moved_to[position]] = positions_.size() + earlier.picked_[position];
  }
  picks_ = positions_.size() + earlier.picks_;
}

void LeastConnections::load_changed(Members members, BackendIndex index) {
  const std::uint32_t position = positions_.of(index);
  if (position == Positions::kNone) return;
  const Member& member = members[index];
  if (member.usable && member.has_room()) {
    with_room_.set(position, {std::uint64_t{member.in_flight} + 1, member.weight, picked_[position]});
  } else {
    with_room_.erase(position);
  }
}

}  // namespace weir::balance
