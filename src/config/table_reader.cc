#include "config/table_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "config/limits.h"
#include "config/prefix_list.h"
#include "config/text.h"

namespace weir::config {
namespace {

const NestedTable* find_nested(Section parent, std::string_view name) {
  for (const NestedTable& table : nested_tables()) {
    if (table.parent == parent && table.name == name) return &table;
  }
  return nullptr;
}

bool is_file_name(const Node& node) {
  return node.kind == Kind::kString && !node.text.empty() && node.text.size() <= kMaxTextLength &&
         is_plain_text(node.text);
}

// Beside the file that names it, as an include is. Precondition: is_file_name.
std::string path_of(const Node& node) {
  const std::filesystem::path base = std::filesystem::path(node.place.file).parent_path();
  return (base / node.text).lexically_normal().string();
}

}  // namespace

std::string belongs_hint(std::string_view name, Section not_here) {
  if (not_here == Section::kPool && find_key(Section::kBackend, name) != nullptr) {
    return fmt::format("; it belongs to each backend, as in backends = [{{ address = \"10.0.0.1:80\"{} }}]",
                       name == "address" ? "" : fmt::format(", {} = ...", name));
  }
  std::vector<std::string> titles;
  for (const Section section : kAllSections) {
    if (section != not_here && section != Section::kBackend && find_key(section, name) != nullptr)
      titles.emplace_back(title(section));
  }
  return titles.empty() ? "" : fmt::format("; it belongs in {}", join(titles, "or"));
}

TableReader::TableReader(Section section, const Node& table, std::string path, Place place,
                         Problems& problems)
    : section_(section),
      table_(table),
      path_(std::move(path)),
      place_(std::move(place)),
      problems_(problems) {}

void TableReader::fail(std::string_view name, const Place& place, std::string_view text) {
  add_error(problems_, place, fmt::format("{}{}{}: {}", path_, path_.empty() ? "" : ".", name, text));
}

void TableReader::warn(std::string_view name, const Place& place, std::string_view text) {
  add_warning(problems_, place, fmt::format("{}{}{}: {}", path_, path_.empty() ? "" : ".", name, text));
}

const Place& TableReader::place_of(std::string_view name) const {
  const Entry* entry = table_.find(name);
  return entry == nullptr ? place_ : entry->value.place;
}

void TableReader::fail_at_key(std::string_view name, std::string_view text) {
  fail(name, place_of(name), text);
}

void TableReader::warn_at_key(std::string_view name, std::string_view text) {
  warn(name, place_of(name), text);
}

const Node* TableReader::take(std::string_view name) {
  const Key* key = find_key(section_, name);
  WEIR_ASSERT(key != nullptr);
  read_.push_back(key);
  if (const Entry* entry = table_.find(name)) {
    return entry->value.kind == Kind::kFaulty ? nullptr : &entry->value;
  }
  if (key->presence == Presence::kRequired) {
    fail(name, place_, fmt::format("this key is missing: expected {}", expected(*key)));
  }
  return nullptr;
}

const Node* TableReader::take_or_default(std::string_view name, Node& fallback) {
  const Node* node = take(name);
  const Key& key = *find_key(section_, name);
  const bool is_absent = node == nullptr && table_.find(name) == nullptr;
  if (!is_absent || key.default_value.empty()) return node;
  fallback = default_node(key);
  return &fallback;
}

const Node* TableReader::written(std::string_view name) const {
  const Entry* entry = table_.find(name);
  return entry == nullptr || entry->value.kind == Kind::kFaulty ? nullptr : &entry->value;
}

void TableReader::read_count(std::string_view name, unsigned& out) {
  read(name, parse_number, [&](const std::optional<std::int64_t>& value, const Place&) {
    if (value) out = static_cast<unsigned>(*value);
  });
}

void TableReader::read_count(std::string_view name, Placed<std::optional<unsigned>>& out) {
  read(name, parse_number, [&](const std::optional<std::int64_t>& value, const Place& place) {
    out.place = place;
    out.value = value ? std::optional(static_cast<unsigned>(*value)) : std::nullopt;
  });
}

void TableReader::read_count(std::string_view name, std::optional<unsigned>& out) {
  Placed<std::optional<unsigned>> placed{out, {}};
  read_count(name, placed);
  out = placed.value;
}

void TableReader::read_duration(std::string_view name, std::optional<Millis>& out) {
  read(name, parse_number, [&](const std::optional<std::int64_t>& value, const Place&) {
    out = value ? std::optional(Millis(*value)) : std::nullopt;
  });
}

void TableReader::read_duration(std::string_view name, Millis& out) {
  std::optional<Millis> value = out;
  read_duration(name, value);
  if (value) out = *value;
}

void TableReader::read_decimal(std::string_view name, std::optional<double>& out) {
  read_value(name, parse_decimal, out);
}

void TableReader::read_decimal(std::string_view name, double& out) {
  std::optional<double> value = out;
  read_decimal(name, value);
  if (value) out = *value;
}

void TableReader::read_file_mode(std::string_view name, mode_t& out) {
  read(name, parse_number, [&](const std::optional<std::int64_t>& value, const Place&) {
    if (value) out = static_cast<mode_t>(*value);
  });
}

void TableReader::read_flag(std::string_view name, bool& out) {
  read(name, parse_flag, [&](bool value, const Place&) { out = value; });
}

void TableReader::read_text(std::string_view name, Placed<std::string>& out) {
  read(name, parse_text, [&](const std::string& value, const Place& place) { out = {value, place}; });
}

void TableReader::read_rate(std::string_view name, std::optional<base::Rate>& out) {
  read(name, parse_rate, [&](const std::optional<base::Rate>& value, const Place&) { out = value; });
}

void TableReader::each_item(std::string_view name, const std::function<void(const Node&)>& take) {
  const Node* node = this->take(name);
  if (node == nullptr) return;
  if (node->kind != Kind::kList) return fail(name, node->place, mismatch(*find_key(section_, name), *node));
  for (const Node& item : node->items) {
    if (item.kind != Kind::kFaulty) take(item);
  }
}

void TableReader::read_clients(std::string_view name, ClientListConfig& out) {
  each_item(name, [&](const Node& item) {
    if (item.kind != Kind::kString) {
      return fail(name, item.place, mismatch(*find_key(section_, name), item));
    }
    const auto client = parse_listed_client(item.text);
    if (!client) return fail(name, item.place, client.error());
    if (!client->warning.empty()) warn(name, item.place, client->warning);
    if (client->prefix) {
      out.prefixes.push_back(*client->prefix);
    } else {
      out.has_unix = true;
    }
  });
}

void TableReader::read_paths(std::string_view name, std::vector<Placed<std::string>>& out) {
  each_item(name, [&](const Node& item) {
    if (!is_file_name(item)) return fail(name, item.place, mismatch(*find_key(section_, name), item));
    out.push_back({path_of(item), item.place});
  });
}

void TableReader::read_path(std::string_view name, Placed<std::string>& out) {
  const Node* node = take(name);
  if (node == nullptr) return;
  const Key& key = *find_key(section_, name);
  const bool is_default =
      !key.default_value.empty() && node->kind == Kind::kString && node->text == default_node(key).text;
  if (!is_default && !is_file_name(*node)) return fail(name, node->place, mismatch(key, *node));
  out = {is_default ? "" : path_of(*node), node->place};
}

void TableReader::each_text(std::string_view name, const std::function<void(const Node&)>& take) {
  each_item(name, [&](const Node& item) {
    if (item.kind == Kind::kString) return take(item);
    fail(name, item.place, mismatch(*find_key(section_, name), item));
  });
}

void TableReader::fail_missing(std::string_view name, std::string_view text) {
  const Key* key = find_key(section_, name);
  WEIR_ASSERT(key != nullptr && table_.find(name) == nullptr);
  read_.push_back(key);
  fail(name, place_, text);
}

const Node& TableReader::nested(std::string_view name) {
  const NestedTable* table = find_nested(section_, name);
  WEIR_ASSERT(table != nullptr);
  no_table_.place = place_;
  const Entry* entry = table_.find(name);
  if (entry == nullptr || entry->value.kind == Kind::kFaulty) return no_table_;
  if (entry->value.kind == Kind::kTable) return entry->value;
  fail(name, entry->value.place,
       fmt::format("found {}, expected a table, written {}", found(entry->value), title(table->section)));
  return no_table_;
}

std::optional<std::size_t> TableReader::word(std::string_view name) {
  std::optional<std::size_t> index;
  read(name, parse_word, [&](std::size_t value, const Place&) { index = value; });
  return index;
}

std::vector<std::size_t> TableReader::words(std::string_view name) {
  std::vector<std::size_t> found;
  each_item(name, [&](const Node& item) {
    const auto index = parse_word(*find_key(section_, name), item);
    if (!index) return fail(name, item.place, index.error());
    if (std::find(found.begin(), found.end(), *index) != found.end()) {
      return fail(name, item.place, fmt::format("{} is there twice", quote(item.text)));
    }
    found.push_back(*index);
  });
  return found;
}

void TableReader::report_unknown(const Entry& entry) {
  std::vector<std::string_view> known;
  for (const Key* key : keys_of(section_)) known.push_back(key->name);
  for (const NestedTable& table : nested_tables()) {
    if (table.parent == section_) known.push_back(table.name);
  }
  std::string hint = belongs_hint(entry.key, section_);
  hint += did_you_mean(entry.key, known);
  if (hint.empty()) hint = fmt::format("; known here: {}", join_quoted(known, "and"));
  const std::string in = path_.empty() ? std::string(title(section_)) : fmt::format("[{}]", path_);
  add_error(problems_, entry.place, fmt::format("unknown key {} in {}{}", quote(entry.key), in, hint));
}

void TableReader::finish() {
  for (const Key* key : keys_of(section_)) {
    WEIR_ASSERT(std::find(read_.begin(), read_.end(), key) != read_.end());
  }
  for (const Entry& entry : table_.entries) {
    const bool is_known =
        find_key(section_, entry.key) != nullptr || find_nested(section_, entry.key) != nullptr;
    if (!is_known) report_unknown(entry);
  }
}

}  // namespace weir::config
