// How long something takes, counted in buckets with fixed bounds: no lock, no floating point, nothing is
// allocated where it is counted. Any thread reads. A reading adds the buckets up by itself, so that what it
// shows as all is all of its buckets, whatever moves meanwhile; the sum may be a moment apart.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "metrics/counter.h"

namespace weir::metrics {

using HistogramTime = std::chrono::microseconds;

// The most that is still in each bucket, in ascending order; one more bucket has no bound.
template <std::size_t count>
using HistogramBounds = std::array<HistogramTime, count>;

// One reading of a histogram, or the sum of several with the same bounds.
struct HistogramReading {
  std::span<const HistogramTime> bounds;
  std::vector<std::uint64_t> buckets;  // each alone; one more than there are bounds
  std::uint64_t microseconds = 0;      // all that was counted, together
};

// `bounds` is a constant that lives as long as the program; `One` is what counts a bucket: `Counter` for one
// writer, `SharedCounter` for many.
template <const auto& bounds, class One>
class Histogram {
 public:
  // Time below 0 counts as none.
  void add(HistogramTime time) {
    const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), time) - bounds.begin();
    buckets_[static_cast<std::size_t>(bucket)].add();
    microseconds_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)));
  }

  // Adds what is here to `sum`, which is of the same bounds.
  void add_to(HistogramReading& sum) const {
    for (std::size_t i = 0; i < buckets_.size(); ++i) sum.buckets[i] += buckets_[i].value();
    sum.microseconds += microseconds_.value();
  }

  HistogramReading read() const {
    HistogramReading reading = nothing();
    add_to(reading);
    return reading;
  }

  // What one reads in which nothing has been counted.
  static HistogramReading nothing() { return {bounds, std::vector<std::uint64_t>(bounds.size() + 1), 0}; }

 private:
  std::array<One, bounds.size() + 1> buckets_;
  One microseconds_;
};

}  // namespace weir::metrics
