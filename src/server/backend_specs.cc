#include "server/backend_specs.h"

#include <algorithm>
#include <map>

#include "net/interfaces.h"

namespace weir::server {
namespace {

using base::Address;
using config::BackendConfig;
using discovery::DiscoveredEndpoint;

pool::BackendIdentity identity_of(const BackendConfig& from, const std::string& name,
                                  const SharedOrigin& origin) {
  pool::BackendIdentity identity;
  identity.name = name;
  identity.origin = origin;
  identity.weight = from.weight;
  identity.most_sessions = from.max_connections;
  identity.is_backup = from.is_backup;
  identity.mode = from.mode;
  return identity;
}

}  // namespace

SharedOrigin origin_of(const config::PoolConfig& pool) {
  if (pool.sources.empty() && !pool.transparent && pool.interface.value.empty()) return nullptr;
  auto origin = std::make_shared<pool::Origin>();
  for (const auto& source : pool.sources) origin->sources.push_back(source.value);
  origin->transparent = pool.transparent;
  origin->interface = pool.interface.value;
  return origin;
}

BackendSpecs::BackendSpecs(const config::Config& config)
    : own_(net::interface_addresses()),
      loops_(config, own_),
      ports_(net::load_local_ports().value_or(net::LocalPorts())) {}

std::shared_ptr<pool::Backend> BackendSpecs::of_address(const BackendConfig& from,
                                                        const SharedOrigin& origin) const {
  return make(identity_of(from, from.name, origin), std::get<Address>(from.address.value));
}

Backends BackendSpecs::of_name(const BackendConfig& from, config::ResolveUse use,
                               const std::vector<DiscoveredEndpoint>& endpoints, const std::string& why_none,
                               const SharedOrigin& origin) const {
  if (endpoints.empty()) {
    pool::BackendIdentity identity = identity_of(from, from.name, origin);
    identity.unresolved = why_none;
    return {std::make_shared<pool::Backend>(std::move(identity))};
  }
  const bool is_service = use == config::ResolveUse::kService;
  const auto is_backup = [&](const DiscoveredEndpoint& endpoint) {
    return from.is_backup || endpoint.rank > 0;
  };
  std::map<bool, unsigned> greatest;  // of the backups and of the others, which share no load
  for (const DiscoveredEndpoint& endpoint : endpoints) {
    unsigned& most = greatest[is_backup(endpoint)];
    most = std::max({1u, most, endpoint.weight});
  }
  Backends backends;
  for (const DiscoveredEndpoint& endpoint : endpoints) {
    const std::string where = is_service ? endpoint.address.to_string() : endpoint.address.ip_to_string();
    pool::BackendIdentity identity = identity_of(from, from.name + "@" + where, origin);
    // An entry with weight 0 is one that drains, whatever the records say.
    if (is_service && from.weight > 0)
      identity.weight = scaled_weight(endpoint.weight, greatest[is_backup(endpoint)]);
    identity.is_backup = is_backup(endpoint);
    identity.host = is_service ? endpoint.target : std::get<base::HostPort>(from.address.value).host;
    if (identity.host.ends_with('.')) identity.host.pop_back();
    backends.push_back(make(std::move(identity), endpoint.address));
  }
  return backends;
}

std::shared_ptr<pool::Backend> BackendSpecs::make(pool::BackendIdentity identity,
                                                  const Address& address) const {
  identity.address = address;
  identity.may_self_connect = is_local(address) && ports_.spans(address.port());
  return std::make_shared<pool::Backend>(std::move(identity));
}

bool BackendSpecs::is_local(const Address& address) const {
  if (!address.is_ip()) return false;
  if (address.is_loopback() || address.is_wildcard()) return true;
  const Address host = address.unmapped().with_port(0);
  return std::any_of(own_.begin(), own_.end(), [&](const Address& a) { return a.with_port(0) == host; });
}

std::vector<DiscoveredEndpoint> endpoints_of(const std::vector<Address>& addresses) {
  std::vector<DiscoveredEndpoint> endpoints;
  endpoints.reserve(addresses.size());
  for (const Address& address : addresses) endpoints.push_back({address, 1, 0, ""});
  discovery::sort_endpoints(endpoints);
  return endpoints;
}

unsigned scaled_weight(unsigned weight, unsigned greatest) {
  if (greatest <= BackendSpecs::kMostWeight) return std::max(weight, 1u);
  const std::uint64_t scaled = (std::uint64_t{weight} * BackendSpecs::kMostWeight + greatest / 2) / greatest;
  return std::max(static_cast<unsigned>(scaled), 1u);
}

}  // namespace weir::server
