#include "config/toml_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/assert.h"
#include "config/text.h"

namespace weir::config {
namespace {

std::string escaped(unsigned char byte) {
  switch (byte) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\t':
      return "\\t";
    case '\r':
      return "\\r";
    default:
      return fmt::format("\\u{:04X}", byte);
  }
}

bool must_be_escaped(unsigned char byte) {
  return byte == '"' || byte == '\\' || byte < 0x20 || byte == 0x7f;
}

std::string string_text(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (must_be_escaped(first)) {
      out += escaped(first);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out + "\"";
}

bool is_bare(std::string_view key) {
  constexpr std::string_view kBare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return !key.empty() && key.find_first_not_of(kBare) == std::string_view::npos;
}

std::string list_text(const Node& list) {
  std::vector<std::string> items;
  std::transform(list.items.begin(), list.items.end(), std::back_inserter(items), toml_text);
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string table_text(const Node& table) {
  if (table.entries.empty()) return "{}";
  std::vector<std::string> entries;
  for (const Entry& entry : table.entries) {
    const std::string key = is_bare(entry.key) ? entry.key : string_text(entry.key);
    entries.push_back(key + " = " + toml_text(entry.value));
  }
  return fmt::format("{{ {} }}", fmt::join(entries, ", "));
}

}  // namespace

std::string toml_text(const Node& node) {
  switch (node.kind) {
    case Kind::kTable:
      return table_text(node);
    case Kind::kList:
      return list_text(node);
    case Kind::kString:
      return string_text(node.text);
    case Kind::kInteger:
      return std::to_string(node.integer);
    case Kind::kFlag:
      return node.is_true ? "true" : "false";
    case Kind::kFloat:
      // Without it the value would be a whole number.
      return node.text.find_first_of(".einEIN") == std::string::npos ? node.text + ".0" : node.text;
    case Kind::kTime:
      return node.text;
    case Kind::kFaulty:
      break;
  }
  WEIR_ASSERT(false);
  return {};
}

}  // namespace weir::config
