// Reads one table of a file by one section of the schema: each `read_` takes a key by name, checks it, and
// stores it, or adds a problem and leaves the target alone. A key that is absent gets the schema's default.
// `finish` reports keys that the schema does not know, and asserts that every key it knows was read, so that
// schema and `build` cannot drift apart. Borrows everything for its short life.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "config/model.h"
#include "config/node.h"
#include "config/problem.h"
#include "config/scalars.h"
#include "config/schema.h"

namespace weir::config {

// "; it belongs in [process]" when a key of that name exists in other sections than `not_here`, or nothing.
std::string belongs_hint(std::string_view name, Section not_here);

class TableReader {
 public:
  // `path` is how messages name the table: "listeners.web", "" for the root. `place` is where a missing key
  // is reported. Precondition: `table` is a table.
  TableReader(Section section, const Node& table, std::string path, Place place, Problems& problems);

  void read_count(std::string_view name, unsigned& out);
  void read_count(std::string_view name, std::optional<unsigned>& out);  // nothing: the special word
  void read_count(std::string_view name, Placed<std::optional<unsigned>>& out);
  void read_duration(std::string_view name, Millis& out);
  void read_duration(std::string_view name, std::optional<Millis>& out);
  void read_decimal(std::string_view name, double& out);
  void read_decimal(std::string_view name, std::optional<double>& out);  // nothing: the special word
  void read_file_mode(std::string_view name, mode_t& out);
  void read_flag(std::string_view name, bool& out);
  void read_rate(std::string_view name, std::optional<base::Rate>& out);  // nothing: the special word
  void read_clients(std::string_view name, ClientListConfig& out);        // adds to it
  // Files as they are to be opened: a relative one stands beside the file that names it, as an include does.
  void read_path(std::string_view name, Placed<std::string>& out);  // empty: the default
  void read_paths(std::string_view name, std::vector<Placed<std::string>>& out);
  void read_text(std::string_view name, Placed<std::string>& out);

  // Precondition: the schema's words stand in the order of the enum's values, from 0.
  template <class E>
  void read_word(std::string_view name, E& out) {
    if (const auto index = word(name)) out = static_cast<E>(*index);
  }

  // The same of a list, each word once: `E` for each, in the order of the file.
  template <class E>
  void read_words(std::string_view name, std::vector<E>& out) {
    for (const std::size_t index : words(name)) out.push_back(static_cast<E>(index));
  }

  // For value types with a parser of their own.
  template <class T>
  void read_value(std::string_view name, Value<T> (*parse)(const Key&, const Node&), T& out) {
    read(name, parse, [&](const T& value, const Place&) { out = value; });
  }

  // Gives each item of the list `name` to `take`, but for those whose problem is known. Another value than a
  // list is a problem.
  void each_item(std::string_view name, const std::function<void(const Node&)>& take);

  // The same of a list of texts: other items are problems.
  void each_text(std::string_view name, const std::function<void(const Node&)>& take);

  // The table `name` that stands in this one (`nested_tables`), or an empty one at this one's place; any
  // other value there is a problem.
  const Node& nested(std::string_view name);

  // For keys whose value is read elsewhere: the node, or null when there is none (a missing key that is
  // required is reported here).
  const Node* take(std::string_view name);

  // The same, and what the schema writes as its default when the key is absent; `fallback` holds that then.
  const Node* take_or_default(std::string_view name, Node& fallback);

  // Instead of reading a key that is required: reports that it is missing, in words of its own.
  void fail_missing(std::string_view name, std::string_view text);

  // What the file itself says for a key or a nested table; null when nothing, or when its problem is known.
  const Node* written(std::string_view name) const;

  // Adds a problem about `name`'s value.
  void fail(std::string_view name, const Place& place, std::string_view text);

  // The same as a warning.
  void warn(std::string_view name, const Place& place, std::string_view text);

  // The same where the file has the key, or where the table stands when it has not.
  void fail_at_key(std::string_view name, std::string_view text);
  void warn_at_key(std::string_view name, std::string_view text);

  void finish();

 private:
  // Finds the value of `name`, gives it to `parse` and, when that succeeds, its outcome and place to `store`.
  template <class Parse, class Store>
  void read(std::string_view name, Parse parse, Store store) {
    Node fallback;
    const Node* node = take_or_default(name, fallback);
    if (node == nullptr) return;
    if (const auto value = parse(*find_key(section_, name), *node)) {
      store(*value, node->place);
    } else {
      WEIR_ASSERT(node != &fallback);
      fail(name, node->place, value.error());
    }
  }

  const Place& place_of(std::string_view name) const;

  std::optional<std::size_t> word(std::string_view name);
  std::vector<std::size_t> words(std::string_view name);
  void report_unknown(const Entry& entry);

  Section section_;
  const Node& table_;
  std::string path_;
  Place place_;
  Problems& problems_;
  std::vector<const Key*> read_;
  Node no_table_;
};

}  // namespace weir::config
