// How a pool stands, read from its live block. Any thread.
#pragma once

#include "pool/pool.h"
#include "server/status.h"

namespace weir::server {

PoolStatus pool_status(const pool::Pool& pool);

}  // namespace weir::server
