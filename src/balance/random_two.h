// Two backends drawn by weight, and the one of them with the lower (in_flight + 1) / weight: nearly as even
// as least connections, and several Weirs that do not know of each other do not all run to the same backend
// (Mitzenmacher 2001, "The power of two choices in randomized load balancing").
#pragma once

#include "balance/weighted_draw.h"

namespace weir::balance {

class RandomTwo final : public Policy {
 public:
  RandomTwo(std::span<const Candidate> candidates, std::uint64_t seed) : draw_(candidates, seed) {}

  std::optional<BackendIndex> pick(Members members, const Request& request) override;
  void members_changed(Members members) override { draw_.members_changed(members); }
  void load_changed(Members members, BackendIndex index) override { draw_.load_changed(members, index); }
  void go_on_from(Policy& before) override { draw_.go_on_from(static_cast<RandomTwo&>(before).draw_); }

 private:
  WeightedDraw draw_;
};

}  // namespace weir::balance
