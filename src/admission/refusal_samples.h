// The last few refused clients, for the operator: a counter says how many, a sample says who. One ring for
// each worker, which writes it; any thread reads. Bounded in memory and, under a flood, in work: at most one
// sample a millisecond is kept.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "admission/refusals.h"
#include "base/address.h"
#include "base/clock.h"

namespace weir::admission {

struct RefusalSample {
  std::chrono::system_clock::time_point time;
  std::string listener;  // its name
  base::Address client;
  Refusal reason = Refusal::kDenied;
  bool dry_run = false;  // it would have been refused
};

class RefusalSamples {
 public:
  static constexpr std::size_t kMost = 64;

  // Whether a sample that is taken now is kept. The writer's thread only; costs nothing but a comparison, so
  // that a sample need not be made in vain.
  bool wants(base::TimePoint now) const { return now >= next_; }

  void add(RefusalSample&& sample, base::TimePoint now) {
    next_ = now + base::Millis(1);
    const std::lock_guard lock(mutex_);
    ring_[written_++ % kMost] = std::move(sample);
  }

  // Those that are kept, the oldest first. Any thread.
  std::vector<RefusalSample> read() const {
    const std::lock_guard lock(mutex_);
    std::vector<RefusalSample> samples;
    for (std::uint64_t i = written_ > kMost ? written_ - kMost : 0; i < written_; ++i) {
      samples.push_back(ring_[i % kMost]);
    }
    return samples;
  }

 private:
  base::TimePoint next_;
  mutable std::mutex mutex_;
  std::array<RefusalSample, kMost> ring_;  // guarded by mutex_
  std::uint64_t written_ = 0;              // guarded by mutex_
};

}  // namespace weir::admission
