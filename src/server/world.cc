#include "server/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "config/loop_check.h"
#include "net/resolver.h"

namespace weir::server {
namespace {

using base::Address;
using config::BackendConfig;
using config::Problems;
using config::Severity;

// The ports that the kernel hands out as source ports, ip(7).
struct PortRange {
  unsigned first = 32768;
  unsigned last = 60999;
};

PortRange ephemeral_ports() {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  PortRange range;
  PortRange read;
  if (file >> read.first >> read.last) range = read;
  return range;
}

class Builder {
 public:
  Builder(const config::Config& config, const Resolve& resolve, Problems& problems, Severity unresolved)
      : resolve_(resolve), problems_(problems), unresolved_(unresolved), loops_(config, own_) {}

  std::shared_ptr<pool::Pool> build_pool(const config::PoolConfig& from) {
    std::vector<std::shared_ptr<pool::Backend>> backends;
    for (const BackendConfig& backend : from.backends) add_backends(backend, from, backends);
    pool::PoolSettings settings;
    settings.name = from.name;
    settings.connect_timeout = from.connect_timeout;
    settings.retries = from.retries;
    return std::make_shared<pool::Pool>(std::move(settings), std::move(backends));
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
      pool::BackendIdentity identity;
      identity.name = from.name;
      identity.weight = from.weight;
      identity.state = pool::BackendState::kDown;
      identity.state_reason = why;
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
    pool::BackendIdentity identity;
    identity.name = name;
    identity.address = address;
    identity.weight = from.weight;
    identity.may_self_connect =
        is_local(address) && address.port() >= ports_.first && address.port() <= ports_.last;
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
  const PortRange ports_ = ephemeral_ports();
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

}  // namespace

World build_world(const config::Config& config, const Resolve& resolve, Problems& problems,
                  Severity unresolved) {
  Builder builder(config, resolve, problems, unresolved);
  World world;
  for (const config::PoolConfig& pool : config.pools) world.pools.push_back(builder.build_pool(pool));
  for (const config::ListenerConfig& listener : config.listeners) {
    const auto pool = std::find_if(world.pools.begin(), world.pools.end(), [&](const auto& candidate) {
      return candidate->settings().name == listener.pool.value;
    });
    WEIR_ASSERT(pool != world.pools.end());
    world.routes.push_back({settings_of(listener, limits_of(config, listener), config.log), *pool});
  }
  return world;
}

}  // namespace weir::server
