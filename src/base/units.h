// Values with their unit in the text, as people write them in the configuration: durations ("250ms", "30s",
// "10m", "1h", "1d") and byte counts ("512", "64KiB", "10MiB", "1GiB"). Pure; no locale.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace weir::base {

enum class Bytes : std::uint64_t {};

constexpr std::uint64_t count(Bytes bytes) { return static_cast<std::uint64_t>(bytes); }

// A whole number and a unit of ms, s, m, h or d, nothing between them. The error says what was expected.
Result<Millis> parse_duration(std::string_view text);

// The shortest exact form: "90s" stays "90s", 3 600 000 ms is "1h". What has run out stays in "-5ms".
std::string to_string(Millis duration);

// A whole number and, optionally, KiB, MiB or GiB.
Result<Bytes> parse_bytes(std::string_view text);

// The shortest exact form: 65 536 is "64KiB", 1000 stays "1000".
std::string to_string(Bytes bytes);

// For people: "0 B", "1.5 KiB", "12.3 MiB", at most four digits.
std::string human_bytes(std::uint64_t bytes);

// For people: thousands set apart by a thin form of the space that every terminal has: "9 900".
std::string human_count(std::uint64_t value);

}  // namespace weir::base
