#include "balance/round_robin.h"

namespace weir::balance {

RoundRobin::RoundRobin(std::span<const Candidate> candidates)
    : positions_(candidates), turns_(positions_.size()), with_room_(positions_.size()) {}

std::optional<BackendIndex> RoundRobin::pick(Members members, const Request& request) {
  if (with_room_.empty()) return std::nullopt;
  if (request.tried.empty()) {
    const BackendIndex due = positions_.index_of(turns_.next());
    if (members[due].has_room() && request.may_go_to(due)) return due;
  }
  const auto taken = with_room_.take(
      [&](std::uint32_t position) { return !request.may_go_to(positions_.index_of(position)); },
      [&](std::uint32_t position) { return members[positions_.index_of(position)].weight; });
  if (!taken) return std::nullopt;
  return positions_.index_of(*taken);
}

void RoundRobin::members_changed(Members members) {
  std::vector<std::uint32_t> weights(positions_.size(), 0);
  for (std::uint32_t position = 0; position < positions_.size(); ++position) {
    const Member& member = members[positions_.index_of(position)];
    if (member.usable) weights[position] = member.weight;
    load_changed(members, positions_.index_of(position));
  }
  turns_.restart(weights);
}

void RoundRobin::go_on_from(Policy& before) {
  auto& earlier = static_cast<RoundRobin&>(before);
  const std::vector<std::uint32_t> moved_to = positions_.moved_from(earlier.positions_);
  turns_.go_on_from(earlier.turns_, moved_to);
  with_room_.go_on_from(earlier.with_room_, moved_to);
}

void RoundRobin::load_changed(Members members, BackendIndex index) {
  const std::uint32_t position = positions_.of(index);
  if (position == Positions::kNone) return;
  const bool takes = members[index].usable && members[index].has_room();
  if (takes == with_room_.contains(position)) return;
  if (takes) {
    with_room_.insert(position);
  } else {
    with_room_.erase(position);
  }
}

}  // namespace weir::balance
