// Two backends drawn by weight, and the one of them with the lower connect_time * (in_flight + 1) / weight.
//
// A backend whose connect time is not known yet is measured first, but gently: while fewer than
// `kMostUnanswered` picks of it are out without an answer, it is compared with any other by (in_flight + 1) /
// weight alone and wins when that is equal; with more of them out it loses to every backend whose time is
// known. Between two unknown ones (in_flight + 1) / weight decides.
//
// A connect time changes by connects only, so one that was bad once would never be seen to be good again:
// every `kMeasuredAgain`-th pick takes the first that was drawn, whatever its time.
#pragma once

#include "balance/weighted_draw.h"

namespace weir::balance {

class Fastest final : public Policy {
 public:
  // Answered is a pick when the connect time becomes known, or when a session leaves the backend.
  static constexpr std::uint32_t kMostUnanswered = 8;

  static constexpr std::uint32_t kMeasuredAgain = 32;

  Fastest(std::span<const Candidate> candidates, std::uint64_t seed);

  std::optional<BackendIndex> pick(Members members, const Request& request) override;
  void members_changed(Members members) override { draw_.members_changed(members); }
  void load_changed(Members members, BackendIndex index) override;
  void go_on_from(Policy& before) override;

 private:
  struct Unknown {
    std::uint32_t in_flight = 0;   // as last seen
    std::uint32_t unanswered = 0;  // picks
  };

  bool is_better(Members members, BackendIndex a, BackendIndex b) const;

  const Positions positions_;
  std::vector<Unknown> unknown_;
  WeightedDraw draw_;
  std::uint32_t picks_ = 0;
};

}  // namespace weir::balance
