// Builds [pools.NAME.tls]. Part of `build_pool`. Pure: no file is opened.
#pragma once

#include <string>

#include "config/table_reader.h"

namespace weir::config {

// `tls` of a pool; `path` is how messages name the pool.
void read_pool_tls(TableReader& reader, const std::string& path, PoolConfig& out, Problems& problems);

}  // namespace weir::config
