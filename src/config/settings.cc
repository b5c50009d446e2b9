#include "config/settings.h"

#include <algorithm>

#include "config/toml_text.h"

namespace weir::config {
namespace {

bool holds_secret(const Node& node) {
  const auto entry_does = [](const Entry& entry) { return holds_secret(entry.value); };
  return node.is_expanded || std::any_of(node.items.begin(), node.items.end(), holds_secret) ||
         std::any_of(node.entries.begin(), node.entries.end(), entry_does);
}

class Walk {
 public:
  // One table of `section`, and those in it. `prefix` stands before its keys: "health.".
  void add(Section section, const Node& node, const std::string& table, const std::string& prefix) {
    for (const Key* key : keys_of(section)) {
      const Entry* entry = node.find(key->name);
      const bool is_default = entry == nullptr;
      if (is_default && key->default_value.empty()) continue;
      Setting& setting = settings.emplace_back();
      setting.table = table;
      setting.key = prefix + std::string(key->name);
      setting.value = is_default ? std::string(key->default_value) : toml_text(entry->value);
      if (!is_default) setting.place = entry->value.place;
      setting.is_secret = !is_default && holds_secret(entry->value);
      setting.change = key->change;
    }
    for (const NestedTable& nested : nested_tables()) {
      const Entry* entry = nested.parent == section ? node.find(nested.name) : nullptr;
      if (entry == nullptr) continue;
      add(nested.section, entry->value, table, prefix + std::string(nested.name) + ".");
    }
  }

  void add_named(Section section, const Node& root, std::string_view name) {
    const Entry* tables = root.find(name);
    if (tables == nullptr) return;
    for (const Entry& entry : tables->value.entries) {
      add(section, entry.value, std::string(name) + "." + entry.key, "");
    }
  }

  void add_single(Section section, const Node& root, std::string_view name) {
    static const Node kEmpty;
    const Entry* entry = root.find(name);
    add(section, entry == nullptr ? kEmpty : entry->value, std::string(name), "");
  }

  std::vector<Setting> settings;
};

}  // namespace

std::vector<Setting> settings_of(const Node& root) {
  Walk walk;
  walk.add_single(Section::kProcess, root, "process");
  walk.add_single(Section::kLog, root, "log");
  walk.add_single(Section::kAdmin, root, "admin");
  walk.add_named(Section::kListener, root, "listeners");
  walk.add_named(Section::kLimits, root, "limits");
  walk.add_named(Section::kPool, root, "pools");
  return std::move(walk.settings);
}

}  // namespace weir::config
