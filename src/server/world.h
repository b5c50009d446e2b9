// The running form of a configuration: for each listener its route and who may come in, for each pool its
// live block. `build_world` makes routes and pools from a `Config`, the answers of the resolver and the files
// of TLS; the doors, which read files of their own, are made apart by `build_doors`. A world that follows
// another one takes over the live blocks of what is called the same, and leaves them as they are until it is
// put in force. Knows nothing of sockets or threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
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

// What is left to be done to live blocks when a world takes the place of another one.
struct Succession {
  std::vector<std::optional<pool::PoolSettings>> pools;      // by pool; none: it is new, or as it was
  std::vector<std::optional<ReloadedTls>> tls;               // by listener; none: it is new
  std::vector<std::shared_ptr<admission::LimitSet>> limits;  // that take over from one before them
  std::shared_ptr<admission::RateLimiter> process_rate;  // the same; null: it is as it was, or there is none
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

// The world before, and what of its configuration stays as it was: "pools.web", "log".
struct Predecessor {
  const config::Config& config;
  const World& world;
  std::function<bool(const std::string& table)> is_as_before;
};

using Resolve = std::function<base::Result<std::vector<base::Address>>(const base::HostPort&)>;

// What is known already of a name in a pool; nothing: it is asked for.
using KnownAnswers = std::function<std::vector<discovery::DiscoveredEndpoint>(const config::PoolConfig&,
                                                                              const base::HostPort&)>;

// A name that does not resolve makes its backend "down" and leaves a warning among `problems`; a resolved
// address that is one of this process's own listeners leaves an error. Names of services, and those of pools
// with name servers of their own, are not looked up here: their backends are down until `NameKeeper` has an
// answer; nor are the rest once the names have taken longer than `longest_asking` in all, since nobody
// listens meanwhile. `unresolved` is how bad a name without an address is. The doors are left empty.
World build_world(const config::Config& config, const Resolve& resolve, config::Problems& problems,
                  config::Severity unresolved = config::Severity::kWarning,
                  base::Millis longest_asking = kLongestAsking, const KnownAnswers& known = {});

// The same for the world that is to follow `before`; what is left to be done then is added to `succession`.
// Names that were asked for before in the same way are not looked up, and have no answer here: whoever keeps
// them has it.
World build_next_world(const config::Config& config, const Resolve& resolve, const Predecessor& before,
                       Succession& succession, config::Problems& problems);

// Tells the pools of the configuration their fallback pools.
void link_fallbacks(const config::Config& config, const World& world);

}  // namespace weir::server
