// A backend that fails session after session is left out for a time: what its sessions tell, without a check
// (outlier detection). The time grows with each ejection that follows soon on another. Pure.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace weir::pool {

struct EjectionRules {
  unsigned consecutive_failures = 5;  // 0: never
  base::Millis eject_time{
      30'000};  // the first time; n times that the n-th time in a row, at most `kMostGrowth` times
  double max_ejected = 0.5;    // share of a pool's backends that may be out at once
  bool observe_resets = true;  // a reset before the first byte counts as a failure too
  static constexpr unsigned kMostGrowth = 10;
};

class Ejection {
 public:
  // A session failed. True: that is enough in a row, so it should be ejected, if that may be.
  bool failed(const EjectionRules& rules);

  // A session got what it came for.
  void served() { failures_ = 0; }

  // Out from now on; returns for how long.
  base::Millis eject(const EjectionRules& rules, base::TimePoint now);

  // Its time is over at `now`: true once.
  bool returns(base::TimePoint now);

  // Back at once, and nothing is remembered.
  void forget() { *this = Ejection(); }

  bool is_out() const { return is_out_; }
  base::TimePoint until() const { return until_; }  // meaningful while it is out
  unsigned failures() const { return failures_; }

 private:
  unsigned failures_ = 0;
  unsigned in_a_row_ = 0;  // ejections
  bool is_out_ = false;
  base::TimePoint until_;
  base::Millis last_{0};
};

}  // namespace weir::pool
