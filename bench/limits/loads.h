// The ways in which connections are offered. Each takes a bounded number of them, in a bounded time, and
// returns when all that it began has come to its end.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "limits/attempts.h"

namespace weir::limits {

// So many a second, for so long: an open load, whose clients come whatever became of those before them. Who
// is late is sent after; `Tally::latest_ms` tells how late.
void offer(Attempts& attempts, std::uint32_t per_second, base::Millis length);

// `at_once` under way at any time, until `count` have been begun: a closed load, as fast as it goes.
void flood(Attempts& attempts, std::uint32_t at_once, std::uint64_t count);

// `count` SYNs one after the other, whose answers nobody waits for.
void knock(Attempts& attempts, std::uint64_t count);

// `count` at once. Those that are served are kept.
void crowd(Attempts& attempts, std::uint64_t count);

}  // namespace weir::limits
