#include "config/toml_reader.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <exception>
#include <sstream>

#include "config/limits.h"
#include "config/text.h"
#include "config/text_fault.h"

namespace weir::config {
namespace {

class Converter {
 public:
  explicit Converter(const std::string& file) : file_(file) {}

  Node node(const toml::node& from) const {
    Node out;
    out.place = place(from.source());
    if (const auto* table = from.as_table()) {
      out.kind = Kind::kTable;
      out.entries = entries(*table);
    } else if (const auto* list = from.as_array()) {
      out.kind = Kind::kList;
      out.items.reserve(list->size());
      for (const toml::node& item : *list) out.items.push_back(node(item));
    } else if (const auto* text = from.as_string()) {
      out.kind = Kind::kString;
      out.text = text->get();
    } else if (const auto* integer = from.as_integer()) {
      out.kind = Kind::kInteger;
      out.integer = integer->get();
    } else if (const auto* flag = from.as_boolean()) {
      out.kind = Kind::kFlag;
      out.is_true = flag->get();
    } else if (const auto* fraction = from.as_floating_point()) {
      out.kind = Kind::kFloat;
      out.text = fmt::format("{}", fraction->get());
    } else {
      out.kind = Kind::kTime;
      std::ostringstream text_of;
      from.visit([&](const auto& value) { text_of << value; });
      out.text = text_of.str();
    }
    return out;
  }

 private:
  Place place(const toml::source_region& region) const {
    return {file_, region.begin.line, region.begin.column};
  }

  // The library keeps a table sorted by key; people think in the order of the file.
  std::vector<Entry> entries(const toml::table& table) const {
    std::vector<Entry> out;
    out.reserve(table.size());
    for (const auto& [key, value] : table) {
      out.push_back({std::string(key.str()), place(key.source()), node(value)});
    }
    std::stable_sort(out.begin(), out.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
    });
    return out;
  }

  const std::string& file_;
};

// The library's words, with the commonest cause of each in ours.
std::string advice(std::string_view description) {
  const auto has = [&](std::string_view part) { return description.find(part) != std::string_view::npos; };
  // An address without quotes looks like a time of day.
  if (has("while parsing time") || has("while parsing date")) {
    return "; addresses and other text stand in quotes, e.g. \"127.0.0.1:80\"";
  }
  if (has("could not determine value type") || has("expected digit") || has("expected decimal digit") ||
      has("value-terminator") || has("while parsing boolean")) {
    return "; text and values with a unit stand in quotes, e.g. \"30s\"";
  }
  if (has("cannot redefine existing")) {
    return "; a key or a table may be written only once";
  }
  if (has("unescaped control characters")) {
    return "; a string ends on its own line: is the closing quotation mark missing?";
  }
  return "";
}

Problem fault(const toml::parse_error& error, const std::string& file) {
  constexpr std::string_view kPrefix = "Error while parsing ";
  const std::string_view whole = error.description();
  std::string_view description = whole;
  if (description.starts_with(kPrefix)) description.remove_prefix(kPrefix.size());
  const toml::source_position at = error.source().begin;
  return {Severity::kError,
          {file, at.line, at.column},
          fmt::format("not valid TOML: {}{}", printable(description, 200), advice(whole))};
}

}  // namespace

tl::expected<Node, Problem> parse_tree(std::string_view text, const std::string& file) {
  if (text.size() > kMaxFileBytes) {
    return tl::unexpected(
        Problem{Severity::kError,
                {file, 0, 0},
                fmt::format("the file is larger than the {} MiB that are allowed", kMaxFileBytes >> 20)});
  }
  if (auto problem = text_fault(text, file)) return tl::unexpected(*std::move(problem));
  try {
    const toml::table root = toml::parse(text);
    return Converter(file).node(root);
  } catch (const toml::parse_error& error) {
    return tl::unexpected(fault(error, file));
  } catch (const std::exception& error) {
    return tl::unexpected(
        Problem{Severity::kError, {file, 0, 0}, fmt::format("cannot be parsed: {}", error.what())});
  }
}

}  // namespace weir::config
