// A configuration file as a tree: tables, lists and plain values, each with the place where it was written.
// Not TOML itself and not yet the configuration: `toml_reader` makes it, `expand` and `merge` change it,
// `build` reads it. Plain data, owned by value. The entries of a table stand in the order of the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"

namespace weir::config {

// kFaulty: a value whose problem is already reported; it is passed over in silence.
enum class Kind { kTable, kList, kString, kInteger, kFloat, kFlag, kTime, kFaulty };

struct Entry;

struct Node {
  Kind kind = Kind::kTable;
  Place place;
  bool is_expanded = false;    // kString: made from ${...}, so it may stand for a number or a flag
  std::string text;            // kString; kFloat and kTime: for a message
  std::int64_t integer = 0;    // kInteger
  bool is_true = false;        // kFlag
  std::vector<Node> items;     // kList
  std::vector<Entry> entries;  // kTable

  // The entry with that key, or null. Valid until the table changes.
  Entry* find(std::string_view key);
  const Entry* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  Place place;  // of the key
  Node value;
};

// What stands there, for a message: `"web"`, `30`, `true`, "a list", "a table".
std::string found(const Node& node);

}  // namespace weir::config
