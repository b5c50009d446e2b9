// Whether the certificates that a listener asks of its clients are asked of all of them. Part of `validate`.
// Pure.
#pragma once

#include "config/model.h"
#include "config/problem.h"

namespace weir::config {

void check_client_verify(const ListenerConfig& listener, Problems& problems);

}  // namespace weir::config
