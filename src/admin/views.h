// The texts behind the admin door's paths, made from one reading of the status. Pure.
#pragma once

#include <string>

#include "server/status.h"

namespace weir::admin {

// Prometheus text format 0.0.4.
std::string metrics_text(const server::ProcessStatus& status);

// {"pools": [{"name", "backends": [{"name", "address", "weight", "state", "in_flight", ...}]}]}
std::string backends_json(const server::ProcessStatus& status);

// {"refusals": [{"time", "listener", "client", "reason", "dry_run"}]}, the newest first: samples, not all.
std::string refusals_json(const server::ProcessStatus& status);

}  // namespace weir::admin
