// What one question to a rate limit costs, when it admits and when it refuses, alone and with other threads
// at the same word. The clock is not read: a gate reads it once for all its rules.
#include <benchmark/benchmark.h>

#include <chrono>

#include "admission/rate_limiter.h"

namespace weir::admission {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// Each asks 10 us later than before, 1000 times below the rate: everything is admitted.
void rate_limiter_admits(benchmark::State& state) {
  static RateLimiter limiter(Gcra({base::kMostEventsPerSecond, seconds(1)}, Gcra::kMostBurst));
  base::TimePoint now{seconds(1000)};
  for (auto _ : state) {
    now += microseconds(10);
    benchmark::DoNotOptimize(limiter.admit(now));
  }
}
BENCHMARK(rate_limiter_admits)->ThreadRange(1, 4)->UseRealTime();

// As one that is admitted here and refused by a later rule.
void rate_limiter_admits_and_takes_back(benchmark::State& state) {
  static RateLimiter limiter(Gcra({1000, seconds(1)}, 1000));
  base::TimePoint now{seconds(1000)};
  for (auto _ : state) {
    now += nanoseconds(100);
    if (limiter.admit(now)) limiter.give_back();
  }
}
BENCHMARK(rate_limiter_admits_and_takes_back)->ThreadRange(1, 4)->UseRealTime();

// A flood: one in ten thousand gets in.
void rate_limiter_refuses(benchmark::State& state) {
  static RateLimiter limiter(Gcra({1000, seconds(1)}, 1));
  base::TimePoint now{seconds(1000)};
  for (auto _ : state) {
    now += nanoseconds(100);
    benchmark::DoNotOptimize(limiter.admit(now));
  }
}
BENCHMARK(rate_limiter_refuses)->ThreadRange(1, 4)->UseRealTime();

}  // namespace
}  // namespace weir::admission
