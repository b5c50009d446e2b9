// Makes the backends of a pool from an entry of its configuration and the addresses that it stands for: what
// they are called, their weight, and what this host knows of the address. The one place for that, at start
// and whenever a name has another answer. Looks at this host's addresses once, when it is made; borrows the
// configuration. Any one thread.
//
// A backend of a name is always called NAME@ADDRESS (NAME@ADDRESS:PORT of a service), when there is one
// address too: what it is called must not change because another one comes or goes, or its counters, its
// state and its place in the table of `source_hash` would be lost.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/loop_check.h"
#include "config/model.h"
#include "discovery/source.h"
#include "net/local_ports.h"
#include "pool/backend.h"

namespace weir::server {

using Backends = std::vector<std::shared_ptr<pool::Backend>>;
using SharedOrigin = std::shared_ptr<const pool::Origin>;

// Where connections to a pool's backends come from; nothing where the kernel chooses everything.
SharedOrigin origin_of(const config::PoolConfig& pool);

class BackendSpecs {
 public:
  explicit BackendSpecs(const config::Config& config);

  // Of an entry that is an address. Precondition: it is.
  std::shared_ptr<pool::Backend> of_address(const config::BackendConfig& from,
                                            const SharedOrigin& origin) const;

  // Of an entry that is a name: one for each endpoint, or, when there is none, one that is down because of
  // `why_none`. Weights of a service above `kMostWeight` are brought down in proportion.
  Backends of_name(const config::BackendConfig& from, config::ResolveUse use,
                   const std::vector<discovery::DiscoveredEndpoint>& endpoints, const std::string& why_none,
                   const SharedOrigin& origin) const;

  // What is wrong when a connection to `address` would come back to this process.
  std::optional<config::Problem> loop(const config::PoolConfig& pool, const config::BackendConfig& from,
                                      const base::Address& address) const {
    return loops_.problem(pool, from, address);
  }

  static constexpr unsigned kMostWeight = 256;  // as in the configuration

 private:
  std::shared_ptr<pool::Backend> make(pool::BackendIdentity identity, const base::Address& address) const;
  bool is_local(const base::Address& address) const;

  const std::vector<base::Address> own_;
  const config::LoopCheck loops_;
  const net::LocalPorts ports_;
};

// What the resolver gave, as discovery gives it.
std::vector<discovery::DiscoveredEndpoint> endpoints_of(const std::vector<base::Address>& addresses);

// A share of 65535 that the configuration could have as well; never 0.
unsigned scaled_weight(unsigned weight, unsigned greatest);

}  // namespace weir::server
