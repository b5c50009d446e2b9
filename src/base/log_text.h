// The fields of one log line, in logfmt ("key=value") and in JSON. Pure text: where lines go is the log
// writer's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace weir::base {

class LogFields {
 public:
  LogFields& text(std::string_view key, std::string_view value);
  LogFields& number(std::string_view key, std::uint64_t value);
  // A field that this line has no value for: "-" in text, null in JSON.
  LogFields& none(std::string_view key);

  // " key=value key=\"two words\"", each with a space before it; values are quoted where they need it.
  const std::string& as_text() const { return text_; }

  // ",\"key\":value", each with a comma before it.
  const std::string& as_json() const { return json_; }

 private:
  std::string text_;
  std::string json_;
};

// "2026-01-05T09:12:44.031Z", of the time since 1970 (RFC 3339).
std::string utc_time(Millis since_epoch);

// `value` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so that every line stays
// valid.
std::string json_quoted(std::string_view value);

}  // namespace weir::base
