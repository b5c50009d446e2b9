// Checks that pools which are named exist: by listeners and as fallbacks of other pools. Pure; part of
// `validate`.
#pragma once

#include "config/model.h"
#include "config/problem.h"

namespace weir::config {

// Errors: a pool that does not exist, a pool that is its own fallback, fallbacks that lead back to where they
// began (told once for each such circle). Warning: a pool that no listener uses, neither itself nor by way of
// fallbacks.
void check_pool_references(const Config& config, Problems& problems);

}  // namespace weir::config
