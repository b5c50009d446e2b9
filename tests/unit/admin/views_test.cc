#include "admin/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "unit/admin/a_status.h"

namespace weir::admin {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

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
  const std::string sample = "[a-z_]+(\\{" + label + "(," + label + ")*\\})? [0-9]+(\\.[0-9]+)?";
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
      EXPECT_THAT(family, MatchesRegex("(weir|process)_[a-z]+(_[a-z]+)*"));
      EXPECT_TRUE(families.insert(family).second) << family << " is there twice";
      EXPECT_GT(line.size(), 8 + family.size()) << "no help";
      EXPECT_TRUE(line.ends_with('.')) << line;
      type.clear();
      in_family = 0;
    } else if (line.starts_with("# TYPE ")) {
      EXPECT_EQ(line.find("# TYPE " + family + " "), 0u) << line;
      type = line.substr(8 + family.size());
      EXPECT_EQ(type == "counter", family.ends_with("_total")) << line;
      EXPECT_TRUE(type == "counter" || type == "gauge" || type == "histogram") << line;
    } else {
      ASSERT_THAT(line, MatchesRegex(sample));
      const std::string name = line.substr(0, line.find_first_of("{ "));
      EXPECT_TRUE(type == "histogram" ? name.starts_with(family + "_") : name == family) << line;
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
        "weir_pool_queue_wait_seconds_total{pool=\"p\"} 0.000027\n",
        "weir_pool_fallbacks_total{pool=\"p\"} 28\n",
        "weir_backend_state{pool=\"p\",backend=\"gone:80\",state=\"down\"} 1\n",
        "weir_backend_connect_seconds{pool=\"p\",backend=\"a\"} 0.00031\n",
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
        "weir_worker_sessions_total{worker=\"3\"} 20\n",
        "weir_worker_retired{worker=\"0\"} 0\n",
        "weir_worker_retired{worker=\"3\"} 1\n",
        "weir_worker_turn_seconds_bucket{worker=\"3\",le=\"0.00005\"} 5\n",
        "weir_worker_turn_seconds_bucket{worker=\"3\",le=\"1\"} 12\n",
        "weir_worker_turn_seconds_bucket{worker=\"3\",le=\"+Inf\"} 14\n",
        "weir_worker_turn_seconds_sum{worker=\"3\"} 2.5\n",
        "weir_worker_turn_seconds_count{worker=\"3\"} 14\n",
        "weir_worker_turn_seconds_count{worker=\"0\"} 0\n",
        "weir_worker_turn_age_seconds{worker=\"3\"} 0.0015\n",
        "weir_session_duration_seconds_bucket{listener=\"web\",le=\"0.01\"} 0\n",
        "weir_session_duration_seconds_bucket{listener=\"web\",le=\"0.1\"} 27\n",
        "weir_session_duration_seconds_sum{listener=\"web\"} 1.35\n",
        "weir_pool_connect_seconds_bucket{pool=\"p\",le=\"0.0001\"} 9\n",
        "weir_pool_connect_seconds_bucket{pool=\"p\",le=\"10\"} 9\n",
        "weir_pool_connect_seconds_count{pool=\"p\"} 10\n",
        "weir_pool_connect_seconds_sum{pool=\"p\"} 12.0009\n",
        "process_open_fds 12\n",
        "process_max_fds 1024\n",
        "process_resident_memory_bytes 4096\n",
        "weir_process_memory_limit_bytes 8192\n",
        "process_cpu_seconds_total 3.000001\n",
        "process_start_time_seconds 1764468000.25\n"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + line));
  }
  EXPECT_EQ(text.find("weir_source_ports_usable{pool=\"p\",backend=\"a\",source=\"client\"}"),
            std::string::npos)
      << "there is no such number";
  EXPECT_EQ(text.find("weir_kernel_listen_overflows_total"), std::string::npos)
      << "this kernel does not count it";
  EXPECT_THAT(text, HasSubstr("weir_build_info{version=\""));
  server::ProcessStatus draining = a_status();
  draining.draining = true;
  EXPECT_THAT(metrics_text(draining), HasSubstr("\nweir_process_draining 1\n"));
}

// One with sessions still, at an address that its name has no more, beside the one that has the name now.
TEST(MetricsText, HasEachSeriesOnceWhereTwoBackendsHaveOneName) {
  server::ProcessStatus status = a_status();
  server::BackendStatus left = status.pools[0].backends[0];
  ASSERT_EQ(left.name, "a");
  ASSERT_FALSE(left.sources.empty());
  left.sessions += 1000;
  status.pools[0].backends.push_back(left);
  EXPECT_EQ(metrics_text(status), metrics_text(a_status()));
}

TEST(MetricsText, HasASampleForEveryCloseReason) {
  const std::string text = metrics_text(a_status());
  for (const std::string_view reason : session::kCloseReasonWords) {
    EXPECT_THAT(text, HasSubstr("weir_sessions_closed_total{listener=\"web\",reason=\"" +
                                std::string(reason) + "\"} "));
  }
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
