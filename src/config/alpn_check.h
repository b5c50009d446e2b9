// Whether the lists of protocols (ALPN) agree where TLS ends here. Routes go by what a client offers; what is
// agreed on with it is the listener's to say; and what a backend is offered, its pool's. Part of `validate`.
// Pure.
#pragma once

#include "config/model.h"
#include "config/problem.h"

namespace weir::config {

void check_alpn(const Config& config, Problems& problems);

}  // namespace weir::config
