// What is wrong with a configuration: one problem a line, "file:line:column: error: text". All that can be
// known at once are collected, so that a user mends a file in one round.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/model.h"

namespace weir::config {

enum class Severity { kWarning, kError };

struct Problem {
  Severity severity = Severity::kError;
  Place place;
  std::string text;  // what was found, what is allowed, what to do
};

using Problems = std::vector<Problem>;

bool has_error(const Problems& problems);

// The errors among them, each as `to_string` has it, with `between` in between, and the first one; empty:
// there are none.
std::string errors_as_text(const Problems& problems, std::string_view between);
std::string first_error(const Problems& problems);

// Appends one. Beyond `kMaxProblems` (config/limits.h) one error says that there are more, and the rest is
// dropped.
void add_error(Problems& problems, Place place, std::string text);
void add_warning(Problems& problems, Place place, std::string text);

// "conf/weir.toml:12:8", without the parts that are not known; empty when nothing is.
std::string to_string(const Place& place);

// "conf/weir.toml:12:8: error: ..."; the parts of the place that are not known are left out.
std::string to_string(const Problem& problem);

}  // namespace weir::config
