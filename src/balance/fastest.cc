#include "balance/fastest.h"

namespace weir::balance {
namespace {

__extension__ using Wide = unsigned __int128;

// What a session would cost there, times the other's weight: the cheaper one has less. Below 2^97.
Wide cost(std::uint32_t connect_time, const Member& member, const Member& other) {
  return Wide{connect_time} * (std::uint64_t{member.in_flight} + 1) * other.weight;
}

}  // namespace

Fastest::Fastest(std::span<const Candidate> candidates, std::uint64_t seed)
    : positions_(candidates), unknown_(positions_.size()), draw_(candidates, seed) {}

std::optional<BackendIndex> Fastest::pick(Members members, const Request& request) {
  const WeightedDraw::Drawn drawn = draw_.two(members, request);
  if (drawn.count == 0) return std::nullopt;
  const auto [first, second] = drawn.indexes;
  const bool compares = drawn.count == 2 && ++picks_ % kMeasuredAgain != 0;
  const BackendIndex picked = compares && is_better(members, second, first) ? second : first;
  if (members[picked].connect_time == 0) ++unknown_[positions_.of(picked)].unanswered;
  return picked;
}

bool Fastest::is_better(Members members, BackendIndex a, BackendIndex b) const {
  const Member& one = members[a];
  const Member& other = members[b];
  const bool one_is_known = one.connect_time != 0;
  if (one_is_known == (other.connect_time != 0)) {
    const std::uint32_t floor = one_is_known ? 0 : 1;
    return cost(one.connect_time + floor, one, other) < cost(other.connect_time + floor, other, one);
  }
  const std::uint32_t unanswered = unknown_[positions_.of(one_is_known ? b : a)].unanswered;
  if (unanswered >= kMostUnanswered) return one_is_known;
  return one_is_known ? cost(1, one, other) < cost(1, other, one)
                      : cost(1, one, other) <= cost(1, other, one);
}

void Fastest::go_on_from(Policy& before) {
  const auto& earlier = static_cast<const Fastest&>(before);
  const std::vector<std::uint32_t> moved_to = positions_.moved_from(earlier.positions_);
  for (std::uint32_t position = 0; position < moved_to.size(); ++position) {
    if (moved_to[position] != Positions::kNone) unknown_[moved_to[position]] = earlier.unknown_[position];
  }
  picks_ = earlier.picks_;
  draw_.go_on_from(earlier.draw_);
}

void Fastest::load_changed(Members members, BackendIndex index) {
  draw_.load_changed(members, index);
  const std::uint32_t position = positions_.of(index);
  if (position == Positions::kNone) return;
  const Member& member = members[index];
  Unknown& unknown = unknown_[position];
  const std::uint32_t left = unknown.in_flight - std::min(unknown.in_flight, member.in_flight);
  unknown.unanswered = member.connect_time != 0 ? 0 : unknown.unanswered - std::min(unknown.unanswered, left);
  unknown.in_flight = member.in_flight;
}

}  // namespace weir::balance
