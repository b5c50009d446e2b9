#include "admin/json_views.h"

#include <array>

#include "base/log_text.h"

namespace weir::admin {
namespace {

std::string time_text(std::chrono::system_clock::time_point time) {
  return base::utc_time(std::chrono::duration_cast<base::Millis>(time.time_since_epoch()));
}

// Every word, those that never came too, so that a reader need not know the list.
template <std::size_t size>
Json counts_json(const std::array<std::uint64_t, size>& counts,
                 const std::array<std::string_view, size>& words) {
  Json out = Json::object();
  for (std::size_t i = 0; i < size; ++i) out[std::string(words[i])] = counts[i];
  return out;
}

Json problem_json(const config::Problem& problem) {
  return {{"severity", problem.severity == config::Severity::kError ? "error" : "warning"},
          {"place", text_or_null(config::to_string(problem.place))},
          {"text", problem.text}};
}

Json change_text(config::Change change) { return change == config::Change::kRestart ? "restart" : "live"; }

Json difference_json(const config::Difference& one) {
  const bool is_shown = !one.is_table && !one.is_secret;
  return {{"setting", one.path},
          {"kind", one.is_gone  ? "gone"
                   : one.is_new ? "new"
                                : "changed"},
          {"before", is_shown && !one.is_new ? Json(one.before) : Json()},
          {"after", is_shown && !one.is_gone ? Json(one.after) : Json()},
          {"place", text_or_null(config::to_string(one.place))},
          {"takes", change_text(one.change)}};
}

Json certificate_json(const tls::CertificateFact& one) {
  return {{"file", one.file},
          {"subject", one.subject},
          {"names", one.names},
          {"not_after", base::utc_time(one.not_after.time_since_epoch())},
          {"has_staple", one.has_staple}};
}

Json tls_json(const server::ListenerStatus& listener) {
  if (!listener.ends_tls) return nullptr;
  Json certificates = Json::array();
  for (const auto& one : listener.certificates) certificates.push_back(certificate_json(one));
  return {{"handshakes_total", counts_json(listener.handshakes, session::kHandshakeNewsWords)},
          {"handshakes_under_way", listener.handshakes_under_way},
          {"max_handshakes", listener.most_handshakes},
          {"streams_cut_total", listener.tls_cut},
          {"certificates", std::move(certificates)}};
}

Json listener_json(const server::ListenerStatus& listener) {
  Json addresses = Json::array();
  for (const base::Address& address : listener.addresses) addresses.push_back(address.to_string());
  return {{"name", listener.name},
          {"pool", listener.pool},
          {"pools", listener.pools},
          {"addresses", std::move(addresses)},
          {"sessions_open", listener.open},
          {"accepted_total", listener.accepted},
          {"handed_over_total", listener.handed_over},
          {"upload_bytes_total", listener.upload_bytes},
          {"download_bytes_total", listener.download_bytes},
          {"closed_total", counts_json(listener.closed, session::kCloseReasonWords)},
          {"refused_total", counts_json(listener.refused, admission::kRefusalWords)},
          {"would_be_refused_total", counts_json(listener.would_refuse, admission::kRefusalWords)},
          {"accept_pauses_total", counts_json(listener.paused, admission::kRefusalWords)},
          {"kernel_drop", text_or_null(listener.kernel_drop_active ? listener.kernel_drop : "")},
          {"packets_dropped_total", listener.packets_dropped},
          {"tls", tls_json(listener)}};
}

// The members of a rate of new connections, by the names of its settings.
void add_rate(Json& out, const std::string& prefix, const std::optional<server::RateStatus>& rate) {
  out[prefix + "connection_rate"] = rate ? Json(base::to_string(rate->rate)) : Json();
  out[prefix + "connection_burst"] = rate ? Json(rate->burst) : Json();
}
void add_rate_and_use(Json& out, const std::optional<server::RateStatus>& rate) {
  add_rate(out, "", rate);
  out["connection_burst_used"] = rate ? Json(rate->used) : Json();
}

Json byte_rate_json(const std::optional<base::Rate>& rate) {
  return rate ? Json(base::byte_rate_to_string(*rate)) : Json();
}

Json one_limits_json(const server::LimitsStatus& one) {
  Json out{{"name", one.name},
           {"listeners", one.listeners},
           {"connections", one.most_connections ? Json(one.connections) : Json()},
           {"max_connections", or_null(one.most_connections)}};
  add_rate_and_use(out, one.rate);
  out["client_max_connections"] = or_null(one.most_client_connections);
  add_rate(out, "client_", one.client_rate);
  out["upload_rate"] = byte_rate_json(one.upload_rate);
  out["download_rate"] = byte_rate_json(one.download_rate);
  out["when_exceeded"] = one.when_exceeded;
  out["dry_run"] = one.dry_run;
  out["tarpitted"] = one.tarpitted;
  out["tarpit_max"] = one.most_tarpitted;
  out["clients"] = one.clients;
  out["client_table_size"] = one.most_clients;
  out["unlimited_total"] = one.unlimited;
  return out;
}

// Those that have come.
Json refusals_by_reason(const server::ProcessStatus& status) {
  Json rows = Json::array();
  for (const server::ListenerStatus& listener : status.listeners) {
    for (std::size_t i = 0; i < admission::kRefusals; ++i) {
      if (listener.refused[i] + listener.would_refuse[i] + listener.paused[i] == 0) continue;
      rows.push_back({{"listener", listener.name},
                      {"reason", admission::kRefusalWords[i]},
                      {"refused_total", listener.refused[i]},
                      {"would_be_refused_total", listener.would_refuse[i]},
                      {"accept_pauses_total", listener.paused[i]}});
    }
  }
  return rows;
}

}  // namespace

Json process_json(const server::ProcessStatus& status) {
  Json workers = Json::array();
  for (const server::WorkerStatus& worker : status.workers) {
    workers.push_back(
        {{"number", worker.number}, {"sessions_open", worker.open}, {"sessions_total", worker.accepted}});
  }
  const auto up = std::chrono::system_clock::now() - status.started;
  return {{"version", status.version},
          {"pid", status.pid},
          {"state", status.draining ? "draining" : "serving"},
          {"started", time_text(status.started)},
          {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(up).count()},
          {"connections", status.connections},
          {"max_connections", status.max_connections},
          {"max_connections_asked", status.max_connections_asked},
          {"log_level", status.log_level},
          {"log_lines_lost_total", status.log_lines_lost},
          {"syn_flood", status.pressure.syn_flood},
          {"accept_overflow", status.pressure.accept_overflow},
          {"workers", std::move(workers)}};
}

Json processes_json(const server::ProcessStatus& status) {
  Json processes = Json::array();
  processes.push_back({{"pid", status.pid},
                       {"state", status.draining ? "draining" : "serving"},
                       {"since", time_text(status.started)},
                       {"drains_until", nullptr}});
  for (const server::PredecessorStatus& one : status.predecessors) {
    processes.push_back({{"pid", one.pid},
                         {"state", "retired"},
                         {"since", time_text(one.since)},
                         {"drains_until", one.drains_until ? Json(time_text(*one.drains_until)) : Json()}});
  }
  return {{"processes", std::move(processes)}};
}

Json listeners_json(const server::ProcessStatus& status) {
  Json listeners = Json::array();
  for (const server::ListenerStatus& listener : status.listeners)
    listeners.push_back(listener_json(listener));
  std::vector<Json> queues(status.listeners.size(), Json::array());
  for (const server::AcceptQueueStatus& queue : status.queues) {
    queues[queue.listener].push_back({{"address", queue.address.to_string()},
                                      {"worker", queue.worker},
                                      {"depth", queue.depth},
                                      {"limit", queue.limit},
                                      {"drops_total", queue.drops}});
  }
  for (std::size_t i = 0; i < queues.size(); ++i) listeners[i]["accept_queues"] = std::move(queues[i]);
  return {{"listeners", std::move(listeners)}};
}

Json limits_json(const server::ProcessStatus& status) {
  Json process{{"connections", status.connections},
               {"max_connections", status.max_connections},
               {"when_full", status.when_full}};
  add_rate_and_use(process, status.rate);
  Json limits = Json::array();
  for (const server::LimitsStatus& one : status.limits) limits.push_back(one_limits_json(one));
  return {{"process", std::move(process)}, {"limits", std::move(limits)}};
}

Json refusals_json(const server::ProcessStatus& status) {
  Json refusals = Json::array();
  for (const server::RefusalStatus& refusal : status.refusals) {
    refusals.push_back({{"time", time_text(refusal.time)},
                        {"listener", refusal.listener},
                        {"client", refusal.client.to_string()},
                        {"reason", refusal.reason},
                        {"dry_run", refusal.dry_run}});
  }
  return {{"by_reason", refusals_by_reason(status)}, {"refusals", std::move(refusals)}};
}

Json configuration_json(const std::vector<config::Setting>& settings) {
  Json list = Json::array();
  for (const config::Setting& setting : settings) {
    list.push_back({{"setting", setting.path()},
                    {"value", setting.is_secret ? Json() : Json(setting.value)},
                    {"is_secret", setting.is_secret},
                    {"place", setting.place ? text_or_null(config::to_string(*setting.place)) : Json()},
                    {"takes", change_text(setting.change)}});
  }
  return {{"settings", std::move(list)}};
}

Json reload_json(const server::ReloadReport& report) {
  Json problems = Json::array();
  for (const config::Problem& problem : report.problems) problems.push_back(problem_json(problem));
  Json changes = Json::array();
  for (const config::Difference& one : report.differences) changes.push_back(difference_json(one));
  return {{"problems", std::move(problems)},
          {"changes", std::move(changes)},
          {"sessions_kept", report.sessions_kept},
          {"sessions_draining", report.sessions_draining},
          {"sessions_closing", report.sessions_closing},
          {"took_ms", report.took.count()}};
}

}  // namespace weir::admin
