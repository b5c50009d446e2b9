// How much of its weight a backend has that has just come back: it grows from a tenth to all of it, so that a
// cold server is not met with its full share at once. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace weir::pool {

inline constexpr std::uint32_t kWholeWeight = 10;  // tenths

// Tenths of its weight, 1 to `kWholeWeight`, `age` after it came back, when the whole takes `ramp`.
constexpr std::uint32_t slow_start_tenths(std::chrono::nanoseconds age, base::Millis ramp) {
  if (age >= ramp) return kWholeWeight;
  const auto passed = std::max<std::int64_t>(age.count(), 0) * kWholeWeight;
  const auto whole = std::chrono::nanoseconds(ramp).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(passed / whole, 1, kWholeWeight));
}

}  // namespace weir::pool
