// What TLS with the backends of a pool needs, from its configuration. The files are read here.
#pragma once

#include "config/model.h"
#include "config/problem.h"
#include "pool/backend_tls.h"

namespace weir::server {

// Empty where backends are spoken to plainly, and with an error among `problems`. Precondition: the
// configuration is valid.
pool::BackendTls build_pool_tls(const config::PoolConfig& from, config::Problems& problems);

}  // namespace weir::server
