#include "server/world.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/backend_specs.h"
#include "server/check_tls.h"
#include "server/name_watches.h"
#include "server/pool_settings.h"
#include "server/pool_tls.h"

namespace weir::server {
namespace {

using base::Address;
using config::BackendConfig;
using config::Problems;
using config::Severity;

class Builder {
 public:
  Builder(const config::Config& config, const Resolve& resolve, Problems& problems, Severity unresolved,
          base::Millis longest_asking)
      : resolve_(resolve),
        problems_(problems),
        unresolved_(unresolved),
        still_to_ask_(longest_asking),
        specs_(config) {}

  void add_pool(const config::PoolConfig& from, World& world) {
    Backends backends;
    const SharedOrigin origin = origin_of(from);
    for (std::size_t i = 0; i < from.backends.size(); ++i) {
      const BackendConfig& backend = from.backends[i];
      if (const auto* address = std::get_if<Address>(&backend.address.value)) {
        backends.push_back(specs_.of_address(backend, origin));
        check_loop(from, backend, *address);
        continue;
      }
      NameAtStart name{world.pools.size(), i, {}, ""};
      look_up(from, backend, name);
      for (auto& one : specs_.of_name(backend, from.resolve.use, name.endpoints, name.why_none, origin)) {
        backends.push_back(std::move(one));
      }
      world.names.push_back(std::move(name));
    }
    pool::PoolSettings settings = pool_settings(from);
    settings.tls = build_pool_tls(from, problems_);
    settings.check_tls = build_check_tls(from, settings.tls, problems_);
    world.pools.push_back(std::make_shared<pool::Pool>(std::move(settings), backends));
  }

 private:
  void look_up(const config::PoolConfig& pool, const BackendConfig& from, NameAtStart& name) {
    const auto& written = std::get<base::HostPort>(from.address.value);
    // The system's resolver knows nothing of these, or has taken too long for others.
    if (is_for_later(pool) || still_to_ask_ <= base::Micros(0)) {
      name.why_none = fmt::format("the name \"{}\" has not been answered yet", written.host);
      return;
    }
    const base::TimePoint begun = base::precise_now();
    const auto addresses = resolve_(written);
    still_to_ask_ -= std::chrono::duration_cast<base::Micros>(base::precise_now() - begun);
    if (!addresses) {
      name.why_none = addresses.error().message();
      problems_.push_back({unresolved_, from.address.place,
                           fmt::format("pools.{}.backends: {}; Weir goes on asking, and until there is an "
                                       "answer the backend is down",
                                       pool.name, name.why_none)});
      return;
    }
    for (const Address& address : *addresses) check_loop(pool, from, address);
    name.endpoints = endpoints_of(*addresses);
  }

  void check_loop(const config::PoolConfig& pool, const BackendConfig& from, const Address& address) {
    if (auto loop = specs_.loop(pool, from, address)) problems_.push_back(*std::move(loop));
  }

  const Resolve& resolve_;
  Problems& problems_;
  const Severity unresolved_;
  base::Micros still_to_ask_;
  const BackendSpecs specs_;
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

std::shared_ptr<pool::Pool> find_pool(const World& world, const std::string& name) {
  const auto found = std::find_if(world.pools.begin(), world.pools.end(),
                                  [&](const auto& pool) { return pool->name() == name; });
  WEIR_ASSERT(found != world.pools.end());
  return *found;
}

// Where a listener's clients go by their ClientHello; null where it is not looked at.
std::shared_ptr<const session::HelloRules> hello_rules(const config::ListenerConfig& from,
                                                       const World& world) {
  if (!from.tls) return nullptr;
  std::vector<session::HelloRoutes::Rule> rules;
  for (const config::RouteConfig& route : from.routes) {
    session::HelloRoutes::Rule rule{
        {}, route.alpn, find_pool(world, route.pool.value), route.mode == config::TlsMode::kTerminate};
    for (const auto& name : route.server_names) rule.server_names.push_back(name.value);
    rules.push_back(std::move(rule));
  }
  auto hello = std::make_shared<session::HelloRules>();
  hello->routes = session::HelloRoutes(rules);
  hello->terminates = from.tls->mode == config::TlsMode::kTerminate;
  hello->refuses_without_route = from.tls->no_route == config::Otherwise::kRefuse;
  hello->refuses_others_than_tls = from.tls->not_tls == config::Otherwise::kRefuse;
  return hello;
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

std::shared_ptr<const session::Entrance> entrance_of(const config::ListenerConfig& from, const World& world,
                                                     const ListenerTls& tls) {
  auto entrance = std::make_shared<session::Entrance>();
  entrance->preread_timeout = from.preread_timeout;
  entrance->proxy_may_be_absent = from.accept_proxy == config::AcceptProxy::kOptional;
  entrance->hello = hello_rules(from, world);
  entrance->tls = tls.termination;
  return entrance;
}

}  // namespace

World build_world(const config::Config& config, const Resolve& resolve, Problems& problems,
                  Severity unresolved, base::Millis longest_asking) {
  Builder builder(config, resolve, problems, unresolved, longest_asking);
  World world;
  for (const config::PoolConfig& pool : config.pools) builder.add_pool(pool, world);
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    const std::string& fallback = config.pools[i].fallback_pool.value;
    if (!fallback.empty()) world.pools[i]->set_fallback(find_pool(world, fallback));
  }
  for (const config::ListenerConfig& listener : config.listeners) {
    const ListenerTls& tls = world.tls.emplace_back(build_listener_tls(listener, problems));
    world.routes.push_back({settings_of(listener, limits_of(config, listener), config.log),
                            entrance_of(listener, world, tls), find_pool(world, listener.pool.value)});
    world.tallies.push_back(std::make_shared<ListenerTally>());
  }
  return world;
}

}  // namespace weir::server
