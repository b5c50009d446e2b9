// Reads the name servers of a pool: `servers` of [pools.NAME.resolve]. Part of `build_pool`. Pure.
#pragma once

#include <vector>

#include "config/model.h"
#include "config/table_reader.h"

namespace weir::config {

// Adds to `out`; what is wrong is a problem, and the others are read all the same.
void read_name_servers(TableReader& reader, std::vector<Placed<base::Address>>& out);

}  // namespace weir::config
