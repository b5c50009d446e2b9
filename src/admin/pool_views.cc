#include "admin/pool_views.h"

#include <nlohmann/json.hpp>

#include "admin/views.h"

namespace weir::admin {
namespace {

using metrics::FamilyType;
using metrics::TextFormat;
using server::BackendStatus;
using server::PoolStatus;
using Json = nlohmann::ordered_json;

class PoolMetrics {
 public:
  PoolMetrics(TextFormat& out, const std::vector<PoolStatus>& pools) : out_(out), pools_(pools) {}

  // A family with one sample for each pool.
  template <class Value>
  void each_pool(std::string_view name, FamilyType type, std::string_view help, Value value) {
    out_.family(name, type, help);
    for (const PoolStatus& pool : pools_) out_.sample({{"pool", pool.name}}, value(pool));
  }

  // A family with one sample for each backend.
  template <class Value>
  void each_backend(std::string_view name, FamilyType type, std::string_view help, Value value) {
    out_.family(name, type, help);
    for (const PoolStatus& pool : pools_) {
      for (const BackendStatus& backend : pool.backends) {
        out_.sample({{"pool", pool.name}, {"backend", backend.name}}, value(backend));
      }
    }
  }

  void states() {
    out_.family("weir_backend_state", FamilyType::kGauge,
                "1, with the state that the backend is in as a label.");
    for (const PoolStatus& pool : pools_) {
      for (const BackendStatus& b : pool.backends) {
        out_.sample({{"pool", pool.name}, {"backend", b.name}, {"state", pool::word(b.state)}}, 1);
      }
    }
  }

 private:
  TextFormat& out_;
  const std::vector<PoolStatus>& pools_;
};

void write_pools(PoolMetrics& out) {
  constexpr auto kGauge = FamilyType::kGauge;
  constexpr auto kCounter = FamilyType::kCounter;
  out.each_pool("weir_pool_healthy_backends", kGauge, "Backends of the pool that are up.",
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
  out.each_pool("weir_pool_queue_wait_microseconds_total", kCounter,
                "What sessions have waited for places in all, those that still wait left out.",
                [](const auto& p) { return p.queue_microseconds; });
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
  out.each_backend("weir_backend_up", kGauge, "1 while the backend is up: it takes new sessions.",
                   [](const auto& b) { return b.state == pool::BackendState::kUp ? 1u : 0u; });
  out.states();
  out.each_backend("weir_backend_in_flight_sessions", kGauge, "Sessions that hold a place at the backend.",
                   [](const auto& b) { return b.in_flight; });
  out.each_backend("weir_backend_connect_microseconds", kGauge,
                   "A running mean of what connects to the backend take; 0: not known yet.",
                   [](const auto& b) { return b.connect_time; });
  out.each_backend("weir_backend_sessions_total", kCounter, "Connections to the backend that stood.",
                   [](const auto& b) { return b.sessions; });
  out.each_backend("weir_backend_connect_attempts_total", kCounter, "Connects that were begun.",
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
                   "Checks that could not be made since this host was short of something.",
                   [](const auto& b) { return b.checks_not_made; });
  out.each_backend("weir_backend_upload_bytes_total", kCounter, "Bytes to the backend.",
                   [](const auto& b) { return b.upload_bytes; });
  out.each_backend("weir_backend_download_bytes_total", kCounter, "Bytes from the backend.",
                   [](const auto& b) { return b.download_bytes; });
}

Json backend_json(const BackendStatus& b) {
  Json line{{"name", b.name},
            {"address", b.address.to_string()},
            {"weight", b.weight},
            {"backup", b.is_backup},
            {"state", pool::word(b.state)}};
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
                   {"upload_bytes_total", b.upload_bytes},
                   {"download_bytes_total", b.download_bytes}});
  return line;
}

}  // namespace

void pool_metrics(TextFormat& out, const std::vector<PoolStatus>& pools) {
  PoolMetrics metrics(out, pools);
  write_pools(metrics);
  write_backends(metrics);
}

std::string backends_json(const server::ProcessStatus& status) {
  Json pools = Json::array();
  for (const PoolStatus& pool : status.pools) {
    Json backends = Json::array();
    for (const BackendStatus& backend : pool.backends) backends.push_back(backend_json(backend));
    pools.push_back({{"name", pool.name},
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
                     {"backends", std::move(backends)}});
  }
  const Json document{{"pools", std::move(pools)}};
  // Replacement instead of an exception, should a name not be UTF-8.
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace weir::admin
