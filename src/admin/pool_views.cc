#include "admin/pool_views.h"

#include <unordered_set>
#include <utility>

#include "admin/json_views.h"

namespace weir::admin {
namespace {

using base::Micros;
using metrics::FamilyType;
using metrics::TextFormat;
using server::BackendStatus;
using server::NameStatus;
using server::PoolStatus;
using server::SourceStatus;

class PoolMetrics {
 public:
  PoolMetrics(TextFormat& out, const std::vector<PoolStatus>& pools) : out_(out), pools_(pools) {
    for (const PoolStatus& pool : pools) {
      std::unordered_set<std::string_view> names;
      std::vector<const BackendStatus*>& shown = backends_.emplace_back();
      for (const BackendStatus& one : pool.backends) {
        if (names.insert(one.name).second) shown.push_back(&one);
      }
    }
  }

  // A family with one sample for each pool.
  template <class Value>
  void each_pool(std::string_view name, FamilyType type, std::string_view help, Value value) {
    out_.family(name, type, help);
    for (const PoolStatus& pool : pools_) sample({{"pool", pool.name}}, value(pool));
  }

  // A family with one sample for each backend.
  template <class Value>
  void each_backend(std::string_view name, FamilyType type, std::string_view help, Value value) {
    out_.family(name, type, help);
    each([&](const PoolStatus& pool, const BackendStatus& backend) {
      sample({{"pool", pool.name}, {"backend", backend.name}}, value(backend));
    });
  }

  // A family with one sample for each name; where `value` gives nothing there is none, and no family without
  // a sample.
  template <class Value>
  void each_name(std::string_view name, FamilyType type, std::string_view help, Value value) {
    bool is_open = false;
    for (const PoolStatus& pool : pools_) {
      for (const NameStatus& one : pool.names) {
        const std::optional<std::uint64_t> sample = value(one);
        if (!sample) continue;
        if (!std::exchange(is_open, true)) out_.family(name, type, help);
        out_.sample({{"pool", pool.name}, {"name", one.name}}, *sample);
      }
    }
  }

  // A family with one sample for each source of each backend, where there is a value; none without one.
  template <class Value>
  void each_source(std::string_view name, FamilyType type, std::string_view help, Value value) {
    bool is_open = false;
    each([&](const PoolStatus& pool, const BackendStatus& backend) {
      for (const SourceStatus& source : backend.sources) {
        const std::optional<std::uint64_t> found = value(source);
        if (!found) continue;
        if (!std::exchange(is_open, true)) out_.family(name, type, help);
        out_.sample({{"pool", pool.name}, {"backend", backend.name}, {"source", source.source}}, *found);
      }
    });
  }

  void connects() {
    out_.family("weir_pool_connect_seconds", FamilyType::kHistogram,
                "How long connects took that stood and that a session waited for, their TLS included.");
    for (const PoolStatus& pool : pools_) out_.histogram({{"pool", pool.name}}, pool.connects);
  }

  void states() {
    out_.family("weir_backend_state", FamilyType::kGauge,
                "1, with the state that the backend is in as a label.");
    each([&](const PoolStatus& pool, const BackendStatus& b) {
      out_.sample({{"pool", pool.name}, {"backend", b.name}, {"state", pool::word(b.state)}}, 1);
    });
  }

 private:
  template <class Show>
  void each(Show show) const {
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      for (const BackendStatus* backend : backends_[i]) show(pools_[i], *backend);
    }
  }

  void sample(std::initializer_list<metrics::Label> labels, std::uint64_t value) {
    out_.sample(labels, value);
  }
  void sample(std::initializer_list<metrics::Label> labels, Micros value) {
    out_.seconds_sample(labels, value);
  }

  TextFormat& out_;
  const std::vector<PoolStatus>& pools_;
  // Of each pool. One that has left, and has sessions still, may have the name of one that came since and is
  // before it: a series can be there only once.
  std::vector<std::vector<const BackendStatus*>> backends_;
};

void write_pools(PoolMetrics& out) {
  constexpr auto kGauge = FamilyType::kGauge;
  constexpr auto kCounter = FamilyType::kCounter;
  out.each_pool("weir_pool_healthy_backends", kGauge, "Backends of the pool that are up and not passed over.",
                [](const auto& p) { return p.healthy; });
  out.each_pool("weir_pool_panic_active", kGauge,
                "1 while too few backends are healthy, so that all are used.",
                [](const auto& p) { return p.panic ? 1u : 0u; });
  out.each_pool("weir_pool_waiting_sessions", kGauge, "Sessions that wait for a place at a backend.",
                [](const auto& p) { return p.waiting; });
  out.each_pool("weir_pool_queued_total", kCounter, "Sessions that had to wait for a place.",
                [](const auto& p) { return p.queued; });
  out.each_pool("weir_pool_queue_refused_total", kCounter,
                "Sessions that met a full pool and a full queue, or no queue.",
                [](const auto& p) { return p.queue_refused; });
  out.each_pool("weir_pool_queue_timeouts_total", kCounter, "Sessions that waited for queue_timeout in vain.",
                [](const auto& p) { return p.queue_timeouts; });
  out.each_pool("weir_pool_queue_left_total", kCounter, "Sessions whose client went while they waited.",
                [](const auto& p) { return p.queue_left; });
  out.each_pool("weir_pool_queue_wait_seconds_total", kCounter,
                "What sessions have waited for places in all, those that still wait left out.",
                [](const auto& p) { return Micros(static_cast<std::int64_t>(p.queue_microseconds)); });
  out.each_pool("weir_pool_retries_total", kCounter, "Attempts at another backend after one that failed.",
                [](const auto& p) { return p.retries; });
  out.each_pool("weir_pool_retries_denied_total", kCounter,
                "Retries that the budget of the pool did not allow.",
                [](const auto& p) { return p.retries_denied; });
  out.each_pool("weir_pool_fallbacks_total", kCounter, "Sessions that went on to the fallback pool.",
                [](const auto& p) { return p.fallbacks; });
}

void write_backends(PoolMetrics& out) {
  constexpr auto kGauge = FamilyType::kGauge;
  constexpr auto kCounter = FamilyType::kCounter;
  out.each_backend("weir_backend_up", kGauge, "1 while the backend is up.",
                   [](const auto& b) { return b.state == pool::BackendState::kUp ? 1u : 0u; });
  out.states();
  out.each_backend("weir_backend_passed_over", kGauge,
                   "1 while connects to the backend fail and it is used only when no other is left, since "
                   "max_ejected allows no more ejections.",
                   [](const auto& b) { return b.is_passed_over ? 1u : 0u; });
  out.each_backend("weir_backend_slow_start_active", kGauge,
                   "1 while the backend has come back and its share still grows.",
                   [](const auto& b) { return b.weight_ratio < 1 ? 1u : 0u; });
  out.each_backend("weir_backend_in_flight_sessions", kGauge, "Sessions that hold a place at the backend.",
                   [](const auto& b) { return b.in_flight; });
  out.each_backend(
      "weir_backend_connect_seconds", kGauge,
      "A running mean of what connects that stood have taken; 0: none has since it came or came back.",
      [](const auto& b) { return Micros(static_cast<std::int64_t>(b.connect_time)); });
  out.each_backend("weir_backend_sessions_total", kCounter, "Connections to the backend that stood.",
                   [](const auto& b) { return b.sessions; });
  out.each_backend("weir_backend_connect_attempts_total", kCounter,
                   "Connects that sessions began, and warm connections that they took.",
                   [](const auto& b) { return b.attempts; });
  out.each_backend("weir_backend_connect_failures_total", kCounter,
                   "Connects that were refused, unreachable or timed out, or that this host could not make.",
                   [](const auto& b) { return b.failed_attempts; });
  out.each_backend("weir_backend_early_resets_total", kCounter,
                   "Connections that the backend reset before it had sent anything.",
                   [](const auto& b) { return b.early_resets; });
  out.each_backend("weir_backend_ejections_total", kCounter,
                   "Times that the backend was left out since its sessions failed.",
                   [](const auto& b) { return b.ejections; });
  out.each_backend("weir_backend_checks_passed_total", kCounter, "Checks of the backend that it passed.",
                   [](const auto& b) { return b.checks_passed; });
  out.each_backend("weir_backend_checks_failed_total", kCounter, "Checks of the backend that it failed.",
                   [](const auto& b) { return b.checks_failed; });
  out.each_backend("weir_backend_checks_not_made_total", kCounter,
                   "Checks that could not be made by a fault of this host's; the backend stays as it is.",
                   [](const auto& b) { return b.checks_not_made; });
  out.each_backend("weir_backend_warm_connections", kGauge,
                   "Connections to the backend that stand and wait for a client.",
                   [](const auto& b) { return b.warm; });
  out.each_backend("weir_backend_warm_used_total", kCounter,
                   "Warm connections that were handed to a session.",
                   [](const auto& b) { return b.warm_used; });
  out.each_backend(
      "weir_backend_warm_given_up_total", kCounter,
      "Warm connections that the backend ended or its host no longer answered on, or on which it spoke, "
      "before a client came.",
      [](const auto& b) { return b.warm_given_up; });
  out.each_backend(
      "weir_backend_warm_failed_total", kCounter,
      "Connects for warm connections that were refused, unreachable or timed out, or could not be begun.",
      [](const auto& b) { return b.warm_failed; });
  out.each_backend("weir_backend_upload_bytes_total", kCounter, "Bytes to the backend.",
                   [](const auto& b) { return b.upload_bytes; });
  out.each_backend("weir_backend_download_bytes_total", kCounter, "Bytes from the backend.",
                   [](const auto& b) { return b.download_bytes; });
}

void write_names(PoolMetrics& out) {
  constexpr auto kGauge = FamilyType::kGauge;
  constexpr auto kCounter = FamilyType::kCounter;
  out.each_name("weir_resolve_answers_total", kCounter, "Good answers for the name.",
                [](const auto& n) { return n.answers; });
  out.each_name("weir_resolve_failures_total", kCounter, "Questions for the name that had no good answer.",
                [](const auto& n) { return n.failures; });
  out.each_name("weir_resolve_addresses", kGauge, "Addresses that the name stands for now.",
                [](const auto& n) { return n.addresses.size(); });
  out.each_name("weir_resolve_age_seconds", kGauge, "How old the last good answer for the name is.",
                [](const auto& n) {
                  return n.age ? std::optional<std::uint64_t>(n.age->count() / 1000) : std::nullopt;
                });
}

Json name_json(const NameStatus& n) {
  Json addresses = Json::array();
  for (const base::Address& address : n.addresses) addresses.push_back(address.to_string());
  Json line{{"name", n.name},
            {"asked", n.asked},
            {"type", n.is_service ? "srv" : "a"},
            {"addresses", std::move(addresses)},
            {"last_answer_ms_ago", n.age ? Json(n.age->count()) : Json(nullptr)},
            {"next_question_in_ms", n.next_question.count()},
            {"answers_total", n.answers},
            {"failures_total", n.failures}};
  if (!n.error.empty()) line["error"] = n.error;
  if (!n.notes.empty()) line["notes"] = n.notes;
  return line;
}

void write_sources(PoolMetrics& out) {
  constexpr auto kGauge = FamilyType::kGauge;
  constexpr auto kCounter = FamilyType::kCounter;
  using Value = std::optional<std::uint64_t>;
  out.each_source(
      "weir_source_ports_held", kGauge,
      "Local ports that the backend's sessions hold, by source address; only sources that have been used.",
      [](const auto& s) { return Value(s.held); });
  out.each_source("weir_source_ports_time_wait", kGauge,
                  "Local ports in TIME_WAIT from the source towards the backend, whoever used them.",
                  [](const auto& s) { return s.time_wait; });
  out.each_source("weir_source_ports_usable", kGauge,
                  "Local ports that there are for connections from the source to the backend.",
                  [](const auto& s) { return s.usable; });
  out.each_source("weir_source_ports_dry_total", kCounter,
                  "Connects that found no local port left at the source.",
                  [](const auto& s) { return Value(s.dry); });
  out.each_source("weir_source_missing_total", kCounter,
                  "Connects that found that the source is no address of this host.",
                  [](const auto& s) { return Value(s.missing); });
}

Json source_json(const SourceStatus& s) {
  return {{"source", s.source},
          {"held", s.held},
          {"time_wait", or_null(s.time_wait)},
          {"free", or_null(s.free)},
          {"usable", or_null(s.usable)},
          {"dry_in", s.dry_in ? Json(s.dry_in->count()) : Json()},
          {"dry_total", s.dry},
          {"missing_total", s.missing}};
}

Json backend_json(const BackendStatus& b) {
  Json line{{"name", b.name},
            {"address", b.address.to_string()},
            {"weight", b.weight},
            {"weight_ratio", b.weight_ratio},
            {"backup", b.is_backup},
            {"state", pool::word(b.state)},
            {"passed_over", b.is_passed_over},
            {"left", b.has_left}};
  if (!b.state_reason.empty()) line["state_reason"] = b.state_reason;
  if (b.most_sessions) line["max_connections"] = *b.most_sessions;
  line.update(Json{{"in_flight", b.in_flight},
                   {"connect_us", b.connect_time},
                   {"sessions_total", b.sessions},
                   {"connect_attempts_total", b.attempts},
                   {"connect_failures_total", b.failed_attempts},
                   {"early_resets_total", b.early_resets},
                   {"ejections_total", b.ejections},
                   {"checks_passed_total", b.checks_passed},
                   {"checks_failed_total", b.checks_failed},
                   {"checks_not_made_total", b.checks_not_made},
                   {"warm_connections", b.warm},
                   {"warm_used_total", b.warm_used},
                   {"warm_given_up_total", b.warm_given_up},
                   {"warm_failed_total", b.warm_failed},
                   {"upload_bytes_total", b.upload_bytes},
                   {"download_bytes_total", b.download_bytes}});
  Json ports = Json::array();
  for (const SourceStatus& source : b.sources) ports.push_back(source_json(source));
  line["ports"] = std::move(ports);
  return line;
}

Json times_json(const metrics::HistogramReading& times) {
  Json bounds = Json::array();
  for (const metrics::HistogramTime bound : times.bounds) bounds.push_back(bound.count());
  return {{"bounds_us", std::move(bounds)}, {"counts", times.buckets}, {"sum_us", times.microseconds}};
}

}  // namespace

void pool_metrics(TextFormat& out, const std::vector<PoolStatus>& pools) {
  PoolMetrics metrics(out, pools);
  write_pools(metrics);
  metrics.connects();
  write_backends(metrics);
  write_names(metrics);
  write_sources(metrics);
}

Json pools_json(const server::ProcessStatus& status) {
  Json pools = Json::array();
  for (const PoolStatus& pool : status.pools) {
    Json backends = Json::array();
    for (const BackendStatus& backend : pool.backends) backends.push_back(backend_json(backend));
    Json names = Json::array();
    for (const NameStatus& name : pool.names) names.push_back(name_json(name));
    pools.push_back({{"name", pool.name},
                     {"fallback_pool", text_or_null(pool.fallback)},
                     {"healthy", pool.healthy},
                     {"panic", pool.panic},
                     {"waiting", pool.waiting},
                     {"retries_total", pool.retries},
                     {"retries_denied_total", pool.retries_denied},
                     {"queued_total", pool.queued},
                     {"queue_refused_total", pool.queue_refused},
                     {"queue_timeouts_total", pool.queue_timeouts},
                     {"queue_left_total", pool.queue_left},
                     {"queue_wait_us_total", pool.queue_microseconds},
                     {"fallbacks_total", pool.fallbacks},
                     {"connect_times", times_json(pool.connects)},
                     {"backends", std::move(backends)},
                     {"names", std::move(names)}});
  }
  return {{"pools", std::move(pools)}};
}

}  // namespace weir::admin
