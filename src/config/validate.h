// Checks of the configuration as a whole: what no single value can tell. Pure: it opens, resolves and binds
// nothing, so a valid configuration may still fail to start on a given machine.
#pragma once

#include "config/model.h"
#include "config/problem.h"

namespace weir::config {

// Errors: no listener; limits that do not exist; addresses that cannot be bound together; a backend that is
// this process's own listener; and those of config/pool_references.h and config/pool_check.h, whose warnings
// are told too. Precondition: `config` was built; with errors among `problems` already, what would only
// repeat them is left out.
void validate(const Config& config, Problems& problems);

}  // namespace weir::config
