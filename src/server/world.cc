#include "server/world.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/loop_check.h"
#include "net/interfaces.h"
#include "net/local_ports.h"
#include "server/pool_settings.h"

namespace weir::server {
namespace {

using base::Address;
using config::BackendConfig;
using config::Problems;
using config::Severity;

pool::BackendMode mode_of(config::BackendMode mode) {
  switch (mode) {
    case config::BackendMode::kUp:
      return pool::BackendMode::kUp;
    case config::BackendMode::kDrain:
      return pool::BackendMode::kDrain;
    case config::BackendMode::kMaintenance:
      return pool::BackendMode::kMaintenance;
  }
  return pool::BackendMode::kUp;
}

pool::BackendIdentity identity_of(const BackendConfig& from, const std::string& name) {
  pool::BackendIdentity identity;
  identity.name = name;
  identity.weight = from.weight;
  identity.most_sessions = from.max_connections;
  identity.is_backup = from.is_backup;
  identity.mode = mode_of(from.mode);
  return identity;
}

class Builder {
 public:
  Builder(const config::Config& config, const Resolve& resolve, Problems& problems, Severity unresolved)
      : resolve_(resolve), problems_(problems), unresolved_(unresolved), loops_(config, own_) {}

  std::shared_ptr<pool::Pool> build_pool(const config::PoolConfig& from) {
    std::vector<std::shared_ptr<pool::Backend>> backends;
    for (const BackendConfig& backend : from.backends) add_backends(backend, from, backends);
    return std::make_shared<pool::Pool>(pool_settings(from), std::move(backends));
  }

 private:
  // An address is one backend; a name is one for each of its addresses.
  void add_backends(const BackendConfig& from, const config::PoolConfig& pool,
                    std::vector<std::shared_ptr<pool::Backend>>& backends) {
    if (const auto* address = std::get_if<Address>(&from.address.value)) {
      backends.push_back(make(from, from.name, *address, pool));
      return;
    }
    auto addresses = resolve_(std::get<base::HostPort>(from.address.value));
    if (!addresses) {
      const std::string& why = addresses.error().message();
      problems_.push_back(
          {unresolved_, from.address.place,
           fmt::format("pools.{}.backends: {}; the backend stays down until a start at which it does",
                       pool.name, why)});
      pool::BackendIdentity identity = identity_of(from, from.name);
      identity.unresolved = why;
      backends.push_back(std::make_shared<pool::Backend>(std::move(identity)));
      return;
    }
    for (const Address& address : *addresses) {
      const std::string name = addresses->size() == 1 ? from.name : from.name + "@" + address.ip_to_string();
      backends.push_back(make(from, name, address, pool));
    }
  }

  std::shared_ptr<pool::Backend> make(const BackendConfig& from, const std::string& name,
                                      const Address& address, const config::PoolConfig& pool) {
    if (auto loop = loops_.problem(pool, from, address)) problems_.push_back(*std::move(loop));
    pool::BackendIdentity identity = identity_of(from, name);
    identity.address = address;
    identity.may_self_connect = is_local(address) && ports_.spans(address.port());
    return std::make_shared<pool::Backend>(std::move(identity));
  }

  bool is_local(const Address& address) const {
    if (!address.is_ip()) return false;
    if (address.is_loopback() || address.is_wildcard()) return true;
    const Address host = address.unmapped().with_port(0);
    return std::any_of(own_.begin(), own_.end(), [&](const Address& a) { return a.with_port(0) == host; });
  }

  const Resolve& resolve_;
  Problems& problems_;
  const Severity unresolved_;
  const std::vector<Address> own_ = net::interface_addresses();
  const config::LoopCheck loops_;
  const net::LocalPorts ports_ = net::load_local_ports().value_or(net::LocalPorts());
};

session::LoggedSessions logged(config::SessionLogging sessions) {
  switch (sessions) {
    case config::SessionLogging::kAll:
      return session::LoggedSessions::kAll;
    case config::SessionLogging::kErrors:
      return session::LoggedSessions::kErrors;
    case config::SessionLogging::kNone:
      return session::LoggedSessions::kNone;
  }
  return session::LoggedSessions::kAll;
}

std::shared_ptr<const session::SessionSettings> settings_of(const config::ListenerConfig& from,
                                                            const config::LimitsConfig& limits,
                                                            const config::LogConfig& log) {
  auto settings = std::make_shared<session::SessionSettings>();
  settings->listener = from.name;
  settings->idle_timeout = from.idle_timeout;
  settings->half_close_timeout = from.half_close_timeout;
  settings->max_lifetime = from.max_lifetime;
  settings->relay.reset_linger = from.reset_linger;
  if (!limits.dry_run) {
    settings->relay.upload_rate = limits.upload_rate;
    settings->relay.download_rate = limits.download_rate;
  }
  settings->tcp = {from.keepalive, from.user_timeout};
  settings->logged = logged(log.sessions);
  return settings;
}

std::shared_ptr<pool::Pool> find_pool(const World& world, const std::string& name) {
  const auto found = std::find_if(world.pools.begin(), world.pools.end(),
                                  [&](const auto& pool) { return pool->settings().name == name; });
  WEIR_ASSERT(found != world.pools.end());
  return *found;
}

}  // namespace

World build_world(const config::Config& config, const Resolve& resolve, Problems& problems,
                  Severity unresolved) {
  Builder builder(config, resolve, problems, unresolved);
  World world;
  for (const config::PoolConfig& pool : config.pools) world.pools.push_back(builder.build_pool(pool));
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    const std::string& fallback = config.pools[i].fallback_pool.value;
    if (!fallback.empty()) world.pools[i]->set_fallback(find_pool(world, fallback));
  }
  for (const config::ListenerConfig& listener : config.listeners) {
    world.routes.push_back({settings_of(listener, limits_of(config, listener), config.log),
                            find_pool(world, listener.pool.value)});
  }
  return world;
}

}  // namespace weir::server
