// A file's tree to typed values, by the schema: types, units, bounds, defaults, unknown keys. Every problem
// is collected and building goes on, so `Config` is meaningful only when no error was added. Pure. What
// concerns more than one value (pools that do not exist, overlapping addresses) is `validate`'s.
#pragma once

#include "config/model.h"
#include "config/node.h"
#include "config/problem.h"

namespace weir::config {

// Precondition: `root` is a table, expanded and with its includes merged in. `Config::files` is left empty.
Config build_config(const Node& root, Problems& problems);

}  // namespace weir::config
