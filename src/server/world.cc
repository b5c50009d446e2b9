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

// What is called so in the configuration before; null: it is not there, or there is none before.
const config::PoolConfig* earlier_pool(const Predecessor* before, const std::string& name) {
  return before == nullptr ? nullptr : before->config.find_pool(name);
}

const config::ListenerConfig* earlier_listener(const Predecessor* before, const std::string& name) {
  if (before == nullptr) return nullptr;
  const auto& all = before->config.listeners;
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// Where it stands in its configuration, and so in the world made of it.
template <class One>
std::size_t position_in(const std::vector<One>& all, const One* one) {
  return static_cast<std::size_t>(one - all.data());
}

class Builder {
 public:
  Builder(const config::Config& config, const Resolve& resolve, Problems& problems, Severity unresolved,
          base::Millis longest_asking, const KnownAnswers& known = {})
      : resolve_(resolve),
        known_(known),
        problems_(problems),
        unresolved_(unresolved),
        still_to_ask_(longest_asking),
        specs_(config) {}

  void follow(const Predecessor& before, Succession& succession) {
    before_ = &before;
    succession_ = &succession;
  }

  void add_pool(const config::PoolConfig& from, World& world) {
    earlier_ = earlier_pool(before_, from.name);
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
    if (succession_ != nullptr) succession_->pools.emplace_back();
    if (earlier_ == nullptr) {
      world.pools.push_back(std::make_shared<pool::Pool>(std::move(settings), backends));
      return;
    }
    world.pools.push_back(before_->world.pools[position_in(before_->config.pools, earlier_)]);
    // What its files hold may be something else now.
    const bool reads_files = settings.tls.context != nullptr || settings.check_tls.context != nullptr;
    if (reads_files || !before_->is_as_before("pools." + from.name)) {
      succession_->pools.back() = std::move(settings);
    }
  }

 private:
  void look_up(const config::PoolConfig& pool, const BackendConfig& from, NameAtStart& name) {
    const auto& written = std::get<base::HostPort>(from.address.value);
    if (is_kept(pool, from)) return;
    if (known_) name.endpoints = known_(pool, written);
    if (!name.endpoints.empty()) {
      for (const auto& endpoint : name.endpoints) check_loop(pool, from, endpoint.address);
      return;
    }
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

  bool is_kept(const config::PoolConfig& pool, const BackendConfig& entry) const {
    return earlier_ != nullptr &&
           std::any_of(earlier_->backends.begin(), earlier_->backends.end(),
                       [&](const auto& other) { return is_asked_alike(pool, entry, *earlier_, other); });
  }

  void check_loop(const config::PoolConfig& pool, const BackendConfig& from, const Address& address) {
    if (auto loop = specs_.loop(pool, from, address)) problems_.push_back(*std::move(loop));
  }

  const Resolve& resolve_;
  const KnownAnswers known_;
  Problems& problems_;
  const Severity unresolved_;
  base::Micros still_to_ask_;
  const BackendSpecs specs_;
  const Predecessor* before_ = nullptr;
  Succession* succession_ = nullptr;
  const config::PoolConfig* earlier_ = nullptr;  // the pool that is being made, as it was
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
  settings->pool = from.pool.value;
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

// Those of a listener that is there already: the same object, which is filled anew when the world is put in
// force, while everything about it is configured as it was.
ListenerTls next_tls(const config::ListenerConfig& listener, const Predecessor* before,
                     Succession* succession, Problems& problems) {
  if (succession != nullptr) succession->tls.emplace_back();
  const config::ListenerConfig* const earlier = earlier_listener(before, listener.name);
  if (earlier == nullptr) return build_listener_tls(listener, problems);
  const ListenerTls& live = before->world.tls[position_in(before->config.listeners, earlier)];
  if (live.termination != nullptr && before->is_as_before("listeners." + listener.name)) {
    ReloadedTls fresh = reload_listener_tls(listener, live);
    problems.insert(problems.end(), fresh.problems.begin(), fresh.problems.end());
    succession->tls.back() = std::move(fresh);
    return live;
  }
  const bool keeps_keys = earlier->tls && earlier->tls->ticket_key_file.value.empty();
  return build_listener_tls(listener, problems, keeps_keys ? live.tickets : nullptr);
}

// The same object where nothing that it is made of has changed, since sessions keep it as long as they live.
std::shared_ptr<const session::SessionSettings> next_settings(const config::Config& config,
                                                              const config::ListenerConfig& listener,
                                                              const Predecessor* before) {
  const config::ListenerConfig* const earlier = earlier_listener(before, listener.name);
  const std::string& shared = listener.shared_limits.value;
  const bool is_same = earlier != nullptr && before->is_as_before("listeners." + listener.name) &&
                       before->is_as_before("log") &&
                       (shared.empty() || before->is_as_before("limits." + shared));
  if (is_same) return before->world.routes[position_in(before->config.listeners, earlier)].settings;
  return settings_of(listener, limits_of(config, listener), config.log);
}

std::shared_ptr<ListenerTally> next_tally(const std::string& listener, const Predecessor* before) {
  const config::ListenerConfig* const earlier = earlier_listener(before, listener);
  if (earlier == nullptr) return std::make_shared<ListenerTally>();
  return before->world.tallies[position_in(before->config.listeners, earlier)];
}

World build(Builder& builder, const config::Config& config, const Predecessor* before, Succession* succession,
            Problems& problems) {
  World world;
  for (const config::PoolConfig& pool : config.pools) builder.add_pool(pool, world);
  for (const config::ListenerConfig& listener : config.listeners) {
    const ListenerTls& tls = world.tls.emplace_back(next_tls(listener, before, succession, problems));
    world.routes.push_back({next_settings(config, listener, before), entrance_of(listener, world, tls),
                            find_pool(world, listener.pool.value)});
    world.tallies.push_back(next_tally(listener.name, before));
  }
  return world;
}

}  // namespace

World build_world(const config::Config& config, const Resolve& resolve, Problems& problems,
                  Severity unresolved, base::Millis longest_asking, const KnownAnswers& known) {
  Builder builder(config, resolve, problems, unresolved, longest_asking, known);
  World world = build(builder, config, nullptr, nullptr, problems);
  link_fallbacks(config, world);
  return world;
}

World build_next_world(const config::Config& config, const Resolve& resolve, const Predecessor& before,
                       Succession& succession, Problems& problems) {
  Builder builder(config, resolve, problems, Severity::kWarning, kLongestAsking);
  builder.follow(before, succession);
  return build(builder, config, &before, &succession, problems);
}

void link_fallbacks(const config::Config& config, const World& world) {
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    const std::string& fallback = config.pools[i].fallback_pool.value;
    world.pools[i]->set_fallback(fallback.empty() ? nullptr : find_pool(world, fallback));
  }
}

}  // namespace weir::server
