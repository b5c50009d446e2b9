// The running form of a configuration: for each listener its route and who may come in, for each pool its
// live block. `build_world` makes routes and pools from a `Config`, the answers of the resolver and the files
// of TLS; the doors, which read files of their own, are made apart by `build_doors`. Knows nothing of sockets
// or threads.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "config/problem.h"
#include "discovery/source.h"
#include "pool/pool.h"
#include "server/doors.h"
#include "server/listener_tally.h"
#include "server/listener_tls.h"
#include "session/session.h"

namespace weir::server {

// What a name among the backends was found to stand for before Weir served anyone.
struct NameAtStart {
  std::size_t pool = 0;  // positions in the configuration
  std::size_t backend = 0;
  std::vector<discovery::DiscoveredEndpoint> endpoints;  // sorted
  std::string why_none;                                  // when there are none
};

struct World {
  std::vector<session::Route> routes;  // one for each of the configuration's listeners, in its order
  std::vector<DoorRules> doors;        // the same; made apart, by `build_doors`
  std::vector<ListenerTls> tls;        // the same
  std::vector<std::shared_ptr<ListenerTally>> tallies;  // the same
  std::vector<std::shared_ptr<pool::Pool>> pools;
  std::vector<NameAtStart> names;  // all names of all pools, in the order of the configuration
};

inline constexpr base::Millis kLongestAsking{5'000};

using Resolve = std::function<base::Result<std::vector<base::Address>>(const base::HostPort&)>;

// A name that does not resolve makes its backend "down" and leaves a warning among `problems`; a resolved
// address that is one of this process's own listeners leaves an error. Names of services, and those of pools
// with name servers of their own, are not looked up here: their backends are down until `NameKeeper` has an
// answer; nor are the rest once the names have taken longer than `longest_asking` in all, since nobody
// listens meanwhile. `unresolved` is how bad a name without an address is. The doors are left empty.
World build_world(const config::Config& config, const Resolve& resolve, config::Problems& problems,
                  config::Severity unresolved = config::Severity::kWarning,
                  base::Millis longest_asking = kLongestAsking);

}  // namespace weir::server
