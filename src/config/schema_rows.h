// The rows of the schema's table that stand in files of their own. Only the table itself asks for them.
#pragma once

#include <vector>

#include "config/schema.h"

namespace weir::config {

// [listeners.NAME.access], [listeners.NAME.limits], [limits.NAME] and [process.limits].
std::vector<Key> admission_keys();

// [pools.NAME], its backends, [pools.NAME.sessions] and [pools.NAME.outlier].
std::vector<Key> pool_keys();

// [pools.NAME.tls].
std::vector<Key> pool_tls_keys();

// [pools.NAME.health] with its tables `http` and `exchange`.
std::vector<Key> health_keys();

// [listeners.NAME.tls] with its certificates, and the routes.
std::vector<Key> tls_keys();

}  // namespace weir::config
