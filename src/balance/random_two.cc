#include "balance/random_two.h"

namespace weir::balance {
namespace {

// Loads are at most 2^32 and weights less, so that no product overflows.
bool is_less_loaded(const Member& a, const Member& b) {
  return (std::uint64_t{a.in_flight} + 1) * b.weight < (std::uint64_t{b.in_flight} + 1) * a.weight;
}

}  // namespace

std::optional<BackendIndex> RandomTwo::pick(Members members, const Request& request) {
  const WeightedDraw::Drawn drawn = draw_.two(members, request);
  if (drawn.count == 0) return std::nullopt;
  const auto [first, second] = drawn.indexes;
  return drawn.count == 2 && is_less_loaded(members[second], members[first]) ? second : first;
}

}  // namespace weir::balance
