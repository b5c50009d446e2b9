// The two sections whose tables carry a name of the user's: listeners and pools. Part of `build`. Pure; a
// problem leaves the default in place and building goes on.
#pragma once

#include "config/model.h"
#include "config/node.h"
#include "config/problem.h"

namespace weir::config {

// `entry` is [listeners.NAME] or [pools.NAME]. Precondition: its value is a table.
ListenerConfig build_listener(const Entry& entry, Problems& problems);
PoolConfig build_pool(const Entry& entry, Problems& problems);

}  // namespace weir::config
