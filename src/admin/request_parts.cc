#include "admin/request_parts.h"

#include <fmt/format.h>

#include "base/log_text.h"

namespace weir::admin {
namespace {

enum class Plus { kItself, kBlank };

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view text, Plus plus) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus == Plus::kBlank) c = ' ';
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = digit_of(text[i + 1]);
      const int low = digit_of(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    out += c;
  }
  return out;
}

// The text up to `end`, which is taken off with it.
std::string_view take_until(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

}  // namespace

std::optional<std::vector<std::string>> path_segments(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  std::vector<std::string> segments;
  if (path.empty()) return segments;
  const bool ends_empty = path.ends_with('/');
  while (!path.empty()) {
    auto segment = decoded(take_until(path, '/'), Plus::kItself);
    if (!segment || segment->empty()) return std::nullopt;
    segments.push_back(*std::move(segment));
  }
  if (ends_empty) return std::nullopt;
  return segments;
}

base::Result<Parameters> query_parameters(std::string_view query) {
  const auto fail = [](std::string what) {
    return base::failure({base::ErrorSide::kClient, std::move(what)});
  };
  Parameters parameters;
  while (!query.empty()) {
    std::string_view pair = take_until(query, '&');
    if (pair.empty()) continue;
    const std::string_view written = pair;
    auto name = decoded(take_until(pair, '='), Plus::kBlank);
    auto value = decoded(pair, Plus::kBlank);
    if (!name || !value || name->empty()) {
      return fail(fmt::format("the query has {}, which is no NAME=VALUE", base::json_quoted(written)));
    }
    if (!parameters.emplace(*name, *std::move(value)).second) {
      return fail(fmt::format("the query has {} twice", base::json_quoted(*name)));
    }
  }
  return parameters;
}

std::optional<Parameters> match_path(std::string_view pattern, const std::vector<std::string>& segments) {
  Parameters names;
  pattern.remove_prefix(1);
  for (const std::string& segment : segments) {
    if (pattern.empty()) return std::nullopt;
    const std::string_view expected = take_until(pattern, '/');
    if (expected.starts_with('{')) {
      names.emplace(expected.substr(1, expected.size() - 2), segment);
    } else if (expected != segment) {
      return std::nullopt;
    }
  }
  if (!pattern.empty()) return std::nullopt;
  return names;
}

}  // namespace weir::admin
