// Rates as people write them in the configuration: events ("2000/s", "10/min", "5/h") and bytes ("1MiB/s",
// "1000/s"). A value: so many in a period of one second, one minute or one hour. Pure; no locale. What holds
// somebody to a rate is elsewhere (admission/gcra.h for connections).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::base {

// Never zero when it comes from a parser, and never faster than the bounds below, so that `count` is at most
// 2^52 and can be multiplied by what a caller needs (1000 ms, 1024 ticks) without a look at overflow.
struct Rate {
  std::uint64_t count = 1;
  std::chrono::seconds period{1};  // 1 s, 60 s or 3600 s

  friend bool operator==(const Rate&, const Rate&) = default;
};

inline constexpr std::uint64_t kMostEventsPerSecond = 10'000'000;
inline constexpr std::uint64_t kMostBytesPerSecond = 1ull << 40;  // 1 TiB

// A whole number from 1, "/" and s, min or h; no spaces. The error says what was expected, which periods
// there are, that zero lets nobody in, or what the most is.
Result<Rate> parse_rate(std::string_view text);

// The same with a size (`parse_bytes`) for the number; `count` is in bytes.
Result<Rate> parse_byte_rate(std::string_view text);

// As it is written: "10/min". Read back by `parse_rate` to the same value.
std::string to_string(Rate rate);

// The same for a rate of bytes, in the largest unit that is exact: "1MiB/s", "1000/s".
std::string byte_rate_to_string(Rate rate);

// The burst that goes with a rate when none is given: one second's worth, rounded down, and at least one.
std::uint64_t default_burst(Rate rate);

}  // namespace weir::base
