#include "balance/source_hash.h"

#include <cmath>

namespace weir::balance {
namespace {

// Looked up in the table before all candidates are gone through. While half of them may be taken, one key in
// 65 536 gets so far.
constexpr std::uint64_t kMostLookups = 16;

}  // namespace

SourceHash::SourceHash(std::span<const Candidate> candidates, std::optional<double> hash_balance,
                       std::shared_ptr<const MaglevTable> table)
    : positions_(candidates),
      table_(table != nullptr ? std::move(table) : std::make_shared<const MaglevTable>(candidates)),
      hash_balance_(hash_balance),
      counted_(positions_.size(), 0) {
  WEIR_ASSERT(!hash_balance_ || *hash_balance_ > 1);
  for (const Candidate* candidate : ranked(candidates)) by_rank_.push_back(candidate->index);
  for (const Candidate& candidate : candidates) weights_.push_back(candidate.weight);
  WEIR_ASSERT(by_rank_.size() == table_->by_name().size());
}

template <class Wanted>
std::optional<BackendIndex> SourceHash::first_choice(std::uint64_t key, const Wanted& wanted) const {
  if (by_rank_.empty()) return std::nullopt;
  std::uint64_t bits = 0;
  for (std::uint64_t lookup = 0; lookup < kMostLookups; ++lookup) {
    bits = mix(key + lookup * kGolden);
    const BackendIndex index = by_rank_[table_->rank_of(bits)];
    if (wanted(index)) return index;
  }
  const auto count = static_cast<std::uint32_t>(by_rank_.size());
  const std::uint32_t start = below(count, mix(bits));
  for (std::uint32_t i = 0; i < count; ++i) {
    const BackendIndex index = by_rank_[(start + i) % count];
    if (wanted(index)) return index;
  }
  return std::nullopt;
}

bool SourceHash::is_within_bound(Members members, BackendIndex index) const {
  const double share = static_cast<double>(weights_[positions_.of(index)]) / static_cast<double>(weight_);
  return std::uint64_t{members[index].in_flight} + 1 <=
         static_cast<std::uint64_t>(std::ceil(*hash_balance_ * static_cast<double>(in_flight_ + 1) * share));
}

std::optional<BackendIndex> SourceHash::pick(Members members, const Request& request) {
  if (!hash_balance_) {
    const auto own = first_choice(
        request.key, [&](BackendIndex index) { return members[index].usable && request.may_go_to(index); });
    return own && members[*own].has_room() ? own : std::nullopt;
  }
  const auto bounded = first_choice(request.key, [&](BackendIndex index) {
    return may_take(members[index], index, request) && is_within_bound(members, index);
  });
  if (bounded) return bounded;
  return first_choice(request.key,
                      [&](BackendIndex index) { return may_take(members[index], index, request); });
}

void SourceHash::members_changed(Members members) {
  weight_ = 0;
  for (std::uint32_t position = 0; position < positions_.size(); ++position) {
    const BackendIndex index = positions_.index_of(position);
    if (members[index].usable) weight_ += weights_[position];
    load_changed(members, index);
  }
}

void SourceHash::load_changed(Members members, BackendIndex index) {
  const std::uint32_t position = positions_.of(index);
  if (position == Positions::kNone) return;
  const std::uint32_t in_flight = members[index].usable ? members[index].in_flight : 0;
  in_flight_ += in_flight;
  in_flight_ -= counted_[position];
  counted_[position] = in_flight;
}

}  // namespace weir::balance
