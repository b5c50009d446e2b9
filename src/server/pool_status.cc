#include "server/pool_status.h"

#include <algorithm>

#include "tls/client_context.h"

namespace weir::server {
namespace {

// Of sources that have been used.
std::vector<SourceStatus> source_statuses(const pool::Backend& backend, const PortFindings& ports) {
  std::vector<SourceStatus> list;
  if (!backend.identity().address.is_ip()) return list;
  for (const auto& counters : backend.way().sources.all()) {
    SourceStatus status;
    status.held = counters->open();
    status.dry = counters->dry_total();
    status.missing = counters->missing_total();
    if (counters->opened_total() + status.dry + status.missing == 0) continue;
    status.source = counters->source()               ? counters->source()->ip_to_string()
                    : backend.way().is_transparent() ? "client"
                                                     : "auto";
    if (!backend.way().is_transparent()) {
      status.usable = ports.usable;
      const auto found = ports.views.find(counters.get());
      const pool::PortView view =
          found != ports.views.end()
              ? found->second
              : pool::PortView{0, ports.usable - std::min<std::uint64_t>(ports.usable, status.held), {}};
      if (ports.knows_time_wait) status.time_wait = view.time_wait;
      status.free = view.free;
      status.dry_in = view.dry_in;
    }
    list.push_back(std::move(status));
  }
  return list;
}

BackendStatus backend_status(const pool::BackendView& view, const PortFindings& ports) {
  const pool::BackendIdentity& identity = view.backend->identity();
  const pool::BackendCounters& counters = view.backend->counters();
  BackendStatus status;
  status.name = identity.name;
  status.address = identity.address;
  status.weight = view.weight;
  status.is_backup = view.is_backup;
  status.most_sessions = view.most_sessions;
  status.state = view.state;
  status.state_reason = view.reason;
  status.is_passed_over = view.is_passed_over;
  status.has_left = view.has_left;
  status.weight_ratio = view.weight_ratio;
  status.in_flight = view.in_flight;
  status.connect_time = view.connect_time;
  status.attempts = counters.attempts.value();
  status.failed_attempts = counters.failed_attempts.value();
  status.sessions = counters.sessions.value();
  status.early_resets = counters.early_resets.value();
  status.ejections = counters.ejections.value();
  status.checks_passed = counters.checks_passed.value();
  status.checks_failed = counters.checks_failed.value();
  status.checks_not_made = counters.checks_not_made.value();
  status.warm = static_cast<std::uint64_t>(std::max<std::int64_t>(counters.warm.value(), 0));
  status.warm_used = counters.warm_used.value();
  status.warm_given_up = counters.warm_given_up.value();
  status.warm_failed = counters.warm_failed.value();
  status.upload_bytes = counters.upload_bytes.value();
  status.download_bytes = counters.download_bytes.value();
  status.sources = source_statuses(*view.backend, ports);
  return status;
}

}  // namespace

PoolStatus pool_status(const pool::Pool& pool, const PortFindings& ports) {
  const pool::PoolView view = pool.view();
  const pool::PoolCounters& counters = pool.counters();
  PoolStatus status;
  status.name = pool.name();
  if (const std::shared_ptr<pool::Pool> fallback = pool.fallback()) status.fallback = fallback->name();
  for (const pool::BackendView& backend : view.backends) {
    status.backends.push_back(backend_status(backend, ports));
  }
  const std::shared_ptr<const pool::PoolSettings> settings = pool.settings();
  if (const tls::ClientContext* tls = settings->tls.context.get()) status.certificate = tls->certificate();
  status.healthy = view.healthy;
  status.is_checked = settings->roster.health.is_checked;
  status.panic = view.panic;
  status.waiting = view.waiting;
  status.retries = counters.retries.value();
  status.retries_denied = counters.retries_denied.value();
  status.queued = counters.queued.value();
  status.queue_refused = counters.queue_refused.value();
  status.queue_timeouts = counters.queue_timeouts.value();
  status.queue_left = counters.queue_left.value();
  status.queue_microseconds = counters.queue_microseconds.value();
  status.fallbacks = counters.fallbacks.value();
  status.connects = counters.connects.read();
  return status;
}

}  // namespace weir::server
