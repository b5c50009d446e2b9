// What TLS of the checks of a pool needs, from its configuration.
#pragma once

#include "config/model.h"
#include "config/problem.h"
#include "pool/backend_tls.h"

namespace weir::server {

// The pool's own way `of_pool`, with the name that checks ask for. Where only its checks speak TLS they
// believe whoever answers. Empty where they speak none, and with an error among `problems`.
pool::BackendTls build_check_tls(const config::PoolConfig& from, const pool::BackendTls& of_pool,
                                 config::Problems& problems);

}  // namespace weir::server
