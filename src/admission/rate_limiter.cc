#include "admission/rate_limiter.h"

namespace weir::admission {

void RateLimiter::go_on_from(const RateLimiter& before, base::TimePoint now) {
  const Ticks arrival = before.arrival_.load(std::memory_order_relaxed);
  arrival_.store(rule_.carried_over(before.rule_, arrival, now), std::memory_order_relaxed);
}

bool RateLimiter::admit(base::TimePoint now) {
  const Ticks ticks = rule_.at(now);
  Ticks seen = arrival_.load(std::memory_order_relaxed);
  for (;;) {
    Ticks next = seen;
    if (!rule_.admit(next, ticks)) return false;
    if (arrival_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return true;
  }
}

void RateLimiter::give_back() {
  Ticks seen = arrival_.load(std::memory_order_relaxed);
  for (;;) {
    Ticks next = seen;
    Gcra::give_back(next);
    if (arrival_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return;
  }
}

}  // namespace weir::admission
