// How many of something happened in each of the last 60 seconds: what is needed to say when each of them will
// be a minute old. Counts, not times: those of one second are one. Pure: `now` is an argument; one thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace weir::pool {

class LastMinute {
 public:
  static constexpr std::chrono::seconds kLength{60};

  // `count` happened evenly between `from` and `now`. Precondition: from <= now, and no `now` goes back.
  void add(std::uint64_t count, base::TimePoint from, base::TimePoint now);

  // Those of the last `age` before the last `now`; `age` at most a minute.
  std::uint64_t within(std::chrono::seconds age) const;

 private:
  static std::int64_t second_of(base::TimePoint t) {
    return std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count();
  }
  // A clock may have begun less than a minute ago: then the older seconds are negative.
  static std::size_t place_of(std::int64_t second) {
    return static_cast<std::size_t>((second % kSeconds + kSeconds) % kSeconds);
  }

  static constexpr std::int64_t kSeconds = kLength.count();
  std::array<std::uint64_t, kSeconds> counts_{};
  std::int64_t newest_ = 0;  // the second of the last `now`
};

}  // namespace weir::pool
