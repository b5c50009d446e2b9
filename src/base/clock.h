// Time as Weir uses it. Layer 1 never asks a clock: it takes `now` as an argument, so that tests and
// simulations own time. `coarse_now` is for deadlines (a vDSO read, resolution of the kernel's tick, about 1
// to 4 ms); `precise_now` is for what is measured and reported.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace weir::base {

using Millis = std::chrono::milliseconds;
using Micros = std::chrono::microseconds;

// A point of CLOCK_MONOTONIC.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

namespace detail {
inline TimePoint read_clock(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return TimePoint(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}
}  // namespace detail

inline TimePoint coarse_now() { return detail::read_clock(CLOCK_MONOTONIC_COARSE); }
inline TimePoint precise_now() { return detail::read_clock(CLOCK_MONOTONIC); }

}  // namespace weir::base
