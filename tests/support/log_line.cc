#include "support/log_line.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

namespace weir::test {
namespace {

// A word or a quoted string at the front of `text`, which it is taken from.
std::optional<std::string> take_value(std::string_view& text) {
  if (!text.starts_with('"')) {
    const std::string value(text.substr(0, text.find(' ')));
    text.remove_prefix(value.size());
    return value;
  }
  std::size_t end = 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  if (end >= text.size()) return std::nullopt;
  // Quoted values are JSON strings.
  const auto value = nlohmann::json::parse(text.substr(0, end + 1), nullptr, false);
  if (!value.is_string()) return std::nullopt;
  text.remove_prefix(end + 1);
  return value.get<std::string>();
}

std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  if (text.starts_with(' ')) text.remove_prefix(1);
  return word;
}

}  // namespace

std::string LogLine::text(const std::string& key) const {
  const auto at = fields.find(key);
  return at == fields.end() ? "" : at->second;
}

std::uint64_t LogLine::number(const std::string& key) const {
  return std::strtoull(text(key).c_str(), nullptr, 10);
}

std::optional<LogLine> parse_text_line(std::string_view line) {
  LogLine parsed;
  const std::string_view time = take_word(line);
  if (time.size() != 24 || time[10] != 'T' || !time.ends_with('Z')) return std::nullopt;
  parsed.level = take_word(line);
  parsed.event = take_word(line);
  if (parsed.event.empty()) return std::nullopt;
  while (!line.empty()) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string key(line.substr(0, equals));
    line.remove_prefix(equals + 1);
    const bool none = line == "-" || line.starts_with("- ");
    const auto value = take_value(line);
    if (!value || key.empty() || key.find(' ') != std::string::npos) return std::nullopt;
    if (!none) parsed.fields[key] = *value;
    if (!line.empty()) line.remove_prefix(1);
  }
  return parsed;
}

std::optional<LogLine> parse_json_line(std::string_view line) {
  const auto object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  LogLine parsed;
  for (const auto& [key, value] : object.items()) {
    if (value.is_null()) continue;
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (key == "level") {
      parsed.level = text;
    } else if (key == "event") {
      parsed.event = text;
    } else if (key != "time") {
      parsed.fields[key] = text;
    }
  }
  if (!object.contains("time") || parsed.level.empty() || parsed.event.empty()) return std::nullopt;
  return parsed;
}

std::optional<LogLine> parse_log_line(std::string_view line) {
  return line.starts_with('{') ? parse_json_line(line) : parse_text_line(line);
}

}  // namespace weir::test
