// How many retries a pool's sessions may make, so that one which is dying is not met with a multiple of its
// load: half as many as there are first attempts, and a few a second where there are few. Pure.
#pragma once

#include "base/clock.h"

namespace weir::pool {

class RetryBudget {
 public:
  static constexpr double kShare = 0.5;     // of first attempts
  static constexpr double kPerSecond = 10;  // whatever the load
  static constexpr double kMost = 100;      // saved up; there at the start

  // A session's first attempt.
  void first_attempt();

  // Whether one may try again now; takes it off the budget.
  bool retry(base::TimePoint now);

 private:
  double saved_ = kMost;
  base::TimePoint last_{};
};

}  // namespace weir::pool
