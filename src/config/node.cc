#include "config/node.h"

#include <algorithm>

#include "config/text.h"

namespace weir::config {

const Entry* Node::find(std::string_view key) const {
  const auto at =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return at == entries.end() ? nullptr : &*at;
}

Entry* Node::find(std::string_view key) {
  return const_cast<Entry*>(static_cast<const Node*>(this)->find(key));
}

std::string found(const Node& node) {
  switch (node.kind) {
    case Kind::kTable:
      return "a table";
    case Kind::kList:
      return "a list";
    case Kind::kString:
      return quote(node.text);
    case Kind::kInteger:
      return std::to_string(node.integer);
    case Kind::kFlag:
      return node.is_true ? "true" : "false";
    case Kind::kFloat:
      return "the fraction " + node.text;
    case Kind::kTime:
      return "the date or time " + node.text;
    case Kind::kFaulty:
      break;
  }
  return "nothing";
}

}  // namespace weir::config
