// What is wrong with a configuration: one problem a line, "file:line:column: error: text". All that can be
// known at once are collected, so that a user mends a file in one round.
#pragma once

#include <string>
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

// "conf/weir.toml:12:8: error: ..."; the parts of the place that are not known are left out.
std::string to_string(const Problem& problem);

}  // namespace weir::config
