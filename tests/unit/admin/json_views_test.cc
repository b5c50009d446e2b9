#include "admin/json_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "unit/admin/a_status.h"

namespace weir::admin {
namespace {

using nlohmann::json;

// As a client reads what the door writes: the order of members does not matter to it.
json parsed(const Json& document) { return json::parse(json_text(document)); }

TEST(PoolsJson, SaysWhatTheStatusSaysAndStaysValid) {
  const auto document = parsed(pools_json(a_status()));
  const auto& backends = document.at("pools").at(0).at("backends");
  json pool = document.at("pools").at(0);
  pool.erase("backends");
  const json times = pool.at("connect_times");
  pool.erase("connect_times");
  const json expected_pool{{"name", "p"},
                           {"fallback_pool", "sorry"},
                           {"healthy", 1},
                           {"panic", true},
                           {"waiting", 3},
                           {"retries_total", 21},
                           {"retries_denied_total", 22},
                           {"queued_total", 23},
                           {"queue_refused_total", 24},
                           {"queue_timeouts_total", 25},
                           {"queue_left_total", 26},
                           {"queue_wait_us_total", 27},
                           {"fallbacks_total", 28},
                           {"names", json::array()}};
  EXPECT_EQ(pool, expected_pool);
  EXPECT_EQ(times.at("bounds_us").size(), pool::kConnectBounds.size());
  EXPECT_EQ(times.at("bounds_us").at(0), 100);
  EXPECT_EQ(times.at("counts"), (json{9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(times.at("sum_us"), 12'000'900);
  const json expected{{"name", "a"},
                      {"address", "10.0.0.1:80"},
                      {"weight", 5},
                      {"weight_ratio", 0.4},
                      {"backup", true},
                      {"state", "up"},
                      {"passed_over", true},
                      {"left", false},
                      {"max_connections", 50},
                      {"in_flight", 2},
                      {"connect_us", 310},
                      {"sessions_total", 11},
                      {"connect_attempts_total", 12},
                      {"connect_failures_total", 1},
                      {"early_resets_total", 13},
                      {"ejections_total", 14},
                      {"checks_passed_total", 15},
                      {"checks_failed_total", 16},
                      {"checks_not_made_total", 17},
                      {"warm_connections", 18},
                      {"warm_used_total", 19},
                      {"warm_given_up_total", 20},
                      {"warm_failed_total", 21},
                      {"upload_bytes_total", 100},
                      {"download_bytes_total", 200},
                      {"ports",
                       {{{"source", "10.0.0.5"},
                         {"held", 41},
                         {"time_wait", 44},
                         {"free", 45},
                         {"usable", 46},
                         {"dry_in", 47},
                         {"dry_total", 42},
                         {"missing_total", 43}},
                        {{"source", "client"},
                         {"held", 48},
                         {"time_wait", nullptr},
                         {"free", nullptr},
                         {"usable", nullptr},
                         {"dry_in", nullptr},
                         {"dry_total", 0},
                         {"missing_total", 0}}}}};
  EXPECT_EQ(backends.at(0), expected);
  EXPECT_EQ(backends.at(1).at("state"), "down");
  EXPECT_EQ(backends.at(1).at("address"), "none");
  EXPECT_EQ(backends.at(1).at("state_reason"), "does not resolve \xef\xbf\xbd");
}

TEST(PoolsJson, SaysHowEachNameStands) {
  server::ProcessStatus status = a_status();
  status.pools[0].names = {a_name(), a_name()};
  server::NameStatus& failing = status.pools[0].names[1];
  failing.name = "new";
  failing.is_service = true;
  failing.addresses.clear();
  failing.age.reset();
  failing.error = "it failed";
  failing.notes = {"port 0"};
  const auto names = parsed(pools_json(status)).at("pools").at(0).at("names");
  const json expected{{"name", "app"},
                      {"asked", "app.internal"},
                      {"type", "a"},
                      {"addresses", {"10.0.0.1:80", "[2001:db8::1]:80"}},
                      {"last_answer_ms_ago", 12'900},
                      {"next_question_in_ms", 700},
                      {"answers_total", 31},
                      {"failures_total", 32}};
  EXPECT_EQ(names.at(0), expected);
  EXPECT_EQ(names.at(1).at("type"), "srv");
  EXPECT_EQ(names.at(1).at("addresses"), json::array());
  EXPECT_EQ(names.at(1).at("last_answer_ms_ago"), nullptr);
  EXPECT_EQ(names.at(1).at("error"), "it failed");
  EXPECT_EQ(names.at(1).at("notes"), json{"port 0"});
}

TEST(PoolsJson, OfNoPoolsIsAnEmptyList) {
  EXPECT_EQ(parsed(pools_json({})), (json{{"pools", json::array()}}));
}

TEST(RefusalsJson, TellsWhoWasTurnedAwayAndWhy) {
  server::ProcessStatus status;
  server::RefusalStatus refusal;
  refusal.listener = "web";
  refusal.client = *base::parse_address("192.0.2.7:4711");
  refusal.reason = "client_rate";
  status.refusals.push_back(refusal);
  const auto document = parsed(refusals_json(status));
  ASSERT_EQ(document["refusals"].size(), 1u);
  const auto& told = document["refusals"][0];
  EXPECT_EQ(told["time"], "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(told["listener"], "web");
  EXPECT_EQ(told["client"], "192.0.2.7:4711");
  EXPECT_EQ(told["reason"], "client_rate");
  EXPECT_EQ(told["dry_run"], false);
}

TEST(RefusalsJson, OfNobodyIsAnEmptyList) {
  EXPECT_EQ(parsed(refusals_json({})), (json{{"by_reason", json::array()}, {"refusals", json::array()}}));
}

TEST(RefusalsJson, CountsByListenerAndReasonWhatHasCome) {
  server::ProcessStatus status = a_status();
  status.listeners[0].would_refuse[static_cast<std::size_t>(admission::Refusal::kRate)] = 6;
  const auto row = [](const char* listener, const char* reason, int refused, int dry, int paused) {
    return json{{"listener", listener},
                {"reason", reason},
                {"refused_total", refused},
                {"would_be_refused_total", dry},
                {"accept_pauses_total", paused}};
  };
  const json expected{row("web", "rate", 0, 6, 0), row("web", "process_connections", 8, 0, 0),
                      row("web", "no_descriptors", 0, 0, 9), row("q\"\\\n", "process_connections", 8, 0, 0),
                      row("q\"\\\n", "no_descriptors", 0, 0, 9)};
  EXPECT_EQ(parsed(refusals_json(status)).at("by_reason"), expected);
}

TEST(ProcessJson, SaysHowTheProcessStands) {
  server::ProcessStatus status = a_status();
  status.version = "1.2.3";
  status.pid = 4711;
  status.started = std::chrono::system_clock::now() - std::chrono::hours(2);
  status.log_level = "debug";
  json process = parsed(process_json(status));
  EXPECT_GE(process.at("uptime_seconds"), 7'200);
  EXPECT_LT(process.at("uptime_seconds"), 7'300);
  EXPECT_EQ(process.at("started").get<std::string>().size(), std::string("1970-01-01T00:00:00.000Z").size());
  process.erase("uptime_seconds");
  process.erase("started");
  const json expected{{"version", "1.2.3"},
                      {"pid", 4711},
                      {"state", "serving"},
                      {"connections", 3},
                      {"max_connections", 100},
                      {"max_connections_asked", 200},
                      {"log_level", "debug"},
                      {"log_lines_lost_total", 4},
                      {"syn_flood", true},
                      {"accept_overflow", false},
                      {"workers",
                       {{{"number", 0}, {"sessions_open", 1}, {"sessions_total", 10}},
                        {{"number", 3}, {"sessions_open", 2}, {"sessions_total", 20}}}}};
  EXPECT_EQ(process, expected);
  status.draining = true;
  EXPECT_EQ(parsed(process_json(status)).at("state"), "draining");
}

TEST(ListenersJson, SaysWhatEachHasSeen) {
  server::ProcessStatus status = a_status();
  server::ListenerStatus& web = status.listeners[0];
  web.pool = "p";
  web.pools = {"p", "q"};
  web.addresses = {*base::parse_address("10.0.0.9:80"), *base::parse_address("[::1]:80")};
  web.would_refuse[static_cast<std::size_t>(admission::Refusal::kDenied)] = 6;
  web.kernel_drop = "bpf";
  web.packets_dropped = 5;
  const json listeners = parsed(listeners_json(status)).at("listeners");
  json first = listeners.at(0);
  const auto count = [&](const char* counts, std::string_view word) { return first.at(counts).at(word); };
  EXPECT_EQ(count("closed_total", "idle_timeout"), 27);
  EXPECT_EQ(first.at("closed_total").size(), session::kCloseReasons) << "those that never came too";
  EXPECT_EQ(count("refused_total", "process_connections"), 8);
  EXPECT_EQ(count("would_be_refused_total", "denied"), 6);
  EXPECT_EQ(count("accept_pauses_total", "no_descriptors"), 9);
  for (const char* counts :
       {"closed_total", "refused_total", "would_be_refused_total", "accept_pauses_total"}) {
    first.erase(counts);
  }
  const json expected{
      {"name", "web"},
      {"pool", "p"},
      {"pools", {"p", "q"}},
      {"addresses", {"10.0.0.9:80", "[::1]:80"}},
      {"sessions_open", 3},
      {"accepted_total", 30},
      {"handed_over_total", 5},
      {"upload_bytes_total", 18'446'744'073'709'551'615ull},
      {"download_bytes_total", 7},
      {"kernel_drop", nullptr},
      {"packets_dropped_total", 5},
      {"tls", nullptr},
      {"accept_queues",
       {{{"address", "10.0.0.9:80"}, {"worker", 0}, {"depth", 7}, {"limit", 128}, {"drops_total", 3}},
        {{"address", "10.0.0.9:80"}, {"worker", 1}, {"depth", 0}, {"limit", 128}, {"drops_total", 0}}}}};
  EXPECT_EQ(first, expected);
  EXPECT_EQ(listeners.at(1).at("name"), "q\"\\\n");
  EXPECT_EQ(listeners.at(1).at("accept_queues"), json::array());
  web.kernel_drop_active = true;
  EXPECT_EQ(parsed(listeners_json(status)).at("listeners").at(0).at("kernel_drop"), "bpf");
}

TEST(ListenersJson, SaysWhatTlsComesTo) {
  server::ProcessStatus status = a_status();
  server::ListenerStatus& web = status.listeners[0];
  web.ends_tls = true;
  web.handshakes[static_cast<std::size_t>(session::HandshakeNews::kResumed)] = 41;
  web.handshakes_under_way = 3;
  web.most_handshakes = 1'000;
  web.tls_cut = 5;
  tls::CertificateFact fact;
  fact.file = "site.pem";
  fact.subject = "CN=a.example";
  fact.names = {"a.example", "b.example"};
  fact.has_staple = true;
  fact.not_after =
      tls::UtcTime(std::chrono::seconds(253'402'300'799));  // the last that a certificate can say
  web.certificates = {fact};
  json tls = parsed(listeners_json(status)).at("listeners").at(0).at("tls");
  EXPECT_EQ(tls.at("handshakes_total").at("resumed"), 41);
  tls.erase("handshakes_total");
  const json expected{{"handshakes_under_way", 3},
                      {"max_handshakes", 1'000},
                      {"streams_cut_total", 5},
                      {"certificates",
                       {{{"file", "site.pem"},
                         {"subject", "CN=a.example"},
                         {"names", {"a.example", "b.example"}},
                         {"not_after", "9999-12-31T23:59:59.000Z"},
                         {"has_staple", true}}}}};
  EXPECT_EQ(tls, expected);
}

TEST(LimitsJson, SaysEachLimitAndHowMuchOfItIsUsed) {
  const json document = parsed(limits_json(a_status()));
  const json process{{"connections", 3},      {"max_connections", 100},
                     {"when_full", "wait"},   {"connection_rate", "60/min"},
                     {"connection_burst", 7}, {"connection_burst_used", 4}};
  EXPECT_EQ(document.at("process"), process);
  const json own{{"name", "listeners.web.limits"},
                 {"listeners", {"web"}},
                 {"connections", 3},
                 {"max_connections", 50},
                 {"connection_rate", "100/s"},
                 {"connection_burst", 20},
                 {"connection_burst_used", 5},
                 {"client_max_connections", 10},
                 {"client_connection_rate", "5/h"},
                 {"client_connection_burst", 6},
                 {"upload_rate", "1MiB/s"},
                 {"download_rate", nullptr},
                 {"when_exceeded", "tarpit"},
                 {"dry_run", false},
                 {"tarpitted", 1},
                 {"tarpit_max", 8},
                 {"clients", 2},
                 {"client_table_size", 16},
                 {"unlimited_total", 3}};
  EXPECT_EQ(document.at("limits").at(0), own);
  const json shared{{"name", "limits.all"},
                    {"listeners", {"a", "b"}},
                    {"connections", nullptr},
                    {"max_connections", nullptr},
                    {"connection_rate", nullptr},
                    {"connection_burst", nullptr},
                    {"connection_burst_used", nullptr},
                    {"client_max_connections", nullptr},
                    {"client_connection_rate", nullptr},
                    {"client_connection_burst", nullptr},
                    {"upload_rate", nullptr},
                    {"download_rate", nullptr},
                    {"when_exceeded", "reset"},
                    {"dry_run", true},
                    {"tarpitted", 0},
                    {"tarpit_max", 0},
                    {"clients", 0},
                    {"client_table_size", 0},
                    {"unlimited_total", 0}};
  EXPECT_EQ(document.at("limits").at(1), shared);
}

TEST(ConfigurationJson, HidesSecretsAndSaysWhereTheRestIsWritten) {
  std::vector<config::Setting> settings{
      {"pools.web", "retries", "5", config::Place{"weir.toml", 12, 3}, false, config::Change::kLive},
      {"admin", "bind", "\"off\"", {}, false, config::Change::kRestart},
      {"process", "user", "\"hidden\"", config::Place{"weir.toml", 2, 1}, true, config::Change::kRestart}};
  const json expected{{"settings",
                       {{{"setting", "pools.web.retries"},
                         {"value", "5"},
                         {"is_secret", false},
                         {"place", "weir.toml:12:3"},
                         {"takes", "live"}},
                        {{"setting", "admin.bind"},
                         {"value", "\"off\""},
                         {"is_secret", false},
                         {"place", nullptr},
                         {"takes", "restart"}},
                        {{"setting", "process.user"},
                         {"value", nullptr},
                         {"is_secret", true},
                         {"place", "weir.toml:2:1"},
                         {"takes", "restart"}}}}};
  EXPECT_EQ(parsed(configuration_json(settings)), expected);
}

config::Difference difference(const std::string& path) {
  config::Difference one;
  one.path = path;
  one.before = "1";
  one.after = "2";
  one.place = {"weir.toml", 4, 1};
  return one;
}

TEST(ReloadJson, SaysWhatHasChangedAndWhatIsWrong) {
  server::ReloadReport report;
  report.problems = {{config::Severity::kError, {"weir.toml", 3, 7}, "no"},
                     {config::Severity::kWarning, {}, "hm"}};
  report.differences.assign(5, difference("pools.p.retries"));
  report.differences[1].is_new = true;
  report.differences[2].is_gone = true;
  report.differences[2].place = {};
  report.differences[3].is_secret = true;
  report.differences[3].change = config::Change::kRestart;
  report.differences[4].is_table = report.differences[4].is_new = true;
  report.sessions_kept = 1;
  report.sessions_draining = 2;
  report.sessions_closing = 3;
  report.took = base::Millis(44);
  const json reload = parsed(reload_json(report));
  const auto change = [](const char* kind, const json& before, const json& after, const json& place,
                         const char* takes) {
    return json{{"setting", "pools.p.retries"},
                {"kind", kind},
                {"before", before},
                {"after", after},
                {"place", place},
                {"takes", takes}};
  };
  const json expected{
      {"problems",
       {{{"severity", "error"}, {"place", "weir.toml:3:7"}, {"text", "no"}},
        {{"severity", "warning"}, {"place", nullptr}, {"text", "hm"}}}},
      {"changes",
       {change("changed", "1", "2", "weir.toml:4:1", "live"),
        change("new", nullptr, "2", "weir.toml:4:1", "live"), change("gone", "1", nullptr, nullptr, "live"),
        change("changed", nullptr, nullptr, "weir.toml:4:1", "restart"),
        change("new", nullptr, nullptr, "weir.toml:4:1", "live")}},
      {"sessions_kept", 1},
      {"sessions_draining", 2},
      {"sessions_closing", 3},
      {"took_ms", 44}};
  EXPECT_EQ(reload, expected);
}

session::SessionView a_session(std::uint64_t id) {
  session::SessionView view;
  view.id = id;
  view.worker = 1;
  view.listener = "web";
  view.pool = "p";
  view.backend = "a";
  view.backend_address = *base::parse_address("10.0.0.1:80");
  view.client = *base::parse_address("192.0.2.7:4711");
  view.server_name = "a.example";
  view.state = session::SessionState::kRelay;
  view.age = base::Micros(90'001'999);
  view.idle = base::Micros(1'999);
  view.upload_bytes = 10;
  view.download_bytes = 20;
  return view;
}

const json kSession{{"id", "0104aed000000001"},
                    {"worker", 1},
                    {"listener", "web"},
                    {"pool", "p"},
                    {"backend", "a"},
                    {"backend_address", "10.0.0.1:80"},
                    {"client", "192.0.2.7:4711"},
                    {"server_name", "a.example"},
                    {"state", "relay"},
                    {"waits_for_place", false},
                    {"age_ms", 90'001},
                    {"idle_ms", 1},
                    {"upload_bytes", 10},
                    {"download_bytes", 20}};

TEST(SessionsJson, AreAPageWithThePlaceOfTheNext) {
  session::SurveyFindings findings;
  findings.matching = 1;
  findings.sessions = {a_session(0x0104aed000000001)};
  session::SurveyRequest request;
  const json page = parsed(sessions_json(findings, request));
  EXPECT_EQ(page, (json{{"matching", 1}, {"next", nullptr}, {"sessions", {kSession}}}));
  findings.matching = 2;
  EXPECT_EQ(parsed(sessions_json(findings, request)).at("next"), "0104aed000000001");
  request.kind = session::SurveyKind::kByBytes;
  EXPECT_EQ(parsed(sessions_json(findings, request)).at("next"), nullptr) << "these have no pages";
  EXPECT_EQ(parsed(sessions_json({}, {})),
            (json{{"matching", 0}, {"next", nullptr}, {"sessions", json::array()}}));
}

TEST(SessionsJson, HaveNullsForWhatIsNotKnownYet) {
  session::SurveyFindings findings;
  session::SessionView view;
  view.listener = "web";
  view.client = base::Address::unix_path("");
  view.state = session::SessionState::kPreread;
  view.backend_address = *base::parse_address("10.0.0.1:80");
  findings.sessions = {view};
  const json session = parsed(sessions_json(findings, {})).at("sessions").at(0);
  for (const char* key : {"pool", "backend", "backend_address", "server_name"}) {
    EXPECT_EQ(session.at(key), nullptr) << key;
  }
  EXPECT_TRUE(session.at("client").is_string());
}

session::SocketView a_socket(const char* local, const char* remote) {
  session::SocketView socket;
  socket.local = *base::parse_address(local);
  socket.remote = *base::parse_address(remote);
  return socket;
}

TEST(SessionJson, SaysEverythingAboutOne) {
  session::SessionDetail detail;
  detail.view = a_session(0x0104aed000000001);
  detail.proxy = *base::parse_address("10.9.9.9:5000");
  detail.destination = *base::parse_address("198.51.100.1:443");
  detail.alpn = "h2";
  detail.listener_pool = "p";
  detail.first_pool = "p";
  detail.attempts = 2;
  detail.choice = pool::Choice::kBackup;
  detail.place = 12;
  detail.failed_backend = "b";
  detail.connect_error = ECONNREFUSED;
  detail.was_retry_denied = true;
  detail.connect_time = base::Micros(310);
  detail.queue_time = base::Micros(5'000);
  detail.was_warm = true;
  detail.deadlines = {{"idle_timeout", base::Millis(-3)}, {"max_lifetime", base::Millis(9'000)}};
  detail.client = a_socket("10.0.0.9:443", "10.9.9.9:5000");
  detail.client.tls = tls::Facts{};
  detail.client.tls->version = "TLSv1.3";
  detail.client.tls->cipher = "TLS_AES_128_GCM_SHA256";
  detail.backend = a_socket("10.0.0.9:40000", "10.0.0.1:80");
  detail.backend->tcp.emplace().state = "established";
  detail.backend->tcp->rtt = base::Micros(250);
  const json shown = parsed(session_json(detail));
  for (const auto& [key, value] : kSession.items()) EXPECT_EQ(shown.at(key), value) << key;
  EXPECT_EQ(shown.at("proxy"), "10.9.9.9:5000");
  EXPECT_EQ(shown.at("destination"), "198.51.100.1:443");
  EXPECT_EQ(shown.at("alpn"), "h2");
  EXPECT_EQ(shown.at("listener_pool"), "p");
  EXPECT_EQ(shown.at("first_pool"), "p");
  EXPECT_EQ(shown.at("attempts"), 2);
  EXPECT_EQ(shown.at("failed_backend"), "b");
  EXPECT_EQ(shown.at("connect_error"), "ECONNREFUSED");
  EXPECT_EQ(shown.at("place"), 12);
  EXPECT_EQ(shown.at("choice"), "backup");
  EXPECT_EQ(shown.at("connect_us"), 310);
  EXPECT_EQ(shown.at("queue_us"), 5'000);
  EXPECT_EQ(shown.at("warm"), true);
  EXPECT_EQ(shown.at("deadlines"), (json{{{"setting", "idle_timeout"}, {"left_ms", -3}},
                                         {{"setting", "max_lifetime"}, {"left_ms", 9'000}}}));
  EXPECT_EQ(shown.at("why"),
            (json{"it waited 5 ms for a place", "an attempt at \"b\" had failed: Connection refused",
                  "the budget of retries allowed no further attempt",
                  "it is a backup, and no other backend was usable", "it was given a warm connection"}));
  const json& client = shown.at("client_socket");
  EXPECT_EQ(client.at("tcp"), nullptr);
  EXPECT_EQ(client.at("tls"), (json{{"version", "TLSv1.3"},
                                    {"cipher", "TLS_AES_128_GCM_SHA256"},
                                    {"alpn", nullptr},
                                    {"resumed", false},
                                    {"peer_subject", nullptr}}));
  const json& backend = shown.at("backend_socket");
  EXPECT_EQ(backend.at("local"), "10.0.0.9:40000");
  EXPECT_EQ(backend.at("remote"), "10.0.0.1:80");
  EXPECT_EQ(backend.at("tls"), nullptr);
  EXPECT_EQ(backend.at("tcp").at("state"), "established");
  EXPECT_EQ(backend.at("tcp").at("rtt_us"), 250);
}

TEST(SessionJson, SaysByWhichPoolsItCame) {
  session::SessionDetail detail;
  detail.view = a_session(1);
  detail.view.pool = "spare";
  detail.choice = pool::Choice::kUsable;
  detail.listener_pool = "site";
  const auto why = [&](const std::string& first) {
    detail.first_pool = first;
    return parsed(session_json(detail)).at("why");
  };
  const std::string picked = "the policy of pool \"spare\" picked it among the backends that are up";
  const std::string route = "a route of listener \"web\" led to pool ";
  EXPECT_EQ(why("site"),
            (json{"pool \"site\" had no connection for it: \"spare\" is a fallback of that one", picked}));
  EXPECT_EQ(why("spare"), (json{route + "\"spare\"", picked}));
  EXPECT_EQ(why("api"),
            (json{route + "\"api\"",
                  "pool \"api\" had no connection for it: \"spare\" is a fallback of that one", picked}));
  detail.listener_pool = "spare";
  EXPECT_EQ(why("spare"), json::array({picked}));
}

TEST(SessionJson, OfOneThatHasNoBackendYetHasNulls) {
  session::SessionDetail detail;
  detail.view = a_session(1);
  detail.view.waits_for_place = true;
  const json shown = parsed(session_json(detail));
  for (const char* key : {"proxy", "destination", "alpn", "first_pool", "failed_backend", "connect_error",
                          "place", "choice", "connect_us", "queue_us", "backend_socket"}) {
    EXPECT_EQ(shown.at(key), nullptr) << key;
  }
  EXPECT_EQ(shown.at("client_socket").at("local"), nullptr);
  EXPECT_EQ(shown.at("why"), (json{"every backend has as many sessions as it may: it waits"}));
}

TEST(ClientsJson, SumsUpByAddress) {
  session::SurveyFindings findings;
  findings.matching = 3;
  findings.distinct_clients = 2;
  findings.clients = {{*base::parse_address("192.0.2.7:0"), 2, 10, 20, base::Micros(7'999)},
                      {base::Address::unix_path(""), 1, 0, 0, base::Micros(0)}};
  const json clients = parsed(clients_json(findings));
  EXPECT_EQ(clients.at("matching"), 3);
  EXPECT_EQ(clients.at("distinct"), 2);
  EXPECT_EQ(clients.at("clients").at(0), (json{{"client", "192.0.2.7"},
                                               {"sessions_open", 2},
                                               {"upload_bytes", 10},
                                               {"download_bytes", 20},
                                               {"oldest_ms", 7}}));
  EXPECT_EQ(clients.at("clients").at(1).at("client"), base::Address::unix_path("").to_string());
}

}  // namespace
}  // namespace weir::admin
