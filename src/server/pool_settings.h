// A pool's rules as the pool knows them, from those of the configuration.
#pragma once

#include "config/model.h"
#include "pool/pool.h"

namespace weir::server {

pool::PoolSettings pool_settings(const config::PoolConfig& pool);

}  // namespace weir::server
