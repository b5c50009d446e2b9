// Whether what pools say of TLS and of names agrees with the listeners whose clients they serve. Part of
// `validate`. Pure.
#pragma once

#include "config/model.h"
#include "config/problem.h"

namespace weir::config {

void check_tls(const Config& config, Problems& problems);

}  // namespace weir::config
