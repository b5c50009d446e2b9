#include "server/name_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "config/limits.h"
#include "config/pool_check.h"
#include "server/running.h"

namespace weir::server {
namespace {

using base::LogFields;
using base::Millis;
using discovery::DiscoveredEndpoint;

constexpr Millis kLookInterval{200};
constexpr Millis kPublishInterval{1'000};
constexpr std::size_t kMostLogged = 16;  // addresses in one line

const base::HostPort& written(const config::BackendConfig& entry) {
  return std::get<base::HostPort>(entry.address.value);
}

// As the pool tells backends apart.
std::string key_of(const pool::Backend& backend) {
  return backend.name() + ' ' + backend.identity().address.to_string();
}

std::string text_of(const std::vector<DiscoveredEndpoint>& endpoints) {
  std::string text;
  for (std::size_t i = 0; i < std::min(endpoints.size(), kMostLogged); ++i) {
    text += (i == 0 ? "" : ",") + endpoints[i].address.to_string();
  }
  if (endpoints.size() > kMostLogged) text += fmt::format(" and {} more", endpoints.size() - kMostLogged);
  return text;
}

// What is wrong with one that is added while Weir runs, beside what the configuration has.
std::optional<std::string> fault_of_added(const BackendSpecs& specs, const ListenerSet* listeners,
                                          const config::PoolConfig& pool,
                                          const config::BackendConfig& entry) {
  if (listeners != nullptr) {
    if (auto loop = unix_loop(pool.name, entry, *listeners)) return loop;
  }
  if (const auto loop = specs.loop(pool, entry, std::get<base::Address>(entry.address.value))) {
    return loop->text;
  }
  config::Problems problems;
  config::check_added_backend(pool, entry, problems);
  if (problems.empty()) return std::nullopt;
  return problems.front().text;
}

std::uint64_t failures_of(const Backends& backends) {
  std::uint64_t failures = 0;
  for (const auto& backend : backends) {
    const pool::BackendCounters& counters = backend->counters();
    failures +=
        counters.failed_attempts.value() + counters.checks_failed.value() + counters.warm_failed.value();
  }
  return failures;
}

}  // namespace

NameKeeper::NameKeeper(net::EventLoop& loop, const Parts& parts)
    : loop_(loop),
      log_(parts.log),
      config_(&parts.config),
      pools_(&parts.pools),
      watches_(loop),
      alterations_(parts.alterations),
      listeners_(parts.listeners) {
  timer_.bind<&NameKeeper::look>(loop, this);
  limit_.bind<&net::EventLoop::stop>(loop, &loop);
}

base::Result<std::unique_ptr<NameKeeper>> NameKeeper::create(net::EventLoop& loop, const Parts& parts) {
  std::unique_ptr<NameKeeper> keeper(new NameKeeper(loop, parts));
  if (auto watched = keeper->watch_names(parts.names); !watched) {
    return base::failure(std::move(watched.error()));
  }
  keeper->alterations_.forget_what_is_said_anew(parts.config);
  for (std::size_t i = 0; i < parts.pools.size(); ++i) {
    if (keeper->alterations_.all().contains(parts.pools[i]->name())) keeper->refill(i);
  }
  return keeper;
}

base::Result<void> NameKeeper::watch_names(const std::vector<NameAtStart>& names) {
  const BackendSpecs specs(*config_);
  for (const NameAtStart& at_start : names) {
    auto name = watch(*config_, at_start);
    if (!name) return base::failure(std::move(name.error()));
    (*name)->is_awaited = at_start.endpoints.empty();
    if ((*name)->is_awaited) ++awaited_;
    (*name)->backends = backends_of(**name, specs, origin_of(pool_of(**name)));
    names_.push_back(std::move(*name));
  }
  pools_changed();
  return {};
}

base::Result<std::unique_ptr<NameKeeper::Name>> NameKeeper::watch(const config::Config& config,
                                                                  const NameAtStart& at_start) {
  const config::PoolConfig& pool = config.pools[at_start.pool];
  auto owned = std::make_unique<Name>();
  Name* const name = owned.get();
  name->pool = at_start.pool;
  name->backend = at_start.backend;
  name->endpoints = at_start.endpoints;
  name->why_none = at_start.why_none;
  auto watch = watches_.of(pool.resolve);
  if (!watch) return base::failure(std::move(watch.error()));
  name->watch = *watch;
  discovery::NameCallbacks callbacks;
  callbacks.changed = [this, name](const auto& endpoints) { on_changed(*name, endpoints); };
  callbacks.failed = [this, name](const std::string& reason) { on_failed(*name, reason); };
  callbacks.recovered = [this, name] { on_recovered(*name); };
  callbacks.noted = [this, name](const std::string& note) { on_noted(*name, note); };
  name->id =
      name->watch->add(name_spec_of(pool, pool.backends[at_start.backend]),
                       {pool.resolve.interval, pool.resolve.hold_last_good}, callbacks, name->endpoints);
  return owned;
}

base::Result<void> NameKeeper::change(const config::Config& config,
                                      const std::vector<std::shared_ptr<pool::Pool>>& pools,
                                      const std::vector<NameAtStart>& names, const ListenerSet* listeners) {
  Names watched;
  std::vector<Name*> kept;
  for (const NameAtStart& at_start : names) {
    const config::PoolConfig& pool = config.pools[at_start.pool];
    const auto known = std::find_if(names_.begin(), names_.end(), [&](const auto& one) {
      return is_asked_alike(pool_of(*one), entry_of(*one), pool, pool.backends[at_start.backend]);
    });
    if (known != names_.end()) {
      kept.push_back(known->get());
      watched.emplace_back();
      continue;
    }
    kept.push_back(nullptr);
    auto name = watch(config, with_last_answer(config, at_start));
    if (!name) {
      for (const auto& one : watched) {
        if (one != nullptr) one->watch->remove(one->id);
      }
      return base::failure(std::move(name.error()));
    }
    watched.push_back(std::move(*name));
  }
  for (auto& one : names_) {
    const auto at = std::find(kept.begin(), kept.end(), one.get());
    if (at == kept.end()) {
      one->watch->remove(one->id);
      continue;
    }
    const auto i = static_cast<std::size_t>(at - kept.begin());
    one->pool = names[i].pool;
    one->backend = names[i].backend;
    watched[i] = std::move(one);
  }
  names_ = std::move(watched);
  watches_.drop_unused();
  alterations_.forget_what_is_said_anew(config);
  config_ = &config;
  pools_ = &pools;
  listeners_ = listeners;
  if (!names_.empty()) timer_.start(kLookInterval);
  return {};
}

// One that is asked for otherwise, at other times or of other servers, and has no answer yet, has the one
// that it had.
NameAtStart NameKeeper::with_last_answer(const config::Config& config, NameAtStart at_start) const {
  const config::PoolConfig& pool = config.pools[at_start.pool];
  const config::BackendConfig& entry = pool.backends[at_start.backend];
  for (const auto& one : names_) {
    const bool is_same = pool_of(*one).name == pool.name && entry_of(*one).name == entry.name &&
                         written(entry_of(*one)).host == written(entry).host &&
                         written(entry_of(*one)).port == written(entry).port &&
                         is_service(pool_of(*one)) == is_service(pool);
    if (is_same && at_start.endpoints.empty()) at_start.endpoints = one->endpoints;
  }
  return at_start;
}

base::Result<void> NameKeeper::add(std::size_t pool, config::BackendConfig entry) {
  const config::PoolConfig& from = config_->pools[pool];
  if ((*pools_)[pool]->members().size() >= config::kMaxBackends) {
    return base::failure({base::ErrorSide::kConfiguration,
                          fmt::format("the pool has as many backends as it may: {}", config::kMaxBackends)});
  }
  if (auto fault = fault_of_added(BackendSpecs(*config_), listeners_, from, entry)) {
    return base::failure({base::ErrorSide::kConfiguration, std::move(*fault)});
  }
  if (auto added = alterations_.add(from, std::move(entry)); !added) return added;
  refill(pool);
  return {};
}

base::Result<void> NameKeeper::remove(std::size_t pool, const std::string& entry) {
  if (auto removed = alterations_.remove(config_->pools[pool], entry); !removed) return removed;
  refill(pool);
  return {};
}

std::vector<NameAtStart> NameKeeper::last_answers() const {
  std::vector<NameAtStart> all;
  for (const auto& one : names_) all.push_back({one->pool, one->backend, one->endpoints, one->why_none});
  return all;
}

void NameKeeper::pools_changed() {
  for (std::size_t i = 0; i < pools_->size(); ++i) adopt(i);
  publish(base::precise_now());
}

void NameKeeper::await_answers(Millis limit) {
  if (awaited_ == 0) return;
  limit_.start(limit);
  loop_.run();
  limit_.stop();
  // From now on nobody waits.
  for (const auto& name : names_) name->is_awaited = false;
  awaited_ = 0;
  publish(base::precise_now());
}

void NameKeeper::settle(Name& name) {
  is_stale_ = true;
  if (!std::exchange(name.is_awaited, false)) return;
  if (--awaited_ == 0) loop_.stop();
}

void NameKeeper::start() {
  if (!names_.empty()) timer_.start(kLookInterval);
}

void NameKeeper::on_changed(Name& name, const std::vector<DiscoveredEndpoint>& endpoints) {
  settle(name);
  name.endpoints = endpoints;
  name.early.reset();
  const auto status = name.watch->status(name.id);
  LogFields fields = fields_of(name);
  if (endpoints.empty()) {
    name.why_none = !status->last_error.empty() ? status->last_error
                    : status->notes.empty()     ? std::string("there is no address")
                                                : status->notes.front();
    fields.text("reason", name.why_none);
    tell(LogLevel::kWarning, "it has no backend any more", fields);
  } else {
    fields.number("count", endpoints.size());
    fields.text("addresses", text_of(endpoints));
    fields.number("ttl", static_cast<std::uint64_t>(status->ttl.count() / 1000));
    tell(LogLevel::kInfo, "it has a new answer", fields);
  }
  refill(name.pool);
}

void NameKeeper::on_failed(Name& name, const std::string& reason) {
  settle(name);
  LogFields fields = fields_of(name);
  fields.text("reason", reason);
  fields.number("count", name.endpoints.size());
  const bool has_none = name.endpoints.empty();
  tell(LogLevel::kWarning,
       has_none                               ? "it has no backend until it is answered"
       : pool_of(name).resolve.hold_last_good ? "its last answer is kept"
                                              : "its last answer counts until its time is over",
       fields);
  if (!has_none) return;
  name.why_none = reason;
  refill(name.pool);
}

void NameKeeper::on_recovered(Name& name) {
  settle(name);
  LogFields fields = fields_of(name);
  fields.number("count", name.endpoints.size());
  tell(LogLevel::kInfo, "it is answered again", fields);
}

void NameKeeper::on_noted(Name& name, const std::string& note) {
  settle(name);
  LogFields fields = fields_of(name);
  fields.text("reason", note);
  tell(LogLevel::kWarning, "its answer is not whole, or not all of it is used", fields);
}

Backends NameKeeper::backends_of(Name& name, const BackendSpecs& specs, const SharedOrigin& origin) {
  const config::BackendConfig& entry = entry_of(name);
  std::vector<DiscoveredEndpoint> usable;
  for (const DiscoveredEndpoint& endpoint : name.endpoints) {
    const auto loop = specs.loop(pool_of(name), entry, endpoint.address);
    if (!loop) {
      usable.push_back(endpoint);
    } else if (name.told.insert(endpoint.address.to_string()).second) {
      tell(LogLevel::kWarning, loop->text, fields_of(name));
    }
  }
  const bool is_all_loops = usable.empty() && !name.endpoints.empty();
  return specs.of_name(entry, pool_of(name).resolve.use, usable,
                       is_all_loops ? "its addresses lead back to Weir itself" : name.why_none, origin);
}

bool NameKeeper::has_added(std::size_t pool) const {
  return !alterations_.of(config_->pools[pool].name).added.empty();
}

Backends NameKeeper::backends(std::size_t pool) {
  const config::PoolConfig& from = config_->pools[pool];
  const BackendSpecs specs(*config_);
  auto name = std::find_if(names_.begin(), names_.end(), [&](const auto& one) { return one->pool == pool; });
  const SharedOrigin origin = origin_of(from);
  const PoolAlterations::OfPool alterations = alterations_.of(from.name);
  Backends wanted;
  for (const config::BackendConfig& entry : from.backends) {
    const bool is_wanted = !alterations.removed.contains(entry.name);
    if (std::holds_alternative<base::Address>(entry.address.value)) {
      if (is_wanted) wanted.push_back(specs.of_address(entry, origin));
      continue;
    }
    Name& its = **name++;  // in the same order
    its.backends = is_wanted ? backends_of(its, specs, origin) : Backends();
    wanted.insert(wanted.end(), its.backends.begin(), its.backends.end());
  }
  for (const config::BackendConfig& entry : alterations.added) {
    // It may have fitted what the configuration was.
    if (const auto fault = fault_of_added(specs, listeners_, from, entry)) {
      tell_left_out(from.name, entry.name, *fault);
      continue;
    }
    wanted.push_back(specs.of_address(entry, origin));
  }
  if (wanted.size() > config::kMaxBackends) {
    LogFields fields;
    fields.text("pool", from.name);
    fields.number("count", wanted.size());
    tell(LogLevel::kWarning,
         fmt::format("more backends than a pool can have: the first {} are used", config::kMaxBackends),
         fields);
    wanted.resize(config::kMaxBackends);
  }
  return wanted;
}

void NameKeeper::tell_left_out(const std::string& pool, const std::string& backend, const std::string& why) {
  if (!told_.insert(pool + ' ' + backend + ' ' + why).second) return;
  LogFields fields;
  fields.text("pool", pool);
  fields.text("backend", backend);
  log_.event(LogLevel::kWarning, "configuration", "a backend that was added is left out: " + why, fields);
}

void NameKeeper::refill(std::size_t pool) {
  (*pools_)[pool]->replace(backends(pool), base::precise_now());
  adopt(pool);
}

// A backend that the pool has had already is the one that counts.
void NameKeeper::adopt(std::size_t pool) {
  std::unordered_map<std::string, std::shared_ptr<pool::Backend>> known;
  for (const auto& backend : (*pools_)[pool]->backends()) known.emplace(key_of(*backend), backend);
  for (const auto& name : names_) {
    if (name->pool != pool) continue;
    for (auto& backend : name->backends) {
      const auto found = known.find(key_of(*backend));
      if (found != known.end()) backend = found->second;
    }
    name->failures = failures_of(name->backends);
  }
}

void NameKeeper::look() {
  const base::TimePoint now = base::precise_now();
  for (const auto& name : names_) look_for_failures(*name, now);
  if (is_stale_ || now - published_at_ >= kPublishInterval) publish(now);
  timer_.start(kLookInterval);
}

void NameKeeper::look_for_failures(Name& name, base::TimePoint now) {
  const std::uint64_t failures = failures_of(name.backends);
  if (std::exchange(name.failures, failures) == failures) return;
  if (name.early.failed(now)) name.watch->connects_fail(name.id);
}

void NameKeeper::publish(base::TimePoint now) {
  std::map<std::string, std::vector<Published>> all;
  for (const auto& name : names_) {
    const auto known = *name->watch->status(name->id);
    Published& one = all[pool_of(*name).name].emplace_back();
    one.status.name = entry_of(*name).name;
    one.status.asked = written(entry_of(*name)).host;
    one.status.is_service = is_service(pool_of(*name));
    for (const DiscoveredEndpoint& endpoint : name->endpoints) {
      one.status.addresses.push_back(endpoint.address);
    }
    one.status.error = known.last_error;
    one.status.notes = known.notes;
    for (const base::Address& address : one.status.addresses) {
      if (!name->told.contains(address.to_string())) continue;
      one.status.notes.push_back(fmt::format("{} leads back to Weir itself: left out", address.to_string()));
    }
    one.status.failures = known.failures;
    one.status.answers = known.questions - known.failures - (known.is_asking ? 1 : 0);
    one.last_answer = known.last_answer;
    one.next_question = known.next_question;
  }
  is_stale_ = false;
  published_at_ = now;
  const std::lock_guard lock(mutex_);
  published_ = std::move(all);
}

std::vector<NameStatus> NameKeeper::status(const std::string& pool) const {
  const base::TimePoint now = base::precise_now();
  const auto at_least_none = [](auto time) {
    return std::max(std::chrono::duration_cast<Millis>(time), Millis(0));
  };
  std::vector<NameStatus> names;
  const std::lock_guard lock(mutex_);
  const auto known = published_.find(pool);
  if (known == published_.end()) return names;
  for (const Published& one : known->second) {
    names.push_back(one.status);
    if (one.last_answer) names.back().age = at_least_none(now - *one.last_answer);
    names.back().next_question = at_least_none(one.next_question - now);
  }
  return names;
}

LogFields NameKeeper::fields_of(const Name& name) const {
  LogFields fields;
  fields.text("pool", pool_of(name).name);
  fields.text("name", entry_of(name).name);
  return fields;
}

void NameKeeper::tell(LogLevel level, std::string_view message, const LogFields& fields) const {
  log_.event(level, "name", message, fields);
}

}  // namespace weir::server
