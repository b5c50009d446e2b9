// Builds one [listeners.NAME]. Part of `build`, which owns the order of things. Pure; a problem leaves the
// default in place and building goes on.
#pragma once

#include "config/model.h"
#include "config/node.h"
#include "config/problem.h"

namespace weir::config {

// `entry` has the name as its key. Preconditions: the name is valid, the value is a table.
ListenerConfig build_listener(const Entry& entry, Problems& problems);

}  // namespace weir::config
