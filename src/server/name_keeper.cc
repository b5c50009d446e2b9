#include "server/name_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "config/limits.h"

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
    : loop_(loop), parts_(parts), watches_(loop) {
  timer_.bind<&NameKeeper::look>(loop, this);
  limit_.bind<&net::EventLoop::stop>(loop, &loop);
}

base::Result<std::unique_ptr<NameKeeper>> NameKeeper::create(net::EventLoop& loop, const Parts& parts) {
  std::unique_ptr<NameKeeper> keeper(new NameKeeper(loop, parts));
  if (auto watched = keeper->watch_names(); !watched) return base::failure(std::move(watched.error()));
  return keeper;
}

base::Result<void> NameKeeper::watch_names() {
  const BackendSpecs specs(parts_.config);
  for (const NameAtStart& at_start : parts_.names) {
    auto owned = std::make_unique<Name>();
    Name* const name = owned.get();
    name->pool = at_start.pool;
    name->backend = at_start.backend;
    name->endpoints = at_start.endpoints;
    name->why_none = at_start.why_none;
    name->is_awaited = at_start.endpoints.empty();
    if (name->is_awaited) ++awaited_;
    name->backends = backends_of(*name, specs, origin_of(pool_of(*name)));
    const config::ResolveConfig& resolve = pool_of(*name).resolve;
    auto watch = watches_.of(resolve);
    if (!watch) return base::failure(std::move(watch.error()));
    name->watch = *watch;
    discovery::NameCallbacks callbacks;
    callbacks.changed = [this, name](const auto& endpoints) { on_changed(*name, endpoints); };
    callbacks.failed = [this, name](const std::string& reason) { on_failed(*name, reason); };
    callbacks.recovered = [this, name] { on_recovered(*name); };
    callbacks.noted = [this, name](const std::string& note) { on_noted(*name, note); };
    name->id = name->watch->add(name_spec_of(pool_of(*name), entry_of(*name)),
                                {resolve.interval, resolve.hold_last_good}, callbacks, name->endpoints);
    names_.push_back(std::move(owned));
  }
  for (std::size_t i = 0; i < parts_.pools.size(); ++i) adopt(i);
  published_.resize(parts_.pools.size());
  publish(base::precise_now());
  return {};
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

void NameKeeper::refill(std::size_t pool) {
  const config::PoolConfig& from = parts_.config.pools[pool];
  const BackendSpecs specs(parts_.config);
  auto name = std::find_if(names_.begin(), names_.end(), [&](const auto& one) { return one->pool == pool; });
  const SharedOrigin origin = origin_of(from);
  Backends wanted;
  for (const config::BackendConfig& entry : from.backends) {
    if (std::holds_alternative<base::Address>(entry.address.value)) {
      wanted.push_back(specs.of_address(entry, origin));
      continue;
    }
    Name& its = **name++;  // in the same order
    its.backends = backends_of(its, specs, origin);
    wanted.insert(wanted.end(), its.backends.begin(), its.backends.end());
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
  parts_.pools[pool]->replace(wanted, base::precise_now());
  adopt(pool);
}

// A backend that the pool has had already is the one that counts.
void NameKeeper::adopt(std::size_t pool) {
  std::unordered_map<std::string, std::shared_ptr<pool::Backend>> known;
  for (const auto& backend : parts_.pools[pool]->backends()) known.emplace(key_of(*backend), backend);
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
  std::vector<std::vector<Published>> all(parts_.pools.size());
  for (const auto& name : names_) {
    const auto known = *name->watch->status(name->id);
    Published& one = all[name->pool].emplace_back();
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

std::vector<NameStatus> NameKeeper::status(std::size_t pool) const {
  const base::TimePoint now = base::precise_now();
  const auto at_least_none = [](auto time) {
    return std::max(std::chrono::duration_cast<Millis>(time), Millis(0));
  };
  std::vector<NameStatus> names;
  const std::lock_guard lock(mutex_);
  for (const Published& one : published_[pool]) {
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
  parts_.log.event(level, "name", message, fields);
}

}  // namespace weir::server
