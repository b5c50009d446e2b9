// Who may come in by each listener, and what those get who may not: made from the configuration, and shared
// by all workers. Listeners that share limits share one live block.
#pragma once

#include <memory>
#include <vector>

#include "admission/gate.h"
#include "config/model.h"
#include "config/problem.h"
#include "net/packet_filter.h"

namespace weir::server {

struct DoorRules {
  admission::Gate::Rules gate;
  config::WhenExceeded when_exceeded = config::WhenExceeded::kReset;
  base::Millis tarpit_time{0};
  std::shared_ptr<net::PacketFilter> filter;  // null: denied clients are met by the gate only
};

// The limits that a listener keeps: its own, or those it shares.
const config::LimitsConfig& limits_of(const config::Config& config, const config::ListenerConfig& listener);

// One for each listener, in the order of the configuration. Reads the files of the access lists; what is
// wrong with them goes to `problems`. Precondition: the configuration is valid.
// `filters`, in the same order, are filled.
std::vector<DoorRules> build_doors(const config::Config& config,
                                   const std::vector<std::shared_ptr<net::PacketFilter>>& filters,
                                   config::Problems& problems);

// Refused clients that may be held at the same time, by all limits together: each keeps a descriptor.
std::uint64_t most_tarpitted(const config::Config& config);

}  // namespace weir::server
