#include "config/toml_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/assert.h"
#include "base/log_text.h"

namespace weir::config {
namespace {

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
    const std::string key = is_bare(entry.key) ? entry.key : base::json_quoted(entry.key);
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
      return base::json_quoted(node.text);
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
