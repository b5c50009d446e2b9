#include "server/pool_status.h"

namespace weir::server {
namespace {

BackendStatus backend_status(const pool::BackendView& view) {
  const pool::BackendIdentity& identity = view.backend->identity();
  const pool::BackendCounters& counters = view.backend->counters();
  BackendStatus status;
  status.name = identity.name;
  status.address = identity.address;
  status.weight = identity.weight;
  status.is_backup = identity.is_backup;
  status.most_sessions = identity.most_sessions;
  status.state = view.state;
  status.state_reason = view.reason;
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
  status.upload_bytes = counters.upload_bytes.value();
  status.download_bytes = counters.download_bytes.value();
  return status;
}

}  // namespace

PoolStatus pool_status(const pool::Pool& pool) {
  const pool::PoolView view = pool.view();
  const pool::PoolCounters& counters = pool.counters();
  PoolStatus status;
  status.name = pool.settings().name;
  for (const pool::BackendView& backend : view.backends) status.backends.push_back(backend_status(backend));
  status.healthy = view.healthy;
  status.is_checked = pool.settings().roster.health.is_checked;
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
  return status;
}

}  // namespace weir::server
