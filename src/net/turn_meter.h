// How long a loop's turns take, from the moment it was woken until it waits again: what is ready meanwhile
// has to wait that long at most. The loop's thread writes, any thread reads. Counted per turn, and the one
// that is under way can be asked for too, since a turn that never ends is never counted.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>

#include "base/clock.h"
#include "metrics/histogram.h"

namespace weir::net {

inline constexpr metrics::HistogramBounds<12> kTurnBounds{
    base::Micros(50),     base::Micros(100),    base::Micros(250),     base::Micros(500),
    base::Micros(1'000),  base::Micros(2'500),  base::Micros(5'000),   base::Micros(10'000),
    base::Micros(25'000), base::Micros(50'000), base::Micros(100'000), base::Micros(1'000'000)};

class TurnMeter {
 public:
  using Turns = metrics::Histogram<kTurnBounds, metrics::Counter>;

  void begin(base::TimePoint now) { begun_.store(now.time_since_epoch().count(), std::memory_order_relaxed); }
  // Nothing happens when no turn has begun.
  void end(base::TimePoint now) {
    const std::int64_t begun = begun_.load(std::memory_order_relaxed);
    if (begun == kNone) return;
    begun_.store(kNone, std::memory_order_relaxed);
    // Most turns take a few microseconds: cut off instead of rounded, a tenth of all would be lost.
    turns_.add(std::chrono::round<base::Micros>(now.time_since_epoch() - Nanos(begun)));
  }

  // Of all turns that have ended. Any thread.
  const Turns& turns() const { return turns_; }
  // How long the turn that is under way has lasted by `now`; 0 while the loop waits. Any thread.
  base::Micros age(base::TimePoint now) const {
    const std::int64_t begun = begun_.load(std::memory_order_relaxed);
    if (begun == kNone) return base::Micros(0);
    const auto age = std::chrono::duration_cast<base::Micros>(now.time_since_epoch() - Nanos(begun));
    return std::max(age, base::Micros(0));
  }

 private:
  using Nanos = std::chrono::nanoseconds;
  static constexpr std::int64_t kNone = 0;

  std::atomic<std::int64_t> begun_{kNone};  // nanoseconds, as TimePoint has them
  Turns turns_;
};

}  // namespace weir::net
