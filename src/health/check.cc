#include "health/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace weir::health {
namespace {

constexpr int kLowestStatus = 200;
constexpr int kHighestStatus = 599;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_x(char c) { return c == 'x' || c == 'X'; }
bool is_visible(char c) { return c > 0x20 && c < 0x7f; }

std::optional<int> parse_status(std::string_view text) {
  if (text.size() != 3 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  const int status = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  if (status < kLowestStatus || status > kHighestStatus) return std::nullopt;
  return status;
}

}  // namespace

base::Result<StatusPattern> parse_status_pattern(std::string_view text) {
  if (text.size() == 3 && text[0] >= '2' && text[0] <= '5' && is_x(text[1]) && is_x(text[2])) {
    const int hundred = (text[0] - '0') * 100;
    return StatusPattern{hundred, hundred + 99};
  }
  const std::size_t dash = text.find('-');
  const auto first = parse_status(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_status(text.substr(dash + 1));
  if (first && last && *first <= *last) return StatusPattern{*first, *last};
  return base::failure({base::ErrorSide::kConfiguration,
                        first && last
                            ? "the first status is greater than the last"
                            : "expected a status from 200 to 599 (\"204\"), a hundred (\"2xx\") or a "
                              "range (\"200-399\")"});
}

std::string to_string(StatusPattern pattern) {
  if (pattern.first == pattern.last) return std::to_string(pattern.first);
  if (pattern.first % 100 == 0 && pattern.last == pattern.first + 99)
    return fmt::format("{}xx", pattern.first / 100);
  return fmt::format("{}-{}", pattern.first, pattern.last);
}

bool is_request_target(std::string_view path) {
  return !path.empty() && path[0] == '/' && std::all_of(path.begin(), path.end(), is_visible);
}

bool is_host_field(std::string_view host) {
  return !host.empty() &&
         std::all_of(host.begin(), host.end(), [](char c) { return is_visible(c) && c != '/' && c != '@'; });
}

}  // namespace weir::health
