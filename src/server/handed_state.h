// What one process tells the next at an upgrade of how things stand, as one document (JSON): plain values, in
// which names and not positions say what belongs to what, since the next one may have another configuration.
// What is missing in it is as at any start; what a later version adds is not looked at. Pure.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "config/model.h"
#include "discovery/source.h"
#include "pool/backend_past.h"
#include "server/access_lists.h"
#include "server/pool_alterations.h"
#include "server/predecessors.h"

namespace weir::server {

// The last good answer for a name among the backends.
struct HandedName {
  std::string pool;
  base::HostPort asked;
  bool is_service = false;
  std::vector<discovery::DiscoveredEndpoint> endpoints;
};

struct HandedState {
  std::map<std::string, std::vector<pool::BackendPast>> pools;
  // How far each rate of connections is ahead, by the name of its limits (server/doors.h); "process" for the
  // process's.
  std::map<std::string, std::chrono::nanoseconds> rates;
  std::vector<HandedName> names;
  // What operators have changed beside the configuration, and the states and weights in `pools`.
  PoolAlterations::ByPool alterations;
  AdditionsByListener additions;
  std::optional<pool::Wish<config::LogLevel>> log_level;
  std::uint64_t run = 0;                     // the last one that sessions' ids have (server/worker_set)
  std::vector<PredecessorStatus> processes;  // with sessions of before, the one that tells first
};

std::string build_document(const HandedState& state);
// Errors: it is not such a document.
base::Result<HandedState> parse_document(std::string_view text);

}  // namespace weir::server
