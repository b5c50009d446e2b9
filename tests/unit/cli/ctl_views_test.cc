#include "cli/ctl_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "admin/json_views.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

// What the door shows, as ctl gets it.
Json as_sent(const admin::Json& document) { return Json::parse(admin::json_text(document)); }

server::ProcessStatus status() {
  server::ProcessStatus status;
  status.version = "1.2.3";
  status.pid = 42;
  status.started = std::chrono::system_clock::now() - std::chrono::hours(2);
  status.log_level = "info";
  status.connections = 12;
  status.max_connections = 9900;
  server::ListenerStatus& listener = status.listeners.emplace_back();
  listener.name = "web";
  listener.pool = "site";
  listener.addresses = {*base::parse_address("127.0.0.1:80"), *base::parse_address("[::1]:80")};
  listener.open = 12;
  listener.accepted = 34567;
  listener.refused[0] = 2;
  listener.refused[1] = 3;
  server::PoolStatus& pool = status.pools.emplace_back();
  pool.name = "site";
  pool.healthy = 1;
  for (const char* name : {"a", "b"}) {
    server::BackendStatus& backend = pool.backends.emplace_back();
    backend.name = name;
    backend.address = *base::parse_address("10.0.0.1:80");
    backend.in_flight = 6;
  }
  pool.backends[0].most_sessions = 100;
  pool.backends[1].state = pool::BackendState::kDown;
  pool.backends[1].state_reason = "connection refused";
  return status;
}

TEST(CtlViews, AnOverviewIsThereAtAGlance) {
  const auto now = status();
  const std::string text =
      overview_text(as_sent(admin::process_json(now)), as_sent(admin::listeners_json(now)),
                    as_sent(admin::pools_json(now)), Colours::kNone);
  EXPECT_THAT(text, HasSubstr("weir 1.2.3   process 42   serving for 2 h 0 min   connections 12 of 9 900"));
  EXPECT_THAT(text, HasSubstr("web       127.0.0.1:80,[::1]:80  site    12    34 567        5"));
  EXPECT_THAT(text, HasSubstr("site      1/2    12"));
  EXPECT_THAT(text, HasSubstr("6/100"));
  EXPECT_THAT(text, HasSubstr("connection refused"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("flood")));
}

TEST(CtlViews, PoolsSayHowManyBackendsAreWellAndWhoWaits) {
  auto now = status();
  server::PoolStatus& pool = now.pools[0];
  pool.waiting = 3;
  pool.retries = 21;
  pool.retries_denied = 1;
  pool.queue_refused = 2;
  pool.fallbacks = 5;
  server::PoolStatus& gone = now.pools.emplace_back();
  gone.name = "gone";
  gone.backends = now.pools[0].backends;
  gone.panic = true;
  EXPECT_EQ(pools_text(as_sent(admin::pools_json(now)), Colours::kNone),
            "POOL  HEALTHY  OPEN  WAITING  RETRIES  DENIED  QUEUE FULL  TO FALLBACK\n"
            "site      1/2    12        3       21       1           2            5\n"
            "gone      0/2    12        0        0       0           0            0  panic: all are used\n");
  const std::string coloured = pools_text(as_sent(admin::pools_json(now)), Colours::kTerminal);
  EXPECT_THAT(coloured, HasSubstr("\x1b[33m1/2\x1b[0m"));
  EXPECT_THAT(coloured, HasSubstr("\x1b[31m0/2\x1b[0m"));
}

TEST(CtlViews, ProcessesSayHowLongThoseOfBeforeKeepTheirSessions) {
  auto now = status();
  now.started = std::chrono::system_clock::time_point();
  server::PredecessorStatus until;
  until.pid = 41;
  until.drains_until = std::chrono::system_clock::time_point(std::chrono::hours(1));
  server::PredecessorStatus forever;
  forever.pid = 7;
  now.predecessors = {until, forever};
  EXPECT_EQ(processes_text(as_sent(admin::processes_json(now)), Colours::kNone),
            "PROCESS  STATE    SINCE                     KEEPS ITS SESSIONS UNTIL\n"
            "     42  serving  1970-01-01T00:00:00.000Z\n"
            "     41  retired  1970-01-01T00:00:00.000Z  1970-01-01T01:00:00.000Z\n"
            "      7  retired  1970-01-01T00:00:00.000Z  they end\n");
  EXPECT_THAT(processes_text(as_sent(admin::processes_json(now)), Colours::kTerminal),
              HasSubstr("\x1b[33mretired\x1b[0m"));
}

TEST(CtlViews, ClientsSayWhatEachHasAndHowManyThereAre) {
  session::SurveyFindings found;
  session::ClientSum client;
  client.client = *base::parse_address("203.0.113.7:0");
  client.sessions = 1'200;
  client.upload_bytes = 2'048;
  client.download_bytes = 3;
  client.oldest = std::chrono::seconds(185);
  found.clients = {client};
  found.distinct_clients = 30;
  found.matching = 4'000;
  EXPECT_EQ(clients_text(as_sent(admin::clients_json(found)), Colours::kNone),
            "CLIENT       SESSIONS       UP  DOWN     OLDEST\n"
            "203.0.113.7     1 200  2.0 KiB   3 B  3 min 5 s\n"
            "1 of 30 clients, 4 000 sessions\n");
  EXPECT_EQ(clients_text(as_sent(admin::clients_json({})), Colours::kNone), "no client\n");
}

TEST(CtlViews, WhatIsDownIsRedAtATerminal) {
  EXPECT_THAT(backends_text(as_sent(admin::pools_json(status())), "", Colours::kTerminal),
              HasSubstr("\x1b[31mdown\x1b[0m"));
}

TEST(CtlViews, BackendsOfOnePoolOnly) {
  auto two = status();
  two.pools.push_back(two.pools[0]);
  two.pools[1].name = "other";
  const std::string text = backends_text(as_sent(admin::pools_json(two)), "other", Colours::kNone);
  EXPECT_THAT(text, HasSubstr("other"));
  EXPECT_THAT(text, Not(HasSubstr("site")));
}

session::SurveyFindings findings() {
  session::SurveyFindings found;
  session::SessionView view;
  view.id = 0x1c;
  view.listener = "web";
  view.client = *base::parse_address("203.0.113.7:5555");
  view.server_name = "evil\x1b[2J\n.example";
  view.state = session::SessionState::kRelay;
  view.age = std::chrono::seconds(95);
  found.sessions.push_back(view);
  found.matching = 1;
  return found;
}

TEST(CtlViews, WhatAStrangerHasWrittenCannotMoveTheTerminal) {
  const std::string text = sessions_text(as_sent(admin::sessions_json(findings(), {})), Colours::kTerminal);
  EXPECT_THAT(text, Not(HasSubstr("\x1b[2J")));
  EXPECT_THAT(text, HasSubstr("evil\\x1b[2J"));
  session::SessionDetail detail;
  detail.view = findings().sessions[0];
  EXPECT_THAT(session_text(as_sent(admin::session_json(detail)), Colours::kNone), Not(HasSubstr("\x1b")));
}

std::string text_of(const session::SessionDetail& detail) {
  return session_text(as_sent(admin::session_json(detail)), Colours::kNone);
}

TEST(CtlViews, ASessionSaysHowItHasComeToItsBackend) {
  session::SessionDetail detail;
  detail.view = findings().sessions[0];
  detail.view.pool = "spare";
  detail.view.backend = "b";
  detail.listener_pool = "site";
  detail.first_pool = "api";
  detail.attempts = 3;
  detail.failed_backend = "a";
  detail.connect_error = ECONNREFUSED;
  detail.choice = pool::Choice::kBackup;
  detail.connect_time = base::Micros(1'249);
  detail.alpn = "h2";
  const std::string text = text_of(detail);
  EXPECT_THAT(text, HasSubstr("\nspeaks          h2\n"));
  EXPECT_THAT(text,
              HasSubstr("\npool            spare\n"
                        "backend         b\n"
                        "why             a route of listener \"web\" led to pool \"api\"\n"
                        "                an attempt at \"a\" had failed: Connection refused\n"
                        "                pool \"api\" had no connection for it: \"spare\" is a fallback of "
                        "that one\n"
                        "                it is a backup, and no other backend was usable\n"
                        "attempts        3\n"
                        "connect         1.2 ms\n"));
}

TEST(CtlViews, ASessionShowsItsAttemptsAlsoWhileNoneStands) {
  session::SessionDetail detail;
  detail.view = findings().sessions[0];
  detail.view.state = session::SessionState::kConnect;
  EXPECT_THAT(text_of(detail), Not(HasSubstr("attempts"))) << "it has made none";
  detail.attempts = 2;
  EXPECT_THAT(text_of(detail), HasSubstr("\nattempts        2\n"));
  EXPECT_THAT(text_of(detail), Not(HasSubstr("connect  ")));
}

TEST(CtlViews, ASessionOnAWarmConnectionTookNoConnect) {
  session::SessionDetail detail;
  detail.view = findings().sessions[0];
  detail.attempts = 1;
  detail.was_warm = true;
  detail.connect_time = base::Micros(0);
  EXPECT_THAT(text_of(detail),
              HasSubstr("why             it was given a warm connection\nattempts        1\n"));
  EXPECT_THAT(text_of(detail), Not(HasSubstr("connect  ")));
}

TEST(CtlViews, ASessionShowsWhatItsTimeLimitsHaveLeft) {
  session::SessionDetail detail;
  detail.view = findings().sessions[0];
  detail.view.state = session::SessionState::kLinger;
  detail.deadlines = {{"reset_linger", base::Millis(4'250)}, {"max_lifetime", base::Millis(-1)}};
  EXPECT_THAT(text_of(detail), HasSubstr("state           linger\n"));
  EXPECT_THAT(text_of(detail), HasSubstr("reset_linger    in 4.2 s\nmax_lifetime    due\n"));
}

TEST(CtlViews, APageOfSessionsNamesTheNext) {
  auto found = findings();
  found.matching = 2000;
  const std::string text = sessions_text(as_sent(admin::sessions_json(found, {})), Colours::kNone);
  EXPECT_THAT(text, HasSubstr("000000000000001c  web"));
  EXPECT_THAT(text, HasSubstr("1 min 35 s"));
  EXPECT_THAT(text, HasSubstr("1 of 2 000; the next: --after 000000000000001c\n"));
  EXPECT_EQ(sessions_text(as_sent(admin::sessions_json({}, {})), Colours::kNone), "no session\n");
}

TEST(CtlViews, AReloadSaysWhatItHasChangedOrEveryMistake) {
  server::ReloadReport report;
  report.took = base::Millis(9);
  config::Difference changed;
  changed.path = "pools.web.retries";
  changed.before = "2";
  changed.after = "5";
  config::Difference kept = changed;
  kept.path = "process.user";
  kept.change = config::Change::kRestart;
  config::Difference fresh;
  fresh.path = "pools.mail";
  fresh.is_table = fresh.is_new = true;
  report.differences = {changed, kept, fresh};
  Json done = as_sent(admin::reload_json(report));
  done["done"] = "in force";
  EXPECT_EQ(reload_text(done, Colours::kNone),
            "  pools.web.retries: 2 -> 5\n"
            "  process.user: 2 -> 5 (only a restart brings this about)\n"
            "  pools.mail: new\n"
            "in force, 3 changes in 9 ms\n");
  report.differences.clear();
  report.problems = {{config::Severity::kError, {"weir.toml", 3, 1}, "unknown key"},
                     {config::Severity::kWarning, {}, "odd"}};
  Json refused = as_sent(admin::reload_json(report));
  refused["error"] = "it has errors";
  EXPECT_EQ(reload_text(refused, Colours::kNone),
            "weir.toml:3:1: error: unknown key\nwarning: odd\nit has errors\n");
}

TEST(CtlViews, TheConfigurationSaysWhereItWasWrittenAndKeepsSecrets) {
  config::Setting plain{"pools.web",          "retries", "5", config::Place{"weir.toml", 3, 1}, false,
                        config::Change::kLive};
  config::Setting secret{"admin", "token_file", "\"hidden\"", {}, true, config::Change::kLive};
  const std::string text =
      settings_text(as_sent(admin::configuration_json({plain, secret})), "", Colours::kNone);
  EXPECT_THAT(text, HasSubstr("pools.web.retries  5                       weir.toml:3:1\n"));
  EXPECT_THAT(text, Not(HasSubstr("hidden")));
  EXPECT_EQ(settings_text(as_sent(admin::configuration_json({plain})), "nothing", Colours::kNone), "");
}

TEST(HumanTime, HasTheTwoUnitsThatMatter) {
  EXPECT_EQ(human_time(0), "0 ms");
  EXPECT_EQ(human_time(999), "999 ms");
  EXPECT_EQ(human_time(12'400), "12.4 s");
  EXPECT_EQ(human_time(185'000), "3 min 5 s");
  EXPECT_EQ(human_time(7'500'000), "2 h 5 min");
  EXPECT_EQ(human_time(90'000'000), "1 d 1 h");
}

TEST(CtlViews, NamesStandAloneOneALine) {
  const Json pools = as_sent(admin::pools_json(status()));
  EXPECT_EQ(names_text(pools, "pools", ""), "site\n");
  EXPECT_EQ(names_text(pools, "backends", ""), "a\nb\n");
  EXPECT_EQ(names_text(pools, "backends", "site"), "a\nb\n");
  EXPECT_EQ(names_text(pools, "backends", "other"), "");
  EXPECT_EQ(names_text(as_sent(admin::listeners_json(status())), "listeners", ""), "web\n");
}

}  // namespace
}  // namespace weir::cli
