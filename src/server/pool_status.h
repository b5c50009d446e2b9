// How a pool stands, read from its live block. Any thread.
#pragma once

#include "pool/pool.h"
#include "server/port_watch.h"
#include "server/status.h"

namespace weir::server {

PoolStatus pool_status(const pool::Pool& pool, const PortFindings& ports);

}  // namespace weir::server
