#include "server/health_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "server/random_seed.h"
#include "session/outgoing.h"

namespace weir::server {
namespace {

constexpr std::size_t kMostProbes = 256;
// A fault that keeps checks from being made is told of again when it had not shown for that long.
constexpr base::Millis kTellAgainAfter{600'000};

health::HttpCheck http_of(const config::HttpCheckConfig& from) {
  health::HttpCheck check{from.path, from.host, {}, from.body_contains};
  for (const auto& range : from.statuses) {
    check.status.push_back({static_cast<int>(range.first), static_cast<int>(range.last)});
  }
  return check;
}

std::shared_ptr<const health::Check> check_of(const config::HealthConfig& from) {
  health::Check check;
  switch (from.type) {
    case config::CheckType::kTcp:
      check.type = health::TcpCheck{};
      break;
    case config::CheckType::kTls:
      check.type = health::TlsCheck{};
      break;
    case config::CheckType::kHttp:
      check.type = http_of(from.http);
      break;
    case config::CheckType::kExchange:
      check.type = health::ExchangeCheck{from.exchange.send, from.exchange.expect};
      break;
  }
  check.interval = from.interval;
  check.timeout = from.timeout;
  check.jitter = from.jitter;
  return std::make_shared<const health::Check>(std::move(check));
}

health::TargetTls tls_of(const pool::BackendTls& how, const std::string& host) {
  return {how.context, how.server_name.empty() ? host : how.server_name};
}

}  // namespace

HealthChecks::HealthChecks(net::EventLoop& loop, Parts parts)
    : log_(parts.log),
      config_(&parts.config),
      pools_(&parts.pools),
      prober_(
          loop, {kMostProbes, random_seed()},
          [this](health::TargetId id, const auto& report) { return take(id, report); },
          [this](const health::Target& target, const auto& options) { return connect(target, options); }) {
  follow_timer_.bind<&HealthChecks::follow_ways>(loop, this);
  make_checks();
}

void HealthChecks::make_checks() {
  checks_.clear();
  for (const config::PoolConfig& pool : config_->pools) {
    checks_.push_back(pool.health ? check_of(*pool.health) : nullptr);
  }
}

void HealthChecks::start() {
  for (std::size_t i = 0; i < pools_->size(); ++i) {
    if (checks_[i] == nullptr) continue;
    for (const auto& backend : (*pools_)[i]->members()) add(i, backend, health::FirstProbe::kSpread);
  }
}

void HealthChecks::change(const config::Config& config, const std::vector<std::shared_ptr<pool::Pool>>& pools,
                          const std::function<bool(const std::string& pool)>& is_as_before) {
  std::unordered_map<const pool::Pool*, bool> stays;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    // What is trusted may be another one, though the files are called the same.
    const bool speaks_tls = pools[i]->settings()->check_tls.context != nullptr;
    if (config.pools[i].health) stays.emplace(pools[i].get(), !speaks_tls && is_as_before(pools[i]->name()));
  }
  std::vector<std::shared_ptr<pool::Backend>> given_up;
  for (const auto& [id, checked] : checked_) {
    const auto pool = stays.find(checked.pool.get());
    const bool goes_on = pool != stays.end() && pool->second && checked.reached_by == &checked.backend->way();
    if (!goes_on) given_up.push_back(checked.backend);
  }
  for (const auto& backend : given_up) remove(*backend);
  config_ = &config;
  pools_ = &pools;
  make_checks();
  start();
}

void HealthChecks::add(std::size_t pool, const std::shared_ptr<pool::Backend>& backend,
                       health::FirstProbe first) {
  base::Address address = backend->identity().address;
  if (checks_[pool] == nullptr || address.family() == AF_UNSPEC || ids_.contains(backend.get())) return;
  const auto& port = config_->pools[pool].health->port;
  if (port && address.is_ip()) address = address.with_port(static_cast<std::uint16_t>(*port));
  address = address.unmapped();
  const std::uint64_t way = address.is_ip() ? add_way(backend->way(), address.family()) : 0;
  const std::string& host = backend->way().host;
  const std::string authority = host.empty() ? "" : fmt::format("{}:{}", host, address.port());
  const std::shared_ptr<pool::Pool>& its_pool = (*pools_)[pool];
  const std::shared_ptr<const pool::PoolSettings> settings = its_pool->settings();
  const pool::ProxyVersion header = settings->send_proxy.version;
  const health::TargetId id =
      prober_.add({address, checks_[pool], way, authority, header, tls_of(settings->check_tls, host)}, first);
  checked_.emplace(id, Checked{its_pool, backend, &backend->way(), way});
  ids_.emplace(backend.get(), id);
}

void HealthChecks::remove(const pool::Backend& backend) {
  const auto found = ids_.find(&backend);
  if (found == ids_.end()) return;
  prober_.remove(found->second);
  ways_.erase(checked_.at(found->second).way);
  checked_.erase(found->second);
  ids_.erase(found);
}

std::uint64_t HealthChecks::add_way(const pool::BackendWay& from, int family) {
  const pool::Origin* origin = from.origin.get();
  if (origin == nullptr || (origin->sources.empty() && origin->interface.empty())) return 0;
  ways_[++last_way_] = std::make_unique<Way>(*origin, family);
  return last_way_;
}

net::Connecting HealthChecks::connect(const health::Target& target, const net::TcpOptions& options) {
  const auto found = ways_.find(target.origin);
  if (found == ways_.end()) return net::start_connect(target.address, options);
  Way& way = *found->second;
  return session::start_in_turn(target.address, way.turn, way.interface, options).connecting;
}

health::Pace HealthChecks::take(health::TargetId id, const health::ProbeReport& report) {
  const Checked& checked = checked_.at(id);
  pool::Pool& pool = *checked.pool;
  bool is_changing = false;
  switch (report.verdict) {
    case health::Verdict::kPassed:
      is_changing = pool.check_passed(*checked.backend, base::precise_now());
      break;
    case health::Verdict::kFailed:
      is_changing = pool.check_failed(*checked.backend, report.reason);
      break;
    case health::Verdict::kNotMade:
      checked.backend->counters().checks_not_made.add();
      tell_not_made(checked, report);
      break;
  }
  if (checked.reached_by != &checked.backend->way()) follow_timer_.start(base::Millis(0));
  return is_changing ? health::Pace::kChanging : health::Pace::kSteady;
}

// A name's answer has given it another host, whom the sessions speak to already.
void HealthChecks::follow_ways() {
  std::vector<std::pair<std::size_t, std::shared_ptr<pool::Backend>>> changed;
  for (const auto& [id, checked] : checked_) {
    if (checked.reached_by == &checked.backend->way()) continue;
    const auto at = std::find(pools_->begin(), pools_->end(), checked.pool);
    changed.emplace_back(static_cast<std::size_t>(at - pools_->begin()), checked.backend);
  }
  for (const auto& [pool, backend] : changed) {
    remove(*backend);
    if (pool < pools_->size()) add(pool, backend, health::FirstProbe::kAtOnce);
  }
}

// Once for the pool and the fault, whichever of its backends it was, and however long it lasts.
void HealthChecks::tell_not_made(const Checked& checked, const health::ProbeReport& report) {
  const base::TimePoint now = base::precise_now();
  const auto [at, is_new] = not_made_.try_emplace({checked.pool->name(), report.fault}, now);
  const base::TimePoint before = std::exchange(at->second, now);
  if (!is_new && now - before <= kTellAgainAfter) return;
  base::LogFields fields;
  fields.text("pool", checked.pool->name());
  fields.text("backend", checked.backend->name());
  fields.text("reason", report.reason);
  log_.event(LogLevel::kWarning, "check_not_made", advice_on(report.fault), fields);
}

std::string_view advice_on(const health::LocalFault& fault) {
  switch (fault.error) {
    case EMFILE:
      return "no descriptor was left for a check: the backend stays as it is; a higher limit of open files "
             "(LimitNOFILE, ulimit -n) or a lower max_connections helps";
    case ENFILE:
      return "the system has no descriptor left for a check: the backend stays as it is; a higher "
             "fs.file-max "
             "helps";
    case ENOBUFS:
    case ENOMEM:
      return "the kernel had no memory for a check: the backend stays as it is";
    default:
      break;
  }
  const bool is_not_allowed = fault.error == EPERM || fault.error == EACCES;
  switch (fault.step) {
    case net::ConnectStep::kInterface:
      return is_not_allowed
                 ? "Weir may not bind to the pool's `interface`: its backends stay as they are; "
                   "before Linux 5.7 that takes CAP_NET_RAW"
                 : "the pool's `interface` is not there: its backends stay as they are, unchecked; "
                   "bring it back, or name another";
    case net::ConnectStep::kSource:
      return is_not_allowed ? "Weir may not bind to a `source` of the pool: its backends stay as they are, "
                              "unchecked"
                            : "this host has no `source` of the pool: its backends stay as they are, "
                              "unchecked; add one with `ip address add`, or name others";
    case net::ConnectStep::kOpen:
      return "this host cannot open the socket for a check: the backend stays as it is, unchecked; is its "
             "address family switched off?";
    case net::ConnectStep::kConnect:
      break;
  }
  return "no local port was left for a check: the backend stays as it is; more `source` addresses or a wider "
         "net.ipv4.ip_local_port_range help";
}

std::uint64_t most_probes(const config::Config& config) {
  std::uint64_t checked = 0;
  for (const config::PoolConfig& pool : config.pools) {
    if (!pool.health) continue;
    for (const config::BackendConfig& backend : pool.backends) {
      // A name may come to stand for many.
      checked += std::holds_alternative<base::Address>(backend.address.value) ? 1 : kMostProbes;
    }
  }
  return std::min<std::uint64_t>(checked, kMostProbes);
}

}  // namespace weir::server
