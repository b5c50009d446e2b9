// When a target is probed next. Pure: chance comes as a number.
#pragma once

#include "health/check.h"

namespace weir::health {

// How a target stands, as whoever counts rise and fall sees it.
enum class Pace : std::uint8_t {
  kSteady,
  kChanging  // its last result speaks against the state that it is in: the next one is wanted sooner
};

// The first probe comes soon, but not all at once: anywhere within the interval or a second, whichever is
// shorter. `chance` is in [0, 1).
base::Millis first_delay(const Check& check, double chance);

// From the start of one probe to the start of the next: the interval, or a quarter of it while changing (but
// at least 100 ms, unless the interval itself is shorter), made longer or shorter by up to the jitter.
// `chance` is in [0, 1); never below 1 ms.
base::Millis next_delay(const Check& check, Pace pace, double chance);

}  // namespace weir::health
