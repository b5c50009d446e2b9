#include "server/status_reader.h"

#include <algorithm>
#include <set>

#include "server/pool_status.h"
#include "server/refusal_summary.h"

namespace weir::server {
namespace {

template <std::size_t size>
void add_all(const std::array<metrics::Counter, size>& counters, std::array<std::uint64_t, size>& sums) {
  for (std::size_t i = 0; i < size; ++i) sums[i] += counters[i].value();
}

}  // namespace

ProcessStatus StatusReader::read() const {
  ProcessStatus status;
  status.connections = parts_.slots.used();
  status.max_connections = parts_.slots.limit();
  status.max_connections_asked = parts_.config.process.max_connections.value.value_or(0);
  status.log_lines_lost = parts_.log.lost();
  add_listeners(status);
  add_limits(status);
  status.queues = accept_queues(parts_.listeners);
  status.pressure = parts_.pressure.status();
  add_pools(status);
  add_refusals(status);
  return status;
}

void StatusReader::add_listeners(ProcessStatus& status) const {
  status.workers.resize(parts_.workers.size());
  for (std::size_t i = 0; i < parts_.config.listeners.size(); ++i) {
    ListenerStatus& sum = status.listeners.emplace_back();
    sum.name = parts_.config.listeners[i].name;
    sum.pool = parts_.config.listeners[i].pool.value;
    sum.addresses = parts_.listeners.addresses()[i];
    sum.asks_proxies = parts_.config.listeners[i].accept_proxy != config::AcceptProxy::kOff;
    sum.reads_hellos = parts_.config.listeners[i].tls.has_value();
    if (const session::TlsTermination* tls = parts_.world.tls[i].termination.get()) {
      sum.ends_tls = true;
      sum.handshakes_under_way = tls->handshakes.used();
      sum.most_handshakes = tls->handshakes.limit();
      sum.certificates = tls->contexts->current()->certificates();
    }
    sum.wants_kernel_drop = parts_.config.listeners[i].access.kernel_drop;
    if (const net::PacketFilter* filter = parts_.world.doors[i].filter.get()) {
      sum.packets_dropped = filter->dropped();
      sum.kernel_drop = filter->mode() == net::FilterMode::kBpf ? "bpf" : "classic";
      sum.kernel_drop_active = filter->in_force();
    }
    parts_.world.tallies[i]->each([&](std::size_t w, const session::ListenerCounters& counters) {
      sum.accepted += counters.accepted.value();
      sum.open += counters.open();
      sum.tarpit_full += counters.tarpit_full.value();
      sum.large_batches += counters.large_batches.value();
      sum.handed_over += counters.handed_over.value();
      sum.upload_bytes += counters.upload_bytes.value();
      sum.download_bytes += counters.download_bytes.value();
      add_all(counters.closed, sum.closed);
      add_all(counters.proxy_headers, sum.proxy_headers);
      add_all(counters.proxy_faults, sum.proxy_faults);
      add_all(counters.client_hellos, sum.client_hellos);
      add_all(counters.handshakes, sum.handshakes);
      sum.tls_cut += counters.tls_cut.value();
      add_all(counters.refused, sum.refused);
      add_all(counters.would_refuse, sum.would_refuse);
      add_all(counters.paused, sum.paused);
      if (w >= status.workers.size()) return;  // it has gone
      status.workers[w].accepted += counters.accepted.value();
      status.workers[w].open += counters.open();
    });
  }
}

void StatusReader::add_limits(ProcessStatus& status) const {
  std::set<const admission::LimitSet*> shown;
  for (std::size_t i = 0; i < parts_.config.listeners.size(); ++i) {
    const admission::LimitSet& limits = *parts_.world.doors[i].gate.limits;
    if (!shown.insert(&limits).second) continue;
    const config::ListenerConfig& listener = parts_.config.listeners[i];
    LimitsStatus& line = status.limits.emplace_back();
    line.name = listener.shared_limits.value.empty() ? "listeners." + listener.name + ".limits"
                                                     : "limits." + listener.shared_limits.value;
    line.tarpitted = limits.held_refused();
    line.unlimited = limits.unlimited();
    if (limits.table() == nullptr) continue;
    line.clients = limits.table()->size();
    line.most_clients = limits.table()->capacity();
  }
}

void StatusReader::add_refusals(ProcessStatus& status) const {
  for (const admission::RefusalSample& sample : newest_refusals(parts_.workers)) {
    status.refusals.push_back(
        {sample.time, sample.listener, sample.client, admission::word(sample.reason), sample.dry_run});
  }
}

void StatusReader::add_pools(ProcessStatus& status) const {
  const auto ports = parts_.ports.findings();
  for (std::size_t i = 0; i < parts_.world.pools.size(); ++i) {
    status.pools.push_back(pool_status(*parts_.world.pools[i], *ports));
    if (parts_.names != nullptr) status.pools.back().names = parts_.names->status(i);
  }
}

}  // namespace weir::server
