// The rows of the schema's table that stand in files of their own. Only the table itself asks for them.
#pragma once

#include <vector>

#include "config/schema.h"

namespace weir::config {

// [listeners.NAME.access], [listeners.NAME.limits], [limits.NAME] and [process.limits].
std::vector<Key> admission_keys();

}  // namespace weir::config
