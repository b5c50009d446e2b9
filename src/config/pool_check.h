// Checks of one pool as a whole: what its backends and its own keys say together. Pure; part of `validate`.
// What one table tells by itself is `build_pool`'s, what several pools say of each other pool_references'.
#pragma once

#include "config/model.h"
#include "config/problem.h"

namespace weir::config {

// Error: two backends with one name. Warnings: an address that is there twice, backends that can get no
// connections, settings that have no effect on these backends; each says what happens at run time.
void check_pool(const PoolConfig& pool, Problems& problems);

}  // namespace weir::config
