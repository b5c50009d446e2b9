// The generic cell rate algorithm (ITU-T I.371, Annex A, virtual scheduling): holds a stream of admissions to
// a rate and a burst with one word of state, the theoretical arrival time of the next one. Pure arithmetic:
// who keeps the word says how it is shared (rate_limiter.h, client_table.h).
//
// Time is counted in ticks, 1024 to the rate's own emission interval, and not in nanoseconds: so that an
// admission costs a whole number of ticks at every rate and nothing is rounded from one to the next. A rate
// is kept within 2e-9 of what was asked, an admission comes at most 1/1024 of an interval early, and that
// does not add up. At 10 million a second the ticks of CLOCK_MONOTONIC last for 57 years of uptime, at lower
// rates longer in proportion.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/assert.h"
#include "base/clock.h"
#include "base/rate.h"

namespace weir::admission {

// A point of time, or a theoretical arrival time, of one `Gcra`; of no meaning to another one with another
// rate. 0 is the arrival time of somebody who was never seen.
using Ticks = std::uint64_t;

class Gcra {
 public:
  static constexpr Ticks kInterval = 1024;
  static constexpr std::uint64_t kMostBurst = 0xffff'ffff;

  // After a time without admissions `burst` may come at once. Preconditions: the rate is between 1/h and
  // `base::kMostEventsPerSecond`, the burst between 1 and `kMostBurst`.
  constexpr Gcra(base::Rate rate, std::uint64_t burst)
      : ticks_per_ns_(scale(rate)), tolerance_((burst - 1) * kInterval) {
    WEIR_ASSERT(burst >= 1 && burst <= kMostBurst);
  }

  // `now` in ticks, rounded down. Precondition: not before the clock's zero.
  constexpr Ticks at(base::TimePoint now) const {
    const auto ns = static_cast<std::uint64_t>(now.time_since_epoch().count());
    return static_cast<Ticks>((Wide{ns} * ticks_per_ns_) >> kScaleBits);
  }

  // Whether one may come in at `now`; if so `arrival` has moved on by an interval, otherwise it is as it was.
  // A `now` that lies before an earlier one admits less, never more.
  [[nodiscard]] constexpr bool admit(Ticks& arrival, Ticks now) const {
    if (arrival > now + tolerance_) return false;
    arrival = std::max(arrival, now) + kInterval;
    return true;
  }

  // Takes an admission back, as if it had not been asked for. Precondition: each admission at most once, and
  // soon: what comes back only after the burst was whole again lets in one more than the burst.
  static constexpr void give_back(Ticks& arrival) { arrival -= std::min(arrival, kInterval); }

  // The arrival time here of somebody who had `arrival` by the rule that held until `now`: so many admissions
  // as that one's burst lacked, this one's lacks, but never more than all of it: the next one comes after an
  // interval at the latest, and not after those of a burst that was larger.
  constexpr Ticks carried_over(const Gcra& before, Ticks arrival, base::TimePoint now) const {
    const Ticks then = before.at(now);
    return is_past(arrival, then) ? 0 : at(now) + std::min(arrival - then, tolerance_ + kInterval);
  }

  // How far ahead of `now` an arrival time is, and the arrival time of somebody who is so far ahead, but
  // never further than this burst reaches: so that one clock's figures can be told to somebody with another
  // rule.
  constexpr std::chrono::nanoseconds ahead(Ticks arrival, base::TimePoint now) const {
    const Ticks then = at(now);
    if (is_past(arrival, then)) return std::chrono::nanoseconds(0);
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>((Wide{arrival - then} << kScaleBits) / ticks_per_ns_));
  }
  constexpr Ticks arrival_ahead(std::chrono::nanoseconds ahead, base::TimePoint now) const {
    if (ahead <= std::chrono::nanoseconds(0)) return 0;
    const Wide ticks = (Wide{static_cast<std::uint64_t>(ahead.count())} * ticks_per_ns_) >> kScaleBits;
    return at(now) + static_cast<Ticks>(std::min<Wide>(ticks, tolerance_ + kInterval));
  }

  // So many admissions the burst lacks at `now`, one that has come back in part as a whole one: from none to
  // all of it. A `now` that lies before an admission finds no more than that.
  constexpr std::uint64_t lacking(Ticks arrival, base::TimePoint now) const {
    const Ticks then = at(now);
    if (is_past(arrival, then)) return 0;
    return std::min((arrival - then + kInterval - 1) / kInterval, tolerance_ / kInterval + 1);
  }

  friend constexpr bool operator==(const Gcra&, const Gcra&) = default;

  // Whether the burst is whole again at `now`, so that a fresh start would look the same.
  static constexpr bool is_past(Ticks arrival, Ticks now) { return arrival <= now; }

 private:
  using Wide = unsigned __int128;
  // The fastest rate has 10.24 ticks a nanosecond: 4 bits in front of the point and 60 behind it. The slowest
  // then has 29 bits that count.
  static constexpr int kScaleBits = 60;

  static constexpr std::uint64_t scale(base::Rate rate) {
    const auto seconds = static_cast<std::uint64_t>(rate.period.count());
    WEIR_ASSERT(rate.count >= 1 && seconds >= 1 && seconds <= 3600 &&
                rate.count <= base::kMostEventsPerSecond * seconds);
    const Wide period_ns = Wide{seconds} * 1'000'000'000;
    return static_cast<std::uint64_t>(((Wide{rate.count} * kInterval << kScaleBits) + period_ns / 2) /
                                      period_ns);
  }

  std::uint64_t ticks_per_ns_;  // fixed point
  Ticks tolerance_;
};

}  // namespace weir::admission
