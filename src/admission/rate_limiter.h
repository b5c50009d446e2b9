// One rate limit, shared by all threads and exact over them: an atomic word (gcra.h), no lock, no timer and
// no thread that refills. It asks no clock: `now` should come from a precise one, and where threads' clocks
// disagree a little it admits less, never more. A live block: kept by identity over reloads.
#pragma once

#include <atomic>

#include "admission/gcra.h"
#include "base/clock.h"

namespace weir::admission {

// A cache line of its own: what is written by every admission would otherwise slow its neighbours down.
class alignas(64) RateLimiter {
 public:
  explicit RateLimiter(Gcra rule) : rule_(rule) {}
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  // Takes the place of another one at `now`: its burst lacks as much as that one's did. Before it is asked.
  void go_on_from(const RateLimiter& before, base::TimePoint now);

  // How far it is ahead of its rate, and going on from so much: of another process's. Before it is asked.
  std::chrono::nanoseconds ahead(base::TimePoint now) const {
    return rule_.ahead(arrival_.load(std::memory_order_relaxed), now);
  }
  void go_on_from(std::chrono::nanoseconds ahead, base::TimePoint now) {
    arrival_.store(rule_.arrival_ahead(ahead, now), std::memory_order_relaxed);
  }

  // How much of its burst is used up at `now`: from 0 to all of it, when the next one is refused. Any thread.
  std::uint64_t used(base::TimePoint now) const {
    return rule_.lacking(arrival_.load(std::memory_order_relaxed), now);
  }

  // Whether one more may come in at `now`; if so it is counted. A refusal writes nothing. Any thread.
  [[nodiscard]] bool admit(base::TimePoint now);

  // Takes one admission back that another rule refused. Any thread; at once (see `Gcra::give_back`), and at
  // most once for each `admit` that said yes.
  void give_back();

  const Gcra& rule() const { return rule_; }

 private:
  const Gcra rule_;
  // Only this word is shared, and nothing is published by it: every access is relaxed.
  std::atomic<Ticks> arrival_{0};
};

static_assert(std::atomic<Ticks>::is_always_lock_free);

}  // namespace weir::admission
