#include "admission/rate_limiter.h"

namespace weir::admission {

bool RateLimiter::admit(base::TimePoint now) {
  const Ticks ticks = rule_.at(now);
  Ticks seen = arrival_.load(std::memory_order_relaxed);
  for (;;) {
    Ticks next = seen;
    if (!rule_.admit(next, ticks)) return false;
    if (arrival_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return true;
  }
}

void RateLimiter::give_back() { arrival_.fetch_sub(Gcra::kInterval, std::memory_order_relaxed); }

}  // namespace weir::admission
