#include "base/log_text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <iterator>
#include <optional>

namespace weir::base {
namespace {

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

// Of a character that a terminal obeys instead of showing it (C0, DEL, C1): its number; else nothing.
std::optional<unsigned> control_character(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1 && (byte(0) < 0x20 || byte(0) == 0x7f)) return byte(0);
  if (character.size() == 2 && byte(0) == 0xc2 && byte(1) < 0xa0) return byte(1);
  return std::nullopt;
}

// Length of the UTF-8 sequence at the front of `text` (RFC 3629), 0 when it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate = first == 0xed && byte(1) > 0x9f;
  const bool too_high = first == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || too_high ? 0 : length;
}

}  // namespace

std::string json_quoted(std::string_view value) {
  std::string out = "\"";
  while (!value.empty()) {
    const char c = value[0];
    const std::size_t length = utf8_length(value);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (const auto control = control_character(value.substr(0, length))) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", *control);
    } else {
      out += value.substr(0, length);
    }
    value.remove_prefix(length == 0 ? 1 : length);
  }
  return out += '"';
}

LogFields& LogFields::text(std::string_view key, std::string_view value) {
  const std::string quoted = json_quoted(value);
  fmt::format_to(std::back_inserter(json_), ",\"{}\":{}", key, quoted);
  fmt::format_to(std::back_inserter(text_), " {}={}", key, needs_quotes(value) ? quoted : std::string(value));
  return *this;
}

LogFields& LogFields::number(std::string_view key, std::uint64_t value) {
  fmt::format_to(std::back_inserter(json_), ",\"{}\":{}", key, value);
  fmt::format_to(std::back_inserter(text_), " {}={}", key, value);
  return *this;
}

LogFields& LogFields::none(std::string_view key) {
  fmt::format_to(std::back_inserter(json_), ",\"{}\":null", key);
  fmt::format_to(std::back_inserter(text_), " {}=-", key);
  return *this;
}

std::string utc_time(Millis since_epoch) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds.count()),
                     (since_epoch - seconds).count());
}

}  // namespace weir::base
