// The first usable backend, in the order of the configuration, that has room: one is filled up to its maximum
// before the next gets anything, so that the last ones may stay idle.
#pragma once

#include <vector>

#include "balance/positions.h"

namespace weir::balance {

class First final : public Policy {
 public:
  explicit First(std::span<const Candidate> candidates);

  std::optional<BackendIndex> pick(Members members, const Request& request) override;
  void members_changed(Members members) override;
  void load_changed(Members members, BackendIndex index) override;

 private:
  const Positions positions_;
  std::vector<std::uint64_t> with_room_;  // a bit for each position: usable, with room
  std::size_t first_ = 0;                 // words before this one are empty
};

}  // namespace weir::balance
