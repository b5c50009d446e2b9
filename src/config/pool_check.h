// Checks of one pool as a whole: what its backends and its own keys say together. Pure; part of `validate`.
// What one table tells by itself is `build_pool`'s, what several pools say of each other pool_references'.
#pragma once

#include "config/model.h"
#include "config/problem.h"

namespace weir::config {

// Error: two backends with one name. Warnings: an address that is there twice, backends that can get no
// connections, settings that have no effect on these backends; each says what happens at run time.
void check_pool(const PoolConfig& pool, Problems& problems);

// What of that is about each backend by itself, for one that comes to the pool while Weir runs.
void check_added_backend(const PoolConfig& pool, const BackendConfig& backend, Problems& problems);

}  // namespace weir::config
