#include <fmt/format.h>

#include <iterator>

#include "config/describe.h"
#include "config/notes.h"
#include "config/schema.h"

namespace weir::config {
namespace {

constexpr std::string_view kIntroduction =
    R"(<!-- Made from the configuration schema by `weir describe reference`; edit src/config/schema_table.cc instead. -->
# Configuration reference

A configuration is a [TOML](https://toml.io/en/v1.0.0) file in UTF-8. `weir check FILE` reports every problem in
it at once, with file, line and column, and what is allowed there.
)";

// A bar would end the cell of the table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string default_of(const Key& key) {
  if (key.presence == Presence::kRequired) return "required";
  return key.default_value.empty() ? "" : fmt::format("`{}`", key.default_value);
}

}  // namespace

std::string reference_markdown() {
  std::string out(kIntroduction);
  const auto to = std::back_inserter(out);
  for (const std::string_view note : kNotes) fmt::format_to(to, "\n- {}", note);
  fmt::format_to(to, "\n\nThe shortest useful file:\n\n```toml\n{}```\n", kShortestFile);
  for (const Section section : kAllSections) {
    const bool is_table = title(section).starts_with('[');
    fmt::format_to(to, "\n## {}{}{}\n\n{}\n\n", is_table ? "`" : "", title(section), is_table ? "`" : "",
                   help(section));
    fmt::format_to(to, "| key | default | takes | meaning |\n|---|---|---|---|\n");
    for (const Key* key : keys_of(section)) {
      fmt::format_to(to, "| `{}` | {} | {} | {}{} |\n", key->name, default_of(*key), cell(expected(*key)),
                     cell(key->help), key->change == Change::kRestart ? " *restart*" : "");
    }
  }
  return out;
}

}  // namespace weir::config
