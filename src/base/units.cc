#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

#include "base/log_text.h"

namespace weir::base {
namespace {

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

constexpr std::array<Unit, 5> kDurationUnits{
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 4> kByteUnits{
    {{"", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}}};

// Splits "<digits><suffix>" and multiplies; false when the form, the unit or the range is wrong.
template <std::size_t N>
bool parse_with_unit(std::string_view text, const std::array<Unit, N>& units, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return false;
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (unit.suffix != suffix) continue;
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (value > kMost / unit.factor) return false;
    value *= unit.factor;
    return true;
  }
  return false;
}

}  // namespace

Result<Millis> parse_duration(std::string_view text) {
  std::uint64_t value = 0;
  if (!parse_with_unit(text, kDurationUnits, value)) {
    return failure(
        {ErrorSide::kConfiguration, fmt::format("{} is not a duration: expected a whole number with ms, "
                                                "s, m, h or d, e.g. \"30s\"",
                                                json_quoted(text))});
  }
  return Millis(static_cast<std::int64_t>(value));
}

std::string to_string(Millis duration) {
  const auto value = static_cast<std::uint64_t>(duration.count());
  if (duration < Millis::zero()) return fmt::format("-{}ms", 0 - value);
  if (value == 0) return "0s";
  for (std::size_t i = kDurationUnits.size(); i-- > 1;) {
    if (value % kDurationUnits[i].factor == 0) {
      return fmt::format("{}{}", value / kDurationUnits[i].factor, kDurationUnits[i].suffix);
    }
  }
  return fmt::format("{}ms", value);
}

Result<Bytes> parse_bytes(std::string_view text) {
  std::uint64_t value = 0;
  if (!parse_with_unit(text, kByteUnits, value)) {
    return failure(
        {ErrorSide::kConfiguration, fmt::format("{} is not a size: expected a whole number, alone or with "
                                                "KiB, MiB or GiB, e.g. \"64KiB\"",
                                                json_quoted(text))});
  }
  return Bytes{value};
}

std::string to_string(Bytes bytes) {
  const std::uint64_t value = count(bytes);
  std::size_t i = value == 0 ? 0 : kByteUnits.size() - 1;
  while (value % kByteUnits[i].factor != 0) --i;
  return fmt::format("{}{}", value / kByteUnits[i].factor, kByteUnits[i].suffix);
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array<std::string_view, 6> kNames{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024.0;
  std::size_t i = 0;
  // From here on it would be printed as 1024.
  while (value >= 1023.5 && i + 1 < kNames.size()) {
    value /= 1024.0;
    ++i;
  }
  return value < 99.95 ? fmt::format("{:.1f} {}", value, kNames[i])
                       : fmt::format("{:.0f} {}", value, kNames[i]);
}

std::string human_count(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ' ');
  }
  return digits;
}

}  // namespace weir::base
