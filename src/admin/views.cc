#include "admin/views.h"

#include <algorithm>

#include "admin/pool_views.h"
#include "admin/process_views.h"
#include "admin/tls_views.h"
#include "metrics/text_format.h"

namespace weir::admin {
namespace {

using metrics::FamilyType;
using metrics::Label;
using metrics::TextFormat;
using server::ListenerStatus;
using server::ProcessStatus;

// One sample for each listener.
template <class Value>
void by_listener(TextFormat& out, const ProcessStatus& status, Value value) {
  for (const ListenerStatus& listener : status.listeners)
    out.sample({{"listener", listener.name}}, value(listener));
}

// One sample for each listener and reason.
template <class Counts>
void by_reason(TextFormat& out, const ProcessStatus& status, Counts counts, const auto& words) {
  for (const ListenerStatus& listener : status.listeners) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      out.sample({{"listener", listener.name}, {"reason", words[i]}}, counts(listener)[i]);
    }
  }
}

// Only where a listener wants a filter, or has one: a family without a sample is none.
void packet_metrics(TextFormat& out, const ProcessStatus& status) {
  const auto& all = status.listeners;
  if (std::any_of(all.begin(), all.end(), [](const auto& listener) { return listener.wants_kernel_drop; })) {
    out.family(
        "weir_kernel_drop_active", FamilyType::kGauge,
        "1 while the kernel drops the packets of denied clients; 0: kernel_drop is set and cannot be had.");
    for (const ListenerStatus& listener : all) {
      if (!listener.wants_kernel_drop) continue;
      out.sample({{"listener", listener.name}}, listener.kernel_drop_active ? 1 : 0);
    }
  }
  if (std::all_of(all.begin(), all.end(), [](const auto& listener) { return listener.kernel_drop.empty(); }))
    return;
  out.family(
      "weir_packets_dropped_total", FamilyType::kCounter,
      "Packets of denied clients that the kernel dropped, by the filter's mode; with `classic` also what it "
      "dropped at these sockets for other reasons.");
  for (const ListenerStatus& listener : all) {
    if (listener.kernel_drop.empty()) continue;
    out.sample({{"listener", listener.name}, {"mode", listener.kernel_drop}}, listener.packets_dropped);
  }
}

// Of the listeners that ask proxies who their clients are, if there are any.
void proxy_metrics(TextFormat& out, const ProcessStatus& status) {
  ProcessStatus asking;
  for (const ListenerStatus& listener : status.listeners) {
    if (listener.asks_proxies) asking.listeners.push_back(listener);
  }
  if (asking.listeners.empty()) return;
  out.family("weir_proxy_headers_total", FamilyType::kCounter,
             "What trusted proxies said of their clients: who it is, nothing (a check, or an unknown kind of "
             "client), or no header where it need not come.");
  for (const ListenerStatus& listener : asking.listeners) {
    for (std::size_t i = 0; i < session::kProxyNews; ++i) {
      out.sample({{"listener", listener.name}, {"says", session::kProxyNewsWords[i]}},
                 listener.proxy_headers[i]);
    }
  }
  out.family("weir_proxy_header_faults_total", FamilyType::kCounter,
             "Connections that were reset since what came is no header of the PROXY protocol, by reason.");
  by_reason(
      out, asking, [](const auto& l) { return l.proxy_faults; }, wire::kProxyFaultWords);
}

// Of the listeners that route by ClientHellos, if there are any.
void hello_metrics(TextFormat& out, const ProcessStatus& status) {
  ProcessStatus reading;
  for (const ListenerStatus& listener : status.listeners) {
    if (listener.reads_hellos) reading.listeners.push_back(listener);
  }
  if (reading.listeners.empty()) return;
  out.family("weir_client_hellos_total", FamilyType::kCounter,
             "What clients' ClientHellos came to: a route, no route, or that there was none, by reason.");
  by_reason(
      out, reading, [](const auto& l) { return l.client_hellos; }, session::kHelloNewsWords);
}

// One sample for each TCP listening socket.
void queue_metrics(TextFormat& out, const ProcessStatus& status) {
  const auto by_socket = [&](auto value) {
    for (const server::AcceptQueueStatus& queue : status.queues) {
      out.sample({{"listener", status.listeners[queue.listener].name},
                  {"address", queue.address.to_string()},
                  {"worker", std::to_string(queue.worker)}},
                 value(queue));
    }
  };
  if (status.queues.empty()) return;
  out.family("weir_accept_queue_depth", FamilyType::kGauge,
             "Connections that wait in the kernel to be accepted, by listening socket.");
  by_socket([](const auto& queue) { return queue.depth; });
  out.family(
      "weir_accept_queue_drops_total", FamilyType::kCounter,
      "SYNs and handshakes that the kernel dropped, by listening socket; with kernel_drop those of denied "
      "clients too.");
  by_socket([](const auto& queue) { return queue.drops; });
  out.family("weir_accept_queue_limit", FamilyType::kGauge,
             "How many may wait, by listening socket; each worker has its own.");
  by_socket([](const auto& queue) { return queue.limit; });
}

// One sample for each set of limits: several listeners may share one.
void limits_metrics(TextFormat& out, const ProcessStatus& status) {
  const auto by_limits = [&](auto value) {
    for (const server::LimitsStatus& limits : status.limits)
      out.sample({{"limits", limits.name}}, value(limits));
  };
  out.family("weir_clients_tarpitted", FamilyType::kGauge,
             "Refused clients that are held now, by set of limits.");
  by_limits([](const auto& l) { return l.tarpitted; });
  out.family("weir_clients_remembered", FamilyType::kGauge,
             "Clients in the table of the limits: with connections, or not yet forgotten.");
  by_limits([](const auto& l) { return l.clients; });
  out.family("weir_clients_remembered_max", FamilyType::kGauge,
             "Clients there is room for in that table; 0 where clients are not limited.");
  by_limits([](const auto& l) { return l.most_clients; });
  out.family(
      "weir_connections_unlimited_total", FamilyType::kCounter,
      "Connections of new clients that were let in without limits of their own since the table was full.");
  by_limits([](const auto& l) { return l.unlimited; });
}

void listener_metrics(TextFormat& out, const ProcessStatus& status) {
  out.family("weir_connections_accepted_total", FamilyType::kCounter,
             "Client connections that became sessions.");
  by_listener(out, status, [](const auto& l) { return l.accepted; });
  out.family("weir_connections_handed_over_total", FamilyType::kCounter,
             "Connections that one worker accepted and a less loaded one serves.");
  by_listener(out, status, [](const auto& l) { return l.handed_over; });
  out.family("weir_connections_refused_total", FamilyType::kCounter,
             "Connections that were turned away, by reason.");
  by_reason(
      out, status, [](const auto& l) { return l.refused; }, admission::kRefusalWords);
  out.family("weir_connections_would_be_refused_total", FamilyType::kCounter,
             "Connections that were let in only because their limits are run dry, by reason.");
  by_reason(
      out, status, [](const auto& l) { return l.would_refuse; }, admission::kRefusalWords);
  packet_metrics(out, status);
  proxy_metrics(out, status);
  hello_metrics(out, status);
  tls_metrics(out, status.listeners);
  out.family("weir_accept_pauses_total", FamilyType::kCounter, "Times that accepting was paused, by reason.");
  by_reason(
      out, status, [](const auto& l) { return l.paused; }, admission::kRefusalWords);
  out.family("weir_tarpit_full_total", FamilyType::kCounter,
             "Refused clients that were reset at once since the tarpit held as many as it may.");
  by_listener(out, status, [](const auto& l) { return l.tarpit_full; });
  out.family("weir_accept_large_batches_total", FamilyType::kCounter,
             "Times that many connections were accepted in one turn, since a queue was three quarters full.");
  by_listener(out, status, [](const auto& l) { return l.large_batches; });
  queue_metrics(out, status);
  out.family("weir_sessions_open", FamilyType::kGauge, "Sessions that are open now.");
  by_listener(out, status, [](const auto& l) { return l.open; });
  out.family("weir_sessions_closed_total", FamilyType::kCounter, "Sessions that have closed, by reason.");
  by_reason(
      out, status, [](const auto& l) { return l.closed; }, session::kCloseReasonWords);
  out.family("weir_session_duration_seconds", FamilyType::kHistogram,
             "How long sessions lasted that have closed, from accept to close.");
  for (const ListenerStatus& l : status.listeners) out.histogram({{"listener", l.name}}, l.durations);
  out.family("weir_upload_bytes_total", FamilyType::kCounter, "Bytes from clients to backends.");
  by_listener(out, status, [](const auto& l) { return l.upload_bytes; });
  out.family("weir_download_bytes_total", FamilyType::kCounter, "Bytes from backends to clients.");
  by_listener(out, status, [](const auto& l) { return l.download_bytes; });
}

void process_metrics(TextFormat& out, const ProcessStatus& status) {
  out.family("weir_process_connections", FamilyType::kGauge, "Connections that hold a permit now.");
  out.sample(status.connections);
  out.family("weir_process_max_connections", FamilyType::kGauge, "The most connections that may be held.");
  out.sample(status.max_connections);
  out.family("weir_process_max_connections_asked", FamilyType::kGauge,
             "What process.max_connections asks for; 0 is auto. More than weir_process_max_connections: it "
             "does not fit.");
  out.sample(status.max_connections_asked);
  out.family("weir_process_draining", FamilyType::kGauge, "1 while the process drains before it ends.");
  out.sample(status.draining ? 1 : 0);
  out.family("weir_log_lines_lost_total", FamilyType::kCounter, "Log lines that could not be written.");
  out.sample(status.log_lines_lost);
}

// What the kernel counts, and what it has no counter for it does not.
void pressure_metrics(TextFormat& out, const ProcessStatus& status) {
  using net::KernelCounters;
  struct Row {
    KernelCounters::Count KernelCounters::*counter;
    std::string_view name;
    std::string_view help;
  };
  static constexpr Row kRows[] = {
      {&KernelCounters::listen_overflows, "weir_kernel_listen_overflows_total",
       "SYNs and handshakes that met a full accept queue (ListenOverflows)."},
      {&KernelCounters::listen_drops, "weir_kernel_listen_drops_total",
       "SYNs and handshakes that listening sockets dropped for any reason (ListenDrops)."},
      {&KernelCounters::syncookies_sent, "weir_kernel_syncookies_sent_total",
       "SYNs that were answered with a cookie (SyncookiesSent)."},
      {&KernelCounters::syncookies_received, "weir_kernel_syncookies_received_total",
       "Cookies that clients brought back (SyncookiesRecv)."},
      {&KernelCounters::syncookies_failed, "weir_kernel_syncookies_failed_total",
       "Handshakes with a bad cookie (SyncookiesFailed)."},
      {&KernelCounters::request_queue_full_cookies, "weir_kernel_syn_queue_full_cookies_total",
       "SYNs that met a full SYN queue and were answered with a cookie (TCPReqQFullDoCookies)."},
      {&KernelCounters::request_queue_full_drops, "weir_kernel_syn_queue_full_drops_total",
       "SYNs that met a full SYN queue and were dropped (TCPReqQFullDrop)."},
      {&KernelCounters::defer_accept_drops, "weir_kernel_defer_accept_drops_total",
       "Handshakes without data that defer_accept left aside (TCPDeferAcceptDrop)."},
      {&KernelCounters::fast_open_passive, "weir_kernel_fast_open_total",
       "Connections whose first bytes came with the SYN (TCPFastOpenPassive)."},
      {&KernelCounters::fast_open_overflows, "weir_kernel_fast_open_overflows_total",
       "SYNs with data that found no place in the queue of fast_open (TCPFastOpenListenOverflow)."},
  };
  const std::string everywhere = " In the whole network namespace, other programs included.";
  for (const Row& row : kRows) {
    const auto& count = status.pressure.counters.*row.counter;
    if (!count) continue;
    out.family(row.name, FamilyType::kCounter, std::string(row.help) + everywhere);
    out.sample(*count);
  }
  if (!status.pressure.is_known) return;
  out.family("weir_syn_flood_active", FamilyType::kGauge,
             "1 while SYNs that nobody follows up fill a queue, by the kernel's counters.");
  out.sample(status.pressure.syn_flood ? 1 : 0);
  out.family("weir_accept_overflow_active", FamilyType::kGauge,
             "1 while connections find accept queues full, by the kernel's counters.");
  out.sample(status.pressure.accept_overflow ? 1 : 0);
}

}  // namespace

std::string metrics_text(const ProcessStatus& status) {
  TextFormat out;
  process_facts_metrics(out, status.facts);
  process_metrics(out, status);
  pressure_metrics(out, status);
  worker_metrics(out, status.workers);
  listener_metrics(out, status);
  limits_metrics(out, status);
  pool_metrics(out, status.pools);
  backend_certificate_metrics(out, status.pools);
  return std::move(out).take();
}

}  // namespace weir::admin
