#include "base/rate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/units.h"

namespace weir::base {
namespace {

struct Period {
  std::string_view word;
  std::chrono::seconds length;
};

constexpr std::array<Period, 3> kPeriods{
    {{"s", std::chrono::seconds(1)}, {"min", std::chrono::minutes(1)}, {"h", std::chrono::hours(1)}}};

// What differs between the two kinds of rate when something is wrong.
struct Kind {
  std::string_view name;
  std::string_view number;
  std::string_view example;
  std::string_view zero;
  std::uint64_t most_per_second;
  std::string_view most;
};

constexpr Kind kEvents{"a rate",         "a whole number",     "2000/s",
                       "lets nobody in", kMostEventsPerSecond, "10000000/s"};
constexpr Kind kBytes{"a rate of bytes",
                      "a whole number, alone or with KiB, MiB or GiB",
                      "1MiB/s",
                      "lets no byte through",
                      kMostBytesPerSecond,
                      "1024GiB/s"};

auto bad_rate(std::string what) { return failure({ErrorSide::kConfiguration, std::move(what)}); }

std::optional<std::uint64_t> parse_whole(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto bytes = parse_bytes(text);
  if (!bytes) return std::nullopt;
  return count(*bytes);
}

template <class ParseNumber>
Result<Rate> parse(std::string_view text, const Kind& kind, ParseNumber parse_number) {
  const std::size_t slash = text.find('/');
  const auto number = parse_number(text.substr(0, slash));
  if (slash == std::string_view::npos || !number) {
    return bad_rate(fmt::format("\"{}\" is not {}: expected {}, then \"/\" and s, min or h, e.g. \"{}\"",
                                text, kind.name, kind.number, kind.example));
  }
  const std::string_view word = text.substr(slash + 1);
  const auto* const period =
      std::find_if(kPeriods.begin(), kPeriods.end(), [&](const Period& p) { return p.word == word; });
  if (period == kPeriods.end()) {
    return bad_rate(
        fmt::format("\"{}\" is not {}: unknown period \"{}\", allowed are s, min and h, e.g. \"{}\"", text,
                    kind.name, word, kind.example));
  }
  if (*number == 0) return bad_rate(fmt::format("a rate of zero {}: \"{}\"", kind.zero, text));
  if (*number > kind.most_per_second * static_cast<std::uint64_t>(period->length.count())) {
    return bad_rate(fmt::format("\"{}\" is too fast: the most is {}", text, kind.most));
  }
  return Rate{*number, period->length};
}

std::string_view word_of(std::chrono::seconds period) {
  for (const Period& p : kPeriods) {
    if (p.length == period) return p.word;
  }
  return "?";
}

}  // namespace

Result<Rate> parse_rate(std::string_view text) { return parse(text, kEvents, parse_whole); }

Result<Rate> parse_byte_rate(std::string_view text) { return parse(text, kBytes, parse_size); }

std::string to_string(Rate rate) { return fmt::format("{}/{}", rate.count, word_of(rate.period)); }

std::string byte_rate_to_string(Rate rate) {
  return fmt::format("{}/{}", to_string(Bytes{rate.count}), word_of(rate.period));
}

std::uint64_t default_burst(Rate rate) {
  return std::max<std::uint64_t>(1, rate.count / static_cast<std::uint64_t>(rate.period.count()));
}

}  // namespace weir::base
