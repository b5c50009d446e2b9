// Reads how a pool's backends are connected to: `source`, `transparent` and `interface` of [pools.NAME]. Part
// of `build_pool`. Pure: whether this host has the addresses and the interface is known only at start.
#pragma once

#include "config/model.h"
#include "config/table_reader.h"

namespace weir::config {

// An address that cannot be read is a problem and leaves the others.
void read_source(TableReader& reader, PoolConfig& out);

}  // namespace weir::config
