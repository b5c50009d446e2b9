#include "server/name_watches.h"

#include <algorithm>
#include <set>

#include "config/limits.h"
#include "server/random_seed.h"

namespace weir::server {
namespace {

std::vector<std::string> servers_of(const config::ResolveConfig& resolve) {
  std::vector<std::string> servers;
  for (const auto& server : resolve.servers) servers.push_back(server.value.to_string());
  return servers;
}

}  // namespace

base::Result<discovery::NameWatch*> NameWatches::of(const config::ResolveConfig& resolve) {
  auto& watch = watches_[servers_of(resolve)];
  if (watch == nullptr) {
    discovery::NameWatchOptions options;
    for (const auto& server : resolve.servers) options.dns.servers.push_back(server.value);
    options.seed = random_seed();
    auto made = discovery::NameWatch::create(loop_, std::move(options));
    if (!made) return base::failure(std::move(made.error()));
    watch = std::move(*made);
  }
  return watch.get();
}

void NameWatches::drop_unused() {
  std::erase_if(watches_, [](const auto& one) { return one.second == nullptr || one.second->size() == 0; });
}

discovery::NameSpec name_spec_of(const config::PoolConfig& pool, const config::BackendConfig& entry) {
  const auto& written = std::get<base::HostPort>(entry.address.value);
  discovery::NameSpec spec;
  spec.name = written.host;
  spec.port = written.port;
  if (is_service(pool)) spec.use = discovery::NameSpec::Use::kServices;
  return spec;
}

bool is_service(const config::PoolConfig& pool) { return pool.resolve.use == config::ResolveUse::kService; }

bool is_for_later(const config::PoolConfig& pool) {
  return is_service(pool) || !pool.resolve.servers.empty();
}

bool is_asked_alike(const config::PoolConfig& pool, const config::BackendConfig& entry,
                    const config::PoolConfig& other_pool, const config::BackendConfig& other) {
  const auto* name = std::get_if<base::HostPort>(&entry.address.value);
  const auto* other_name = std::get_if<base::HostPort>(&other.address.value);
  const config::ResolveConfig& resolve = pool.resolve;
  const config::ResolveConfig& other_resolve = other_pool.resolve;
  return name != nullptr && other_name != nullptr && pool.name == other_pool.name &&
         entry.name == other.name && name->host == other_name->host && name->port == other_name->port &&
         resolve.use == other_resolve.use && resolve.interval == other_resolve.interval &&
         resolve.hold_last_good == other_resolve.hold_last_good &&
         servers_of(resolve) == servers_of(other_resolve);
}

// Each channel has one socket for UDP and one for TCP with each of its servers, however many questions are
// out.
std::uint64_t most_resolver_sockets(const config::Config& config) {
  std::set<std::vector<std::string>> channels;
  std::uint64_t sockets = 0;
  for (const config::PoolConfig& pool : config.pools) {
    const bool has_name = std::any_of(pool.backends.begin(), pool.backends.end(), [](const auto& backend) {
      return std::holds_alternative<base::HostPort>(backend.address.value);
    });
    const auto servers = servers_of(pool.resolve);
    if (!has_name || !channels.insert(servers).second) continue;
    sockets += 2 * (servers.empty() ? config::kMaxNameServers : servers.size());
  }
  return sockets;
}

}  // namespace weir::server
