// What holds for every configuration, in words, for the two that describe the schema as a whole: the
// reference and the manual page. Markdown, broken where the reference breaks it.
#pragma once

#include <array>
#include <string_view>

namespace weir::config {

inline constexpr std::array<std::string_view, 6> kNotes{
    R"(A duration is a whole number with its unit, in quotes: `"250ms"`, `"30s"`, `"10m"`, `"1h"`, `"1d"`.)",
    R"(A rate is a whole number per `s`, `min` or `h`, in quotes: `"2000/s"`, `"10/min"`; of bytes: `"1MiB/s"`.)",
    R"(`${NAME}` in any string is replaced by that environment variable, and `${NAME:-default}` by `default` when it
  is unset or empty. A string made in this way may also stand for a number or for `true` and `false`. `$${` is
  a plain `${`.)",
    "A key or a table that is not listed here is an error, so a misspelt key cannot go unnoticed.",
    R"(*restart* marks keys that take effect only when Weir is started again; the others belong to what can change
  while it runs.)",
    R"(Files that `include` brings in may add keys to the same sections, but no key and no named table may stand in
  two files.)"};

inline constexpr std::string_view kShortestFile = R"([listeners.web]
bind = "0.0.0.0:8080"
pool = "web"

[pools.web]
backends = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]
)";

}  // namespace weir::config
