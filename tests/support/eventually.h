// Waiting for a condition with a deadline: the only way in which tests wait. The short pause between two
// looks is an interval of polling, never what a test relies on.
#pragma once

#include <chrono>
#include <thread>

#include "support/sanitizers.h"

namespace weir::test {

using Millis = std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// How long anything may take that should happen at once. Long, since it is only waited for in full by a test
// that fails.
inline constexpr Millis kPatience{kSanitized ? 120'000 : 60'000};

// Looks at `condition` until it holds or `patience` has passed; says whether it holds.
template <class Condition>
[[nodiscard]] bool eventually(Condition&& condition, Millis patience = kPatience) {
  const auto deadline = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() >= deadline) return condition();
    std::this_thread::sleep_for(Millis(2));
  }
  return true;
}

// Lets time pass while something is being observed: a rate, or that nothing happens. Never to wait for an
// event.
inline void observe_for(Millis span) { std::this_thread::sleep_for(span); }

}  // namespace weir::test
