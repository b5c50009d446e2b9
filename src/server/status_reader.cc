#include "server/status_reader.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/version.h"
#include "config/schema.h"
#include "server/pool_status.h"
#include "server/refusal_summary.h"

namespace weir::server {
namespace {

template <std::size_t size>
void add_all(const std::array<metrics::Counter, size>& counters, std::array<std::uint64_t, size>& sums) {
  for (std::size_t i = 0; i < size; ++i) sums[i] += counters[i].value();
}

// A worker may have several sockets of one address: together they are its queue.
std::vector<AcceptQueueStatus> queues_by_worker(const ListenerSet& listeners) {
  std::vector<AcceptQueueStatus> sums;
  std::map<std::tuple<std::size_t, std::size_t, std::string>, std::size_t> places;
  for (const AcceptQueueStatus& one : accept_queues(listeners)) {
    const auto [place, is_new] =
        places.try_emplace({one.listener, one.worker, one.address.to_string()}, sums.size());
    if (is_new) {
      sums.push_back(one);
      continue;
    }
    AcceptQueueStatus& sum = sums[place->second];
    sum.depth += one.depth;
    sum.limit += one.limit;
    sum.drops += one.drops;
  }
  return sums;
}

std::vector<std::string> pools_of(const config::ListenerConfig& listener) {
  std::vector<std::string> pools;
  const auto add = [&](const std::string& pool) {
    if (!pool.empty() && std::find(pools.begin(), pools.end(), pool) == pools.end()) pools.push_back(pool);
  };
  add(listener.pool.value);
  for (const config::RouteConfig& route : listener.routes) add(route.pool.value);
  return pools;
}

// As the configuration has it.
template <class Word>
std::string_view word_of(config::Section section, std::string_view key, Word value) {
  return config::find_key(section, key)->words[static_cast<std::size_t>(value)];
}

std::optional<RateStatus> rate_status(const std::optional<config::ConnectionRate>& rate,
                                      const admission::RateLimiter* limiter, base::TimePoint now) {
  if (!rate) return std::nullopt;
  return RateStatus{rate->rate, rate->burst, limiter == nullptr ? 0 : limiter->used(now)};
}

LimitsStatus limits_status(const std::string& name, const config::LimitsConfig& from,
                           const admission::LimitSet& live, base::TimePoint now) {
  LimitsStatus status;
  status.name = name;
  status.most_connections = from.max_connections;
  status.connections = from.max_connections ? live.connections() : 0;
  status.rate = rate_status(from.connection_rate, live.rate().get(), now);
  status.most_client_connections = from.client_max_connections;
  status.client_rate = rate_status(from.client_connection_rate, nullptr, now);
  status.upload_rate = from.upload_rate;
  status.download_rate = from.download_rate;
  status.when_exceeded = word_of(config::Section::kLimits, "when_exceeded", from.when_exceeded);
  status.dry_run = from.dry_run;
  status.tarpitted = live.held_refused();
  status.most_tarpitted = from.when_exceeded == config::WhenExceeded::kTarpit ? from.tarpit_max : 0;
  status.unlimited = live.unlimited();
  if (live.table() == nullptr) return status;
  status.clients = live.table()->size();
  status.most_clients = live.table()->capacity();
  return status;
}

}  // namespace

ProcessStatus StatusReader::read() const {
  const std::shared_ptr<const Running> running = parts_.running();
  ProcessStatus status;
  status.version = base::version();
  status.pid = ::getpid();
  status.started = parts_.started;
  status.log_level = config::word(parts_.log.level());
  status.connections = parts_.slots.used();
  status.max_connections = parts_.slots.limit();
  status.max_connections_asked = running->config.process.max_connections.value.value_or(0);
  status.log_lines_lost = parts_.log.lost();
  status.facts = read_process_facts();
  add_listeners(status, *running);
  add_limits(status, *running);
  status.queues = queues_by_worker(running->listeners);
  status.pressure = parts_.pressure.status();
  add_pools(status, *running);
  add_refusals(status);
  return status;
}

void StatusReader::add_listeners(ProcessStatus& status, const Running& running) const {
  const base::TimePoint now = base::precise_now();
  for (const auto& worker : parts_.workers.all()) {
    status.workers.push_back({0, worker->open_sessions(), worker->number(), worker->is_retired(),
                              worker->turns().turns().read(), worker->turns().age(now)});
  }
  for (std::size_t i = 0; i < running.config.listeners.size(); ++i) {
    ListenerStatus& sum = status.listeners.emplace_back();
    sum.name = running.config.listeners[i].name;
    sum.pool = running.config.listeners[i].pool.value;
    sum.pools = pools_of(running.config.listeners[i]);
    sum.addresses = running.listeners.addresses()[i];
    sum.asks_proxies = running.config.listeners[i].accept_proxy != config::AcceptProxy::kOff;
    sum.reads_hellos = running.config.listeners[i].tls.has_value();
    if (const session::TlsTermination* tls = running.world.tls[i].termination.get()) {
      sum.ends_tls = true;
      sum.handshakes_under_way = tls->handshakes.used();
      sum.most_handshakes = tls->handshakes.limit();
      sum.certificates = tls->contexts->current()->certificates();
    }
    sum.wants_kernel_drop = running.config.listeners[i].access.kernel_drop;
    if (const net::PacketFilter* filter = running.world.doors[i].filter.get()) {
      sum.packets_dropped = filter->dropped();
      sum.kernel_drop = filter->mode() == net::FilterMode::kBpf ? "bpf" : "classic";
      sum.kernel_drop_active = filter->in_force();
    }
    running.world.tallies[i]->each([&](std::size_t w, const session::ListenerCounters& counters) {
      sum.accepted += counters.accepted.value();
      sum.open += counters.open();
      sum.tarpit_full += counters.tarpit_full.value();
      sum.large_batches += counters.large_batches.value();
      sum.handed_over += counters.handed_over.value();
      sum.upload_bytes += counters.upload_bytes.value();
      sum.download_bytes += counters.download_bytes.value();
      add_all(counters.closed, sum.closed);
      counters.durations.add_to(sum.durations);
      add_all(counters.proxy_headers, sum.proxy_headers);
      add_all(counters.proxy_faults, sum.proxy_faults);
      add_all(counters.client_hellos, sum.client_hellos);
      add_all(counters.handshakes, sum.handshakes);
      sum.tls_cut += counters.tls_cut.value();
      add_all(counters.refused, sum.refused);
      add_all(counters.would_refuse, sum.would_refuse);
      add_all(counters.paused, sum.paused);
      const auto worker = std::find_if(status.workers.begin(), status.workers.end(),
                                       [w](const WorkerStatus& one) { return one.number == w; });
      if (worker == status.workers.end()) return;  // it has gone
      worker->accepted += counters.accepted.value();
    });
  }
}

void StatusReader::add_limits(ProcessStatus& status, const Running& running) {
  const base::TimePoint now = base::precise_now();
  const config::ProcessConfig& process = running.config.process;
  status.when_full = word_of(config::Section::kProcess, "when_full", process.when_full);
  std::map<const admission::LimitSet*, std::size_t> places;
  for (std::size_t i = 0; i < running.config.listeners.size(); ++i) {
    const config::ListenerConfig& listener = running.config.listeners[i];
    const admission::Gate::Rules& gate = running.world.doors[i].gate;
    status.rate = rate_status(process.connection_rate, gate.process_rate.get(), now);
    const auto [place, is_new] = places.try_emplace(gate.limits.get(), status.limits.size());
    if (is_new) {
      status.limits.push_back(
          limits_status(limits_key(listener), limits_of(running.config, listener), *gate.limits, now));
    }
    status.limits[place->second].listeners.push_back(listener.name);
  }
}

void StatusReader::add_refusals(ProcessStatus& status) const {
  for (const admission::RefusalSample& sample : newest_refusals(parts_.workers)) {
    status.refusals.push_back(
        {sample.time, sample.listener, sample.client, admission::word(sample.reason), sample.dry_run});
  }
}

void StatusReader::add_pools(ProcessStatus& status, const Running& running) const {
  const auto ports = parts_.ports.findings();
  for (const auto& pool : running.world.pools) {
    status.pools.push_back(pool_status(*pool, *ports));
    if (parts_.names != nullptr) status.pools.back().names = parts_.names->status(pool->name());
  }
}

}  // namespace weir::server
