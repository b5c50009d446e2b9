// The metrics, made from one reading of the status. Pure.
#pragma once

#include <string>

#include "server/status.h"

namespace weir::admin {

// Prometheus text format 0.0.4.
std::string metrics_text(const server::ProcessStatus& status);

}  // namespace weir::admin
