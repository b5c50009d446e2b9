// Sessions as JSON, and why one is where it is in words.
#include <fmt/format.h>

#include <cstring>

#include "admin/json_views.h"
#include "session/session_id.h"

namespace weir::admin {
namespace {

using session::id_text;
using session::SessionDetail;
using session::SessionView;

// As the log has it.
Json error_json(int error) {
  if (error == 0) return {};
  const char* name = ::strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

std::int64_t millis(base::Micros time) { return std::chrono::duration_cast<base::Millis>(time).count(); }

Json address_json(const base::Address& address) {
  return address.family() == AF_UNSPEC ? Json() : Json(address.to_string());
}

Json view_json(const SessionView& view) {
  return {{"id", id_text(view.id)},
          {"worker", view.worker},
          {"listener", view.listener},
          {"pool", text_or_null(view.pool)},
          {"backend", text_or_null(view.backend)},
          {"backend_address", view.backend.empty() ? Json() : address_json(view.backend_address)},
          {"client", view.client.to_string()},
          {"server_name", text_or_null(view.server_name)},
          {"state", session::word(view.state)},
          {"waits_for_place", view.waits_for_place},
          {"age_ms", millis(view.age)},
          {"idle_ms", millis(view.idle)},
          {"upload_bytes", view.upload_bytes},
          {"download_bytes", view.download_bytes}};
}

Json tcp_json(const net::TcpFacts& facts) {
  return {{"state", facts.state},
          {"rtt_us", facts.rtt.count()},
          {"rtt_deviation_us", facts.rtt_deviation.count()},
          {"least_rtt_us", facts.least_rtt.count()},
          {"bytes_acknowledged", facts.bytes_acknowledged},
          {"bytes_received", facts.bytes_received},
          {"bytes_retransmitted", facts.bytes_retransmitted},
          {"bytes_unsent", facts.bytes_unsent},
          {"segments_unacknowledged", facts.segments_unacknowledged},
          {"segments_retransmitted", facts.segments_retransmitted},
          {"congestion_window", facts.congestion_window},
          {"send_segment", facts.send_segment},
          {"delivery_rate", facts.delivery_rate},
          {"since_sent_ms", facts.since_sent.count()},
          {"since_received_ms", facts.since_received.count()}};
}

Json tls_json(const tls::Facts& facts) {
  return {{"version", facts.version},
          {"cipher", facts.cipher},
          {"alpn", text_or_null(facts.alpn)},
          {"resumed", facts.resumed},
          {"peer_subject", facts.has_peer_certificate ? Json(facts.peer_subject) : Json()}};
}

Json socket_json(const session::SocketView& socket) {
  return {{"local", address_json(socket.local)},
          {"remote", address_json(socket.remote)},
          {"tls", socket.tls ? tls_json(*socket.tls) : Json()},
          {"tcp", socket.tcp ? tcp_json(*socket.tcp) : Json()}};
}

std::string choice_text(pool::Choice choice, const std::string& pool) {
  switch (choice) {
    case pool::Choice::kUsable:
      return fmt::format("the policy of pool \"{}\" picked it among the backends that are up", pool);
    case pool::Choice::kBackup:
      return "it is a backup, and no other backend was usable";
    case pool::Choice::kPanic:
      return "it is not up, but too few backends are: all are used";
    case pool::Choice::kPassedOver:
      return "its connects fail, but no backend was left that would have been better";
  }
  return {};
}

// A sentence for each thing that has led here.
Json why_json(const SessionDetail& detail) {
  Json why = Json::array();
  const std::string& first = detail.first_pool;
  const std::string& pool = detail.view.pool;
  const bool is_led = !first.empty();
  if (is_led && first != detail.listener_pool) {
    why.push_back(fmt::format("a route of listener \"{}\" led to pool \"{}\"", detail.view.listener, first));
  }
  if (detail.queue_time) {
    why.push_back(fmt::format("it waited {} ms for a place", millis(*detail.queue_time)));
  }
  if (!detail.failed_backend.empty()) {
    const std::string error = !detail.tls_fault.empty() ? detail.tls_fault
                              : detail.connect_error != 0
                                  ? std::string(::strerrordesc_np(detail.connect_error))
                                  : std::string("the handshake");
    why.push_back(fmt::format("an attempt at \"{}\" had failed: {}", detail.failed_backend, error));
  }
  if (detail.was_retry_denied) why.push_back("the budget of retries allowed no further attempt");
  if (is_led && !pool.empty() && pool != first) {
    why.push_back(
        fmt::format("pool \"{}\" had no connection for it: \"{}\" is a fallback of that one", first, pool));
  }
  if (detail.choice) why.push_back(choice_text(*detail.choice, pool));
  if (detail.was_warm) why.push_back("it was given a warm connection");
  if (detail.view.waits_for_place) why.push_back("every backend has as many sessions as it may: it waits");
  return why;
}

}  // namespace

Json session_json(const SessionDetail& detail) {
  Json out = view_json(detail.view);
  Json deadlines = Json::array();
  for (const session::Deadline& one : detail.deadlines) {
    deadlines.push_back({{"setting", one.name}, {"left_ms", one.left.count()}});
  }
  out.update(Json{{"proxy", address_json(detail.proxy)},
                  {"destination", address_json(detail.destination)},
                  {"alpn", text_or_null(detail.alpn)},
                  {"listener_pool", detail.listener_pool},
                  {"first_pool", text_or_null(detail.first_pool)},
                  {"attempts", detail.attempts},
                  {"failed_backend", text_or_null(detail.failed_backend)},
                  {"connect_error", error_json(detail.connect_error)},
                  {"place", detail.choice ? Json(detail.place) : Json()},
                  {"choice", detail.choice ? Json(pool::word(*detail.choice)) : Json()},
                  {"why", why_json(detail)},
                  {"connect_us", detail.connect_time ? Json(detail.connect_time->count()) : Json()},
                  {"queue_us", detail.queue_time ? Json(detail.queue_time->count()) : Json()},
                  {"warm", detail.was_warm},
                  {"deadlines", std::move(deadlines)},
                  {"client_socket", socket_json(detail.client)},
                  {"backend_socket", detail.backend ? socket_json(*detail.backend) : Json()}});
  return out;
}

Json sessions_json(const session::SurveyFindings& findings, const session::SurveyRequest& request) {
  Json sessions = Json::array();
  for (const SessionView& view : findings.sessions) sessions.push_back(view_json(view));
  const bool has_more =
      request.kind == session::SurveyKind::kById && findings.matching > findings.sessions.size();
  return {{"matching", findings.matching},
          {"next", has_more ? Json(id_text(findings.sessions.back().id)) : Json()},
          {"sessions", std::move(sessions)}};
}

Json clients_json(const session::SurveyFindings& findings) {
  Json clients = Json::array();
  for (const session::ClientSum& one : findings.clients) {
    const std::string name = one.client.is_ip() ? one.client.ip_to_string() : one.client.to_string();
    clients.push_back({{"client", name},
                       {"sessions_open", one.sessions},
                       {"upload_bytes", one.upload_bytes},
                       {"download_bytes", one.download_bytes},
                       {"oldest_ms", millis(one.oldest)}});
  }
  return {{"matching", findings.matching},
          {"distinct", findings.distinct_clients},
          {"clients", std::move(clients)}};
}

}  // namespace weir::admin
