#include "balance/first.h"

#include <bit>

namespace weir::balance {
namespace {

constexpr std::uint32_t kBits = 64;

}  // namespace

First::First(std::span<const Candidate> candidates)
    : positions_(candidates), with_room_((candidates.size() + kBits - 1) / kBits, 0) {}

std::optional<BackendIndex> First::pick(Members, const Request& request) {
  while (first_ < with_room_.size() && with_room_[first_] == 0) ++first_;
  for (std::size_t word = first_; word < with_room_.size(); ++word) {
    for (std::uint64_t left = with_room_[word]; left != 0; left &= left - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(left));
      const BackendIndex index = positions_.index_of(static_cast<std::uint32_t>(word * kBits + bit));
      if (request.may_go_to(index)) return index;
    }
  }
  return std::nullopt;
}

void First::members_changed(Members members) {
  for (std::uint32_t position = 0; position < positions_.size(); ++position)
    load_changed(members, positions_.index_of(position));
}

void First::load_changed(Members members, BackendIndex index) {
  const std::uint32_t position = positions_.of(index);
  if (position == Positions::kNone) return;
  const std::uint64_t bit = 1ull << (position % kBits);
  const std::size_t word = position / kBits;
  if (members[index].usable && members[index].has_room()) {
    with_room_[word] |= bit;
    first_ = std::min(first_, word);
  } else {
    with_room_[word] &= ~bit;
  }
}

}  // namespace weir::balance
