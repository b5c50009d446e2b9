#include "config/differences.h"

#include <map>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace weir::config {
namespace {

using Settings = std::vector<Setting>;
// Valid as long as the settings.
using TableAndKey = std::pair<std::string_view, std::string_view>;
using ByKey = std::map<TableAndKey, const Setting*>;

// By table and key, since names may have dots: a path may mean two things.
ByKey by_key(const Settings& settings) {
  ByKey found;
  for (const Setting& setting : settings) found.emplace(TableAndKey(setting.table, setting.key), &setting);
  return found;
}

std::unordered_set<std::string> tables(const Settings& settings) {
  std::unordered_set<std::string> found;
  for (const Setting& setting : settings) found.insert(setting.table);
  return found;
}

Difference of_table(const Setting& first) {
  Difference difference;
  difference.table = first.table;
  difference.path = first.table;
  difference.is_table = true;
  difference.place = first.place.value_or(Place{});
  return difference;
}

std::optional<Place> place_of(const Setting* setting) {
  return setting == nullptr ? std::nullopt : setting->place;
}

Difference of_value(const Setting* before, const Setting* after) {
  const Setting& one = after != nullptr ? *after : *before;
  Difference difference;
  difference.table = one.table;
  difference.path = one.path();
  difference.change = one.change;
  difference.place = place_of(after).value_or(place_of(before).value_or(Place{}));
  difference.is_gone = after == nullptr;
  difference.is_new = before == nullptr;
  if (before != nullptr) difference.before = before->value;
  if (after != nullptr) difference.after = after->value;
  difference.is_secret = (before != nullptr && before->is_secret) || (after != nullptr && after->is_secret);
  return difference;
}

// Those of `settings` that `others` have not, or have otherwise; `make` gets both. A table that `others` have
// nothing of is told once, by `make_table`.
template <class Make, class MakeTable>
void compare(const Settings& settings, const Settings& others, Make make, MakeTable make_table) {
  const ByKey other = by_key(others);
  const std::unordered_set<std::string> other_tables = tables(others);
  std::unordered_set<std::string> told;
  for (const Setting& setting : settings) {
    if (!other_tables.contains(setting.table)) {
      if (told.insert(setting.table).second) make_table(setting);
      continue;
    }
    const auto at = other.find(TableAndKey(setting.table, setting.key));
    make(setting, at == other.end() ? nullptr : at->second);
  }
}

}  // namespace

std::vector<Difference> differences(const Settings& before, const Settings& after) {
  std::vector<Difference> found;
  compare(
      after, before,
      [&](const Setting& now, const Setting* then) {
        if (then == nullptr || then->value != now.value) found.push_back(of_value(then, &now));
      },
      [&](const Setting& first) { found.emplace_back(of_table(first)).is_new = true; });
  compare(
      before, after,
      [&](const Setting& then, const Setting* now) {
        if (now == nullptr) found.push_back(of_value(&then, nullptr));
      },
      [&](const Setting& first) { found.emplace_back(of_table(first)).is_gone = true; });
  return found;
}

}  // namespace weir::config
