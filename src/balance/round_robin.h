// Smooth weighted round robin: with weights fixed, after any number of first picks each backend has had its
// exact share, less or more than one. A full backend's turn, and a retry, go to the next of a fair queue of
// their own: the share of a full or dead backend spreads evenly over the others, and retries never move the
// order of first picks.
#pragma once

#include "balance/fair_queue.h"
#include "balance/positions.h"
#include "balance/turns.h"

namespace weir::balance {

class RoundRobin final : public Policy {
 public:
  explicit RoundRobin(std::span<const Candidate> candidates);

  std::optional<BackendIndex> pick(Members members, const Request& request) override;
  void members_changed(Members members) override;
  void load_changed(Members members, BackendIndex index) override;
  void go_on_from(Policy& before) override;

 private:
  const Positions positions_;
  Turns turns_;
  FairQueue with_room_;  // usable, with room
};

}  // namespace weir::balance
