// Builds [pools.NAME.health] with its tables `http` and `exchange`. Part of `build_pool`. Pure. A check that
// could never pass is an error here, since the one table tells.
#pragma once

#include <string>

#include "config/model.h"
#include "config/node.h"
#include "config/problem.h"

namespace weir::config {

// `path` is how messages name the table: "pools.web.health". Precondition: `table` is a table.
HealthConfig build_health(const Node& table, const std::string& path, Problems& problems);

}  // namespace weir::config
