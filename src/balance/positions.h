// The candidates of a policy numbered from 0 in the order in which they were given, and the way from a
// backend's index to that number and back. What a policy keeps of each candidate lies in plain vectors by
// this number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/policy.h"
#include "base/assert.h"

namespace weir::balance {

class Positions {
 public:
  static constexpr std::uint32_t kNone = ~0u;

  explicit Positions(std::span<const Candidate> candidates) {
    indexes_.reserve(candidates.size());
    for (const Candidate& candidate : candidates) {
      if (candidate.index >= positions_.size()) positions_.resize(candidate.index + 1, kNone);
      WEIR_ASSERT(positions_[candidate.index] == kNone);
      positions_[candidate.index] = static_cast<std::uint32_t>(indexes_.size());
      indexes_.push_back(candidate.index);
    }
  }

  std::uint32_t size() const { return static_cast<std::uint32_t>(indexes_.size()); }
  BackendIndex index_of(std::uint32_t position) const { return indexes_[position]; }

  // `kNone` of a backend that is no candidate.
  std::uint32_t of(BackendIndex index) const { return index < positions_.size() ? positions_[index] : kNone; }

  // For each position of `before` where the same backend is here; `kNone` where it is not.
  std::vector<std::uint32_t> moved_from(const Positions& before) const {
    std::vector<std::uint32_t> moved_to;
    moved_to.reserve(before.size());
    for (const BackendIndex index : before.indexes_) moved_to.push_back(of(index));
    return moved_to;
  }

 private:
  std::vector<BackendIndex> indexes_;
  std::vector<std::uint32_t> positions_;
};

}  // namespace weir::balance
