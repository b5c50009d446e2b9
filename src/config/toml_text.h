// A value of a configuration's tree as TOML (v1.0.0) again, on one line: the way in which people write it.
// Pure.
#pragma once

#include <string>

#include "config/node.h"

namespace weir::config {

// Strings in double quotes, with what a terminal would obey as \uXXXX (JSON's strings are TOML's too), lists
// in brackets, tables inline. Reading it gives the same value. Bytes that are no UTF-8 become U+FFFD.
// Precondition: nothing in `node` is kFaulty.
std::string toml_text(const Node& node);

}  // namespace weir::config
