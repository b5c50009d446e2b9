// Who may come in by each listener, and what those get who may not: made from the configuration, and shared
// by all workers. Listeners that share limits share one live block.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admission/gate.h"
#include "config/model.h"
#include "config/problem.h"
#include "net/packet_filter.h"
#include "net/packet_rules.h"
#include "server/access_lists.h"

namespace weir::server {

struct DoorRules {
  admission::Gate::Rules gate;
  config::WhenExceeded when_exceeded = config::WhenExceeded::kReset;
  base::Millis tarpit_time{0};
  std::shared_ptr<net::PacketFilter> filter;  // null: denied clients are met by the gate only
};

// What a packet filter that is in use already is to hold from now on.
struct FilterUpdate {
  std::shared_ptr<net::PacketFilter> filter;
  net::PacketRules rules;
  std::size_t listener = 0;  // position in the configuration
};

// The doors of the configuration before, which those of the next go on from.
struct DoorsBefore {
  const config::Config& config;
  const std::vector<DoorRules>& doors;
  // What is left to be done when the next one is put in force.
  std::vector<std::shared_ptr<admission::LimitSet>> fresh{};  // that take over from one before them
  std::vector<FilterUpdate> filter_updates{};
  std::shared_ptr<admission::RateLimiter> fresh_process_rate{};  // the same; null: it is as it was
};

// What tells limits apart, and names them: "limits.NAME", "listeners.NAME.limits".
std::string limits_key(const config::ListenerConfig& listener);

// The limits that a listener keeps: its own, or those it shares.
const config::LimitsConfig& limits_of(const config::Config& config, const config::ListenerConfig& listener);

// One for each listener, in the order of the configuration. Reads the files of the access lists; what is
// wrong with them goes to `problems`. Precondition: the configuration is valid.
// `additions` are what operators have added to the lists. `filters`, in the same order, are filled, but those
// that `before` has already. Limits that are as they were are those of `before`.
std::vector<DoorRules> build_doors(const config::Config& config,
                                   const std::vector<std::shared_ptr<net::PacketFilter>>& filters,
                                   const AdditionsByListener& additions, config::Problems& problems,
                                   DoorsBefore* before = nullptr);

// Refused clients that may be held at the same time, by all limits together: each keeps a descriptor.
std::uint64_t most_tarpitted(const config::Config& config);

}  // namespace weir::server
