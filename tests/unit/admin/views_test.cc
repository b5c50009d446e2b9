#include "admin/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

namespace weir::admin {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

server::ProcessStatus a_status() {
  server::ProcessStatus status;
  status.connections = 3;
  status.max_connections = 100;
  status.max_connections_asked = 200;
  status.log_lines_lost = 4;
  status.workers = {{10, 1, 0}, {20, 2, 3}};
  for (const char* name : {"web", "q\"\\\n"}) {
    server::ListenerStatus listener;
    listener.name = name;
    listener.accepted = 30;
    listener.open = 3;
    listener.handed_over = 5;
    listener.upload_bytes = 18'446'744'073'709'551'615ull;
    listener.download_bytes = 7;
    listener.closed[static_cast<std::size_t>(session::CloseReason::kIdleTimeout)] = 27;
    listener.refused[static_cast<std::size_t>(admission::Refusal::kProcessConnections)] = 8;
    listener.paused[static_cast<std::size_t>(admission::Refusal::kNoDescriptors)] = 9;
    status.listeners.push_back(listener);
  }
  status.limits = {{"listeners.web.limits", 1, 2, 16, 3}, {"limits.all", 0, 0, 0, 0}};
  status.listeners[0].wants_kernel_drop = true;
  status.queues = {{0, 0, *base::parse_address("10.0.0.9:80"), 7, 128, 3},
                   {0, 1, *base::parse_address("10.0.0.9:80"), 0, 128, 0}};
  status.pressure.is_known = true;
  status.pressure.counters.syncookies_sent = 55;
  status.pressure.counters.listen_drops = 0;
  status.pressure.syn_flood = true;
  server::PoolStatus pool;
  pool.name = "p";
  server::BackendStatus up;
  up.name = "a";
  up.address = *base::parse_address("10.0.0.1:80");
  up.weight = 5;
  up.is_backup = true;
  up.most_sessions = 50;
  up.in_flight = 2;
  up.connect_time = 310;
  up.is_passed_over = true;
  up.early_resets = 13;
  up.ejections = 14;
  up.checks_passed = 15;
  up.checks_failed = 16;
  up.checks_not_made = 17;
  up.weight_ratio = 0.4;
  up.warm = 18;
  up.warm_used = 19;
  up.warm_given_up = 20;
  up.warm_failed = 21;
  up.attempts = 12;
  up.failed_attempts = 1;
  up.sessions = 11;
  up.upload_bytes = 100;
  up.download_bytes = 200;
  up.sources = {{"10.0.0.5", 41, 42, 43, 44, 45, 46, std::chrono::seconds(47)},
                {"client", 48, 0, 0, {}, {}, {}, {}}};
  server::BackendStatus down;
  down.name = "gone:80";
  down.state = pool::BackendState::kDown;
  down.state_reason = "does not resolve \xff";
  pool.backends = {up, down};
  pool.healthy = 1;
  pool.panic = true;
  pool.waiting = 3;
  pool.retries = 21;
  pool.retries_denied = 22;
  pool.queued = 23;
  pool.queue_refused = 24;
  pool.queue_timeouts = 25;
  pool.queue_left = 26;
  pool.queue_microseconds = 27;
  pool.fallbacks = 28;
  status.pools = {pool};
  return status;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Every sample belongs to the family above it, each family is there once with HELP and TYPE, and no sample
// is there twice: what a scraper refuses a document for.
TEST(MetricsText, IsADocumentThatAScraperTakes) {
  const std::string label = "[a-z]+=\"([^\"\\\\]|\\\\[\\\\\"n])*\"";
  const std::string sample = "[a-z_]+(\\{" + label + "(," + label + ")*\\})? [0-9]+";
  std::set<std::string> families;
  std::set<std::string> samples;
  std::string family;
  std::string type;
  std::size_t in_family = 1;
  const std::string text = metrics_text(a_status());
  ASSERT_TRUE(text.ends_with('\n'));
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("# HELP ")) {
      EXPECT_GT(in_family, 0u) << family << " has no sample";
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_THAT(family, MatchesRegex("weir_[a-z]+(_[a-z]+)*"));
      EXPECT_TRUE(families.insert(family).second) << family << " is there twice";
      EXPECT_GT(line.size(), 8 + family.size()) << "no help";
      EXPECT_TRUE(line.ends_with('.')) << line;
      type.clear();
      in_family = 0;
    } else if (line.starts_with("# TYPE ")) {
      EXPECT_EQ(line.find("# TYPE " + family + " "), 0u) << line;
      type = line.substr(8 + family.size());
      EXPECT_EQ(type == "counter", family.ends_with("_total")) << line;
      EXPECT_TRUE(type == "counter" || type == "gauge") << line;
    } else {
      ASSERT_THAT(line, MatchesRegex(sample));
      EXPECT_EQ(line.substr(0, line.find_first_of("{ ")), family);
      EXPECT_FALSE(type.empty()) << line;
      EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line << " is there twice";
      ++in_family;
    }
  }
  EXPECT_GT(families.size(), 20u);
}

TEST(MetricsText, SaysWhatTheStatusSays) {
  const std::string text = metrics_text(a_status());
  for (const char* line :
       {"weir_connections_accepted_total{listener=\"web\"} 30\n",
        "weir_sessions_open{listener=\"web\"} 3\n",
        "weir_connections_handed_over_total{listener=\"web\"} 5\n",
        "weir_upload_bytes_total{listener=\"web\"} 18446744073709551615\n",
        "weir_download_bytes_total{listener=\"web\"} 7\n",
        "weir_sessions_closed_total{listener=\"web\",reason=\"idle_timeout\"} 27\n",
        "weir_sessions_closed_total{listener=\"web\",reason=\"client_end\"} 0\n",
        "weir_connections_refused_total{listener=\"web\",reason=\"process_connections\"} 8\n",
        "weir_accept_pauses_total{listener=\"web\",reason=\"no_descriptors\"} 9\n",
        "weir_connections_accepted_total{listener=\"q\\\"\\\\\\n\"} 30\n",
        "weir_backend_up{pool=\"p\",backend=\"a\"} 1\n",
        "weir_backend_up{pool=\"p\",backend=\"gone:80\"} 0\n",
        "weir_backend_passed_over{pool=\"p\",backend=\"a\"} 1\n",
        "weir_backend_passed_over{pool=\"p\",backend=\"gone:80\"} 0\n",
        "weir_backend_slow_start_active{pool=\"p\",backend=\"a\"} 1\n",
        "weir_backend_slow_start_active{pool=\"p\",backend=\"gone:80\"} 0\n",
        "weir_backend_in_flight_sessions{pool=\"p\",backend=\"a\"} 2\n",
        "weir_backend_sessions_total{pool=\"p\",backend=\"a\"} 11\n",
        "weir_backend_connect_attempts_total{pool=\"p\",backend=\"a\"} 12\n",
        "weir_backend_connect_failures_total{pool=\"p\",backend=\"a\"} 1\n",
        "weir_backend_upload_bytes_total{pool=\"p\",backend=\"a\"} 100\n",
        "weir_backend_download_bytes_total{pool=\"p\",backend=\"a\"} 200\n",
        "weir_pool_healthy_backends{pool=\"p\"} 1\n",
        "weir_pool_panic_active{pool=\"p\"} 1\n",
        "weir_pool_waiting_sessions{pool=\"p\"} 3\n",
        "weir_pool_retries_total{pool=\"p\"} 21\n",
        "weir_pool_retries_denied_total{pool=\"p\"} 22\n",
        "weir_pool_queued_total{pool=\"p\"} 23\n",
        "weir_pool_queue_refused_total{pool=\"p\"} 24\n",
        "weir_pool_queue_timeouts_total{pool=\"p\"} 25\n",
        "weir_pool_queue_left_total{pool=\"p\"} 26\n",
        "weir_pool_queue_wait_microseconds_total{pool=\"p\"} 27\n",
        "weir_pool_fallbacks_total{pool=\"p\"} 28\n",
        "weir_backend_state{pool=\"p\",backend=\"gone:80\",state=\"down\"} 1\n",
        "weir_backend_connect_microseconds{pool=\"p\",backend=\"a\"} 310\n",
        "weir_backend_early_resets_total{pool=\"p\",backend=\"a\"} 13\n",
        "weir_backend_ejections_total{pool=\"p\",backend=\"a\"} 14\n",
        "weir_backend_checks_passed_total{pool=\"p\",backend=\"a\"} 15\n",
        "weir_backend_checks_failed_total{pool=\"p\",backend=\"a\"} 16\n",
        "weir_backend_checks_not_made_total{pool=\"p\",backend=\"a\"} 17\n",
        "weir_source_ports_held{pool=\"p\",backend=\"a\",source=\"10.0.0.5\"} 41\n",
        "weir_source_ports_held{pool=\"p\",backend=\"a\",source=\"client\"} 48\n",
        "weir_source_ports_dry_total{pool=\"p\",backend=\"a\",source=\"10.0.0.5\"} 42\n",
        "weir_source_missing_total{pool=\"p\",backend=\"a\",source=\"10.0.0.5\"} 43\n",
        "weir_source_ports_time_wait{pool=\"p\",backend=\"a\",source=\"10.0.0.5\"} 44\n",
        "weir_source_ports_usable{pool=\"p\",backend=\"a\",source=\"10.0.0.5\"} 46\n",
        "weir_backend_warm_connections{pool=\"p\",backend=\"a\"} 18\n",
        "weir_backend_warm_used_total{pool=\"p\",backend=\"a\"} 19\n",
        "weir_backend_warm_given_up_total{pool=\"p\",backend=\"a\"} 20\n",
        "weir_backend_warm_failed_total{pool=\"p\",backend=\"a\"} 21\n",
        "weir_accept_queue_depth{listener=\"web\",address=\"10.0.0.9:80\",worker=\"0\"} 7\n",
        "weir_accept_queue_drops_total{listener=\"web\",address=\"10.0.0.9:80\",worker=\"0\"} 3\n",
        "weir_accept_queue_limit{listener=\"web\",address=\"10.0.0.9:80\",worker=\"1\"} 128\n",
        "weir_clients_tarpitted{limits=\"listeners.web.limits\"} 1\n",
        "weir_clients_remembered{limits=\"listeners.web.limits\"} 2\n",
        "weir_clients_remembered_max{limits=\"limits.all\"} 0\n",
        "weir_connections_unlimited_total{limits=\"listeners.web.limits\"} 3\n",
        "weir_kernel_drop_active{listener=\"web\"} 0\n",
        "weir_kernel_syncookies_sent_total 55\n",
        "weir_kernel_listen_drops_total 0\n",
        "weir_syn_flood_active 1\n",
        "weir_accept_overflow_active 0\n",
        "weir_process_connections 3\n",
        "weir_process_max_connections 100\n",
        "weir_process_max_connections_asked 200\n",
        "weir_process_draining 0\n",
        "weir_log_lines_lost_total 4\n",
        "weir_worker_sessions_open{worker=\"3\"} 2\n",
        "weir_worker_sessions_total{worker=\"3\"} 20\n"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + line));
  }
  EXPECT_EQ(text.find("weir_source_ports_usable{pool=\"p\",backend=\"a\",source=\"client\"}"),
            std::string::npos)
      << "there is no such number";
  EXPECT_EQ(text.find("weir_kernel_listen_overflows_total"), std::string::npos)
      << "this kernel does not count it";
  server::ProcessStatus draining = a_status();
  draining.draining = true;
  EXPECT_THAT(metrics_text(draining), HasSubstr("\nweir_process_draining 1\n"));
}

TEST(MetricsText, HasASampleForEveryCloseReason) {
  const std::string text = metrics_text(a_status());
  for (const std::string_view reason : session::kCloseReasonWords) {
    EXPECT_THAT(text, HasSubstr("weir_sessions_closed_total{listener=\"web\",reason=\"" +
                                std::string(reason) + "\"} "));
  }
}

TEST(BackendsJson, SaysWhatTheStatusSaysAndStaysValid) {
  const auto document = nlohmann::json::parse(backends_json(a_status()));
  const auto& backends = document.at("pools").at(0).at("backends");
  nlohmann::json pool = document.at("pools").at(0);
  pool.erase("backends");
  const nlohmann::json expected_pool{{"name", "p"},
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
                                     {"names", nlohmann::json::array()}};
  EXPECT_EQ(pool, expected_pool);
  const nlohmann::json expected{{"name", "a"},
                                {"address", "10.0.0.1:80"},
                                {"weight", 5},
                                {"weight_ratio", 0.4},
                                {"backup", true},
                                {"state", "up"},
                                {"passed_over", true},
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

server::NameStatus a_name() {
  server::NameStatus name;
  name.name = "app";
  name.asked = "app.internal";
  name.addresses = {*base::parse_address("10.0.0.1:80"), *base::parse_address("[2001:db8::1]:80")};
  name.age = base::Millis(12'900);
  name.next_question = base::Millis(700);
  name.answers = 31;
  name.failures = 32;
  return name;
}

TEST(BackendsJson, SaysHowEachNameStands) {
  server::ProcessStatus status = a_status();
  status.pools[0].names = {a_name(), a_name()};
  server::NameStatus& failing = status.pools[0].names[1];
  failing.name = "new";
  failing.is_service = true;
  failing.addresses.clear();
  failing.age.reset();
  failing.error = "it failed";
  failing.notes = {"port 0"};
  const auto names = nlohmann::json::parse(backends_json(status)).at("pools").at(0).at("names");
  const nlohmann::json expected{{"name", "app"},
                                {"asked", "app.internal"},
                                {"type", "a"},
                                {"addresses", {"10.0.0.1:80", "[2001:db8::1]:80"}},
                                {"last_answer_ms_ago", 12'900},
                                {"next_question_in_ms", 700},
                                {"answers_total", 31},
                                {"failures_total", 32}};
  EXPECT_EQ(names.at(0), expected);
  EXPECT_EQ(names.at(1).at("type"), "srv");
  EXPECT_EQ(names.at(1).at("addresses"), nlohmann::json::array());
  EXPECT_EQ(names.at(1).at("last_answer_ms_ago"), nullptr);
  EXPECT_EQ(names.at(1).at("error"), "it failed");
  EXPECT_EQ(names.at(1).at("notes"), nlohmann::json{"port 0"});
}

TEST(MetricsText, CountsAnswersAndKnowsNoAgeOfNone) {
  server::ProcessStatus status = a_status();
  status.pools[0].names = {a_name(), a_name()};
  status.pools[0].names[1].name = "new";
  status.pools[0].names[1].age.reset();
  const std::string text = metrics_text(status);
  EXPECT_THAT(text, HasSubstr("weir_resolve_answers_total{pool=\"p\",name=\"app\"} 31\n"));
  EXPECT_THAT(text, HasSubstr("weir_resolve_failures_total{pool=\"p\",name=\"app\"} 32\n"));
  EXPECT_THAT(text, HasSubstr("weir_resolve_addresses{pool=\"p\",name=\"app\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("weir_resolve_age_seconds{pool=\"p\",name=\"app\"} 12\n"));
  EXPECT_THAT(text, Not(HasSubstr("weir_resolve_age_seconds{pool=\"p\",name=\"new\"}")));
  EXPECT_THAT(metrics_text(a_status()), Not(HasSubstr("weir_resolve"))) << "there is no name";
}

TEST(BackendsJson, OfNoPoolsIsAnEmptyList) {
  EXPECT_EQ(nlohmann::json::parse(backends_json({})), (nlohmann::json{{"pools", nlohmann::json::array()}}));
}

TEST(RefusalsJson, TellsWhoWasTurnedAwayAndWhy) {
  server::ProcessStatus status;
  server::RefusalStatus refusal;
  refusal.listener = "web";
  refusal.client = *base::parse_address("192.0.2.7:4711");
  refusal.reason = "client_rate";
  status.refusals.push_back(refusal);
  const auto document = nlohmann::json::parse(refusals_json(status));
  ASSERT_EQ(document["refusals"].size(), 1u);
  const auto& told = document["refusals"][0];
  EXPECT_EQ(told["time"], "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(told["listener"], "web");
  EXPECT_EQ(told["client"], "192.0.2.7:4711");
  EXPECT_EQ(told["reason"], "client_rate");
  EXPECT_EQ(told["dry_run"], false);
}

TEST(MetricsText, TellsWhatProxiesSayWhereTheyAreAsked) {
  server::ProcessStatus status = a_status();
  EXPECT_EQ(metrics_text(status).find("weir_proxy_header"), std::string::npos) << "nobody is asked";
  server::ListenerStatus& web = status.listeners[0];
  web.asks_proxies = true;
  web.proxy_headers[static_cast<std::size_t>(session::ProxyNews::kClient)] = 41;
  web.proxy_faults[static_cast<std::size_t>(wire::ProxyFault::kChecksum)] = 3;
  const std::string text = metrics_text(status);
  EXPECT_THAT(text, HasSubstr("weir_proxy_headers_total{listener=\"web\",says=\"client\"} 41\n"));
  EXPECT_THAT(text, HasSubstr("weir_proxy_headers_total{listener=\"web\",says=\"none\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("weir_proxy_header_faults_total{listener=\"web\",reason=\"checksum\"} 3\n"));
  EXPECT_EQ(text.find("weir_proxy_headers_total{listener=\"q"), std::string::npos) << "that one does not ask";
}

}  // namespace
}  // namespace weir::admin
