#include "pool/retry_budget.h"

#include <algorithm>

namespace weir::pool {

void RetryBudget::first_attempt() { saved_ = std::min(saved_ + kShare, kMost); }

bool RetryBudget::retry(base::TimePoint now) {
  if (now > last_) {
    const std::chrono::duration<double> passed = now - last_;
    saved_ = std::min(saved_ + passed.count() * kPerSecond, kMost);
    last_ = now;
  }
  if (saved_ < 1) return false;
  saved_ -= 1;
  return true;
}

}  // namespace weir::pool
