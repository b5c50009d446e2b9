// The watches over names, one for each set of name servers: pools that ask the same servers share a watch,
// and with it the bound on questions. And what of the configuration a watch is told. On the loop's thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "discovery/name_watch.h"

namespace weir::server {

class NameWatches {
 public:
  explicit NameWatches(net::EventLoop& loop) : loop_(loop) {}

  // Made when it is asked for the first time; valid until `drop_unused`. Fails when the resolver cannot
  // start.
  base::Result<discovery::NameWatch*> of(const config::ResolveConfig& resolve);

  // Lets go of those that watch no name. Not to be called by one of them.
  void drop_unused();
  std::size_t size() const { return watches_.size(); }

 private:
  net::EventLoop& loop_;
  std::map<std::vector<std::string>, std::unique_ptr<discovery::NameWatch>> watches_;  // by servers
};

// What is asked for an entry of the pool that is a name.
discovery::NameSpec name_spec_of(const config::PoolConfig& pool, const config::BackendConfig& entry);

bool is_service(const config::PoolConfig& pool);

// Whether both pools are called the same and ask for the entry, which is a name in both, in the same way.
bool is_asked_alike(const config::PoolConfig& pool, const config::BackendConfig& entry,
                    const config::PoolConfig& other_pool, const config::BackendConfig& other);

// Whether the system's resolver cannot be asked for the pool's names, so that only a watch can tell.
bool is_for_later(const config::PoolConfig& pool);

// Sockets that the watches of a configuration may have open at once.
std::uint64_t most_resolver_sockets(const config::Config& config);

}  // namespace weir::server
