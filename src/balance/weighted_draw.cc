#include "balance/weighted_draw.h"

namespace weir::balance {
namespace {

// Lots for one pick before those with room are looked through.
constexpr int kMostLots = 12;

constexpr std::uint32_t kNowhere = ~0u;

}  // namespace

WeightedDraw::WeightedDraw(std::span<const Candidate> candidates, std::uint64_t seed)
    : positions_(candidates), random_(seed), places_(positions_.size(), kNowhere) {
  with_room_.reserve(positions_.size());
}

BackendIndex WeightedDraw::draw() {
  const std::uint64_t lot = random_.next();
  const Column& column = columns_[below(static_cast<std::uint32_t>(columns_.size()), lot)];
  return static_cast<std::uint32_t>(lot) < column.threshold ? column.owner : column.alias;
}

WeightedDraw::Drawn WeightedDraw::two(Policy::Members members, const Request& request) {
  Drawn drawn{{}, 0};
  const auto take = [&](BackendIndex index) {
    if (drawn.count == 1 && drawn.indexes[0] == index) return;
    if (request.may_go_to(index)) drawn.indexes[drawn.count++] = index;
  };
  const std::size_t most = std::min<std::size_t>(2, with_room_.size());
  for (int lots = 0; lots < kMostLots && drawn.count < most; ++lots) {
    const BackendIndex index = draw();
    if (members[index].has_room()) take(index);
  }
  // All of them may be taken but those tried and those out of reach, so that this mostly ends soon.
  const auto count = static_cast<std::uint32_t>(with_room_.size());
  const std::uint32_t start = drawn.count < most ? below(count, random_.next()) : 0;
  for (std::uint32_t i = 0; i < count && drawn.count < most; ++i) take(with_room_[(start + i) % count]);
  return drawn;
}

void WeightedDraw::members_changed(Policy::Members members) {
  struct Part {
    BackendIndex index;
    std::uint64_t height;  // of `total` each, once they are level
  };
  std::vector<Part> low;
  std::vector<Part> high;
  std::uint64_t total = 0;
  std::uint64_t count = 0;
  for (std::uint32_t position = 0; position < positions_.size(); ++position) {
    const BackendIndex index = positions_.index_of(position);
    load_changed(members, index);
    if (!members[index].usable) continue;
    total += members[index].weight;
    ++count;
  }
  for (std::uint32_t position = 0; position < positions_.size(); ++position) {
    const BackendIndex index = positions_.index_of(position);
    if (!members[index].usable) continue;
    const std::uint64_t height = members[index].weight * count;
    (height < total ? low : high).push_back({index, height});
  }
  columns_.clear();
  columns_.reserve(count);
  while (!low.empty() && !high.empty()) {
    const Part part = low.back();
    low.pop_back();
    const double share = static_cast<double>(part.height) / static_cast<double>(total);
    columns_.push_back({static_cast<std::uint32_t>(share * 0x1p32), part.index, high.back().index});
    high.back().height -= total - part.height;
    if (high.back().height < total) {
      low.push_back(high.back());
      high.pop_back();
    }
  }
  // Level exactly, as the sums are exact.
  for (const Part& part : high) columns_.push_back({0, part.index, part.index});
}

void WeightedDraw::load_changed(Policy::Members members, BackendIndex index) {
  const std::uint32_t position = positions_.of(index);
  if (position == Positions::kNone) return;
  std::uint32_t& place = places_[position];
  const bool takes = members[index].usable && members[index].has_room();
  if (takes == (place != kNowhere)) return;
  if (takes) {
    place = static_cast<std::uint32_t>(with_room_.size());
    with_room_.push_back(index);
    return;
  }
  const BackendIndex last = with_room_.back();
  with_room_.pop_back();
  if (last != index) {
    with_room_[place] = last;
    places_[positions_.of(last)] = place;
  }
  place = kNowhere;
}

}  // namespace weir::balance
