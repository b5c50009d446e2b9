// One line of Weir's log as its fields, from either form: logfmt text or JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace weir::test {

struct LogLine {
  std::string level;
  std::string event;
  std::map<std::string, std::string> fields;  // what is "none" ("-", null) is not here

  bool has(const std::string& key) const { return fields.contains(key); }
  // "" when it is not there.
  std::string text(const std::string& key) const;
  // 0 when it is not there.
  std::uint64_t number(const std::string& key) const;
};

// Nothing when `line` is not a whole line of the log.
std::optional<LogLine> parse_text_line(std::string_view line);
std::optional<LogLine> parse_json_line(std::string_view line);

// Either form.
std::optional<LogLine> parse_log_line(std::string_view line);

}  // namespace weir::test
