#include "config/merge.h"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "config/text.h"

namespace weir::config {
namespace {

void report_twice(const std::string& path, const Entry& again, const Place& first, Problems& problems) {
  add_error(
      problems, again.place,
      fmt::format("{} is already defined at {}: it may stand in one file only", path, to_string(first)));
}

// Moves the entries of one section; `name` is the section's.
void merge_section(const std::string& name, Node& into, Node from, Problems& problems) {
  std::unordered_map<std::string, Place> places;
  for (const Entry& entry : into.entries) places.emplace(entry.key, entry.place);
  for (Entry& entry : from.entries) {
    const auto [at, is_new] = places.emplace(entry.key, entry.place);
    if (is_new) {
      into.entries.push_back(std::move(entry));
    } else {
      report_twice(fmt::format("{}.{}", name, key_text(entry.key)), entry, at->second, problems);
    }
  }
}

}  // namespace

void merge(Node& root, Node from, Problems& problems) {
  for (Entry& entry : from.entries) {
    if (entry.key == "include") continue;
    Entry* own = root.find(entry.key);
    if (own == nullptr) {
      root.entries.push_back(std::move(entry));
    } else if (own->value.kind == Kind::kTable && entry.value.kind == Kind::kTable) {
      merge_section(entry.key, own->value, std::move(entry.value), problems);
    } else {
      report_twice(key_text(entry.key), entry, own->place, problems);
    }
  }
}

}  // namespace weir::config
