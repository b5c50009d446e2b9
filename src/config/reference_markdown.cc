#include <fmt/format.h>

#include <iterator>

#include "config/describe.h"
#include "config/schema.h"

namespace weir::config {
namespace {

constexpr std::string_view kIntroduction =
    R"(<!-- Made from the configuration schema by `weir describe reference`; edit src/config/schema_table.cc instead. -->
# Configuration reference

A configuration is a [TOML](https://toml.io/en/v1.0.0) file in UTF-8. `weir check FILE` reports every problem in
it at once, with file, line and column, and what is allowed there.

- A duration is a whole number with its unit, in quotes: `"250ms"`, `"30s"`, `"10m"`, `"1h"`, `"1d"`.
- A rate is a whole number per `s`, `min` or `h`, in quotes: `"2000/s"`, `"10/min"`; of bytes: `"1MiB/s"`.
- `${NAME}` in any string is replaced by that environment variable, and `${NAME:-default}` by `default` when it
  is unset or empty. A string made in this way may also stand for a number or for `true` and `false`. `$${` is
  a plain `${`.
- A key or a table that is not listed here is an error, so a misspelt key cannot go unnoticed.
- *restart* marks keys that take effect only when Weir is started again; the others belong to what can change
  while it runs.
- Files that `include` brings in may add keys to the same sections, but no key and no named table may stand in
  two files.

The shortest useful file:

```toml
[listeners.web]
bind = "0.0.0.0:8080"
pool = "web"

[pools.web]
backends = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]
```
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
