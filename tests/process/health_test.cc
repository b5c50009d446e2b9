// Checks of backends by the running binary: what makes them down and up, what is told of it, and what becomes
// of sessions meanwhile.
#include <gtest/gtest.h>

#include "support/asking.h"
#include "support/checked_backend.h"
#include "support/parallel.h"
#include "support/pool_facts.h"

namespace weir::test {
namespace {

// Quick to find out, and slow to be wrong on a busy machine.
const std::string kPace = "interval = \"500ms\"\ntimeout = \"500ms\"\n";

std::string http_check(const std::string& lines = "") {
  return "[pools.web.health]\ntype = \"http\"\n" + kPace + lines + "http = { path = \"/alive\" }\n";
}

std::string tcp_check(const std::string& lines = "") {
  return "[pools.web.health]\ntype = \"tcp\"\n" + kPace + lines;
}

Configuration pool_of(const std::vector<const CheckedBackend*>& backends, const std::string& tables) {
  Configuration configuration;
  configuration.workers = 2;
  for (const CheckedBackend* one : backends) {
    configuration.backends.push_back(entry(one->address(), one->name()));
  }
  configuration.rest = tables;
  return configuration;
}

// Down with a reason that has `because` in it; told in the log and at the admin door.
void expect_down(const WeirProcess& weir, const std::string& backend, const std::string& because) {
  const LogLine down = wait_for_event_of(weir, "backend_down", backend);
  EXPECT_EQ(down.level, "warning");
  EXPECT_EQ(down.text("pool"), "web");
  EXPECT_EQ(down.text("state"), "down");
  EXPECT_NE(down.text("reason").find(because), std::string::npos) << down.text("reason");
  const BackendFacts facts = facts_of(weir, backend);
  EXPECT_EQ(facts.state, "down");
  EXPECT_NE(facts.state_reason.find(because), std::string::npos) << facts.state_reason;
}

TEST(HttpCheck, TakesABackendDownByItsStatusAfterFallAndUpAfterRise) {
  CheckedBackend a("a");
  CheckedBackend b("b");
  const WeirProcess weir(pool_of({&a, &b}, http_check("fall = 3\nrise = 2\n")));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").checks_passed > 0; }));
  EXPECT_TRUE(weir.events("backend_up").empty()) << "it was up before";

  a.answer_checks(kHttpUnavailable);
  expect_down(weir, "a", "status 503, expected 2xx");
  EXPECT_GE(facts_of(weir, "a").checks_failed, 3u);
  EXPECT_EQ(pool_facts(weir).healthy, 1u);
  EXPECT_EQ(ask_in_turn(weir, 20).of("b"), 20u);

  const std::uint64_t passed = facts_of(weir, "a").checks_passed;
  a.answer_checks(kHttpOk);
  const LogLine up = wait_for_event_of(weir, "backend_up", "a");
  EXPECT_EQ(up.number("healthy"), 2u);
  EXPECT_GE(facts_of(weir, "a").checks_passed - passed, 2u);
  EXPECT_EQ(ask_in_turn(weir, 20).of("a"), 10u);
  EXPECT_EQ(events_of(weir, "backend_down", "a").size(), 1u);
  EXPECT_TRUE(events_of(weir, "backend_down", "b").empty());
}

TEST(HttpCheck, AsksForWhatIsConfigured) {
  std::mutex mutex;
  std::string request;
  Backend backend([&](Socket& socket) {
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos) {
      const Received more = socket.receive_some();
      if (more.ended != Ended::kNot) return;
      head += more.bytes;
    }
    socket.send_all("HTTP/1.1 301 Moved\r\nContent-Length: 11\r\n\r\nall is well");
    const std::lock_guard lock(mutex);
    request = head;
  });
  Configuration configuration;
  configuration.backends = {entry(backend.address(), "a")};
  configuration.rest =
      "[pools.web.health]\ntype = \"http\"\ninitial = \"down\"\n" + kPace +
      "http = { path = \"/health?deep=1\", host = \"app.example\", status = [\"2xx\", \"301\"], "
      "body_contains = \"is well\" }\n";
  const WeirProcess weir(configuration);
  ASSERT_TRUE(becomes(weir, "a", "up"));
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(request.starts_with("GET /health?deep=1 HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("\r\nHost: app.example\r\n"), std::string::npos) << request;
}

TEST(HttpCheck, TakesABackendDownWhoseBodySaysSomethingElse) {
  CheckedBackend a("a");
  const WeirProcess weir(pool_of({&a}, "[pools.web.health]\ntype = \"http\"\n" + kPace +
                                           "http = { path = \"/\", body_contains = \"ready\" }\n"));
  expect_down(weir, "a", "the body does not contain \"ready\"");
}

TEST(HttpCheck, TakesABackendDownThatDoesNotAnswer) {
  CheckedBackend a("a");
  const WeirProcess weir(pool_of({&a}, http_check("fall = 2\n")));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").checks_passed > 0; }));
  a.leave_checks_unanswered();
  expect_down(weir, "a", "no answer within 500ms");
  EXPECT_EQ(ask(weir).ended, Ended::kReset);
}

TEST(TcpCheck, TakesABackendDownThatRefuses) {
  const DeadPort port;
  const WeirProcess weir([&] {
    Configuration configuration;
    configuration.backends = {entry(port.address(), "a")};
    configuration.rest = tcp_check();
    return configuration;
  }());
  expect_down(weir, "a", "refused");
  const CheckedBackend a("a", port.address());
  ASSERT_TRUE(becomes(weir, "a", "up"));
  EXPECT_EQ(ask(weir).bytes, "a");
}

TEST(ExchangeCheck, ComparesWhatComesBack) {
  CheckedBackend a("a");
  a.answer_checks("+PONG\r\n");
  const WeirProcess weir(pool_of({&a}, "[pools.web.health]\ntype = \"exchange\"\ninitial = \"down\"\n" +
                                           kPace +
                                           "exchange = { send = \"PING\\r\\n\", expect = \"+PONG\" }\n"));
  ASSERT_TRUE(becomes(weir, "a", "up"));
  a.answer_checks("-LOADING Redis is loading the dataset in memory\r\n");
  expect_down(weir, "a", "-LOADING Redis is loading");
}

TEST(ExchangeCheck, SendsAndExpectsBytesInHexadecimal) {
  Backend a([](Socket& socket) {
    const std::string request("\x00\x00\x00\x08\x04\xd2\x16\x2f", 8);
    socket.send_all(socket.receive(8).bytes == request ? "N" : "?");
  });
  Configuration configuration;
  configuration.backends = {entry(a.address(), "a")};
  configuration.rest = "[pools.web.health]\ntype = \"exchange\"\ninitial = \"down\"\n" + kPace +
                       "exchange = { send = \"00 00 00 08 04 d2 16 2f\", expect = \"4e\", hex = true }\n";
  const WeirProcess weir(configuration);
  EXPECT_TRUE(becomes(weir, "a", "up")) << facts_of(weir, "a").state_reason;
}

TEST(InitiallyDown, NobodyIsSentThereBeforeItsChecksHavePassed) {
  CheckedBackend a("a");
  a.leave_checks_unanswered();
  const WeirProcess weir(pool_of({&a}, http_check("initial = \"down\"\nrise = 2\n")));
  EXPECT_EQ(facts_of(weir, "a").state, "down");
  EXPECT_EQ(ask(weir).ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "no_backend");
  EXPECT_EQ(a.clients(), 0u);
  a.answer_checks(kHttpOk);
  wait_for_event_of(weir, "backend_up", "a");
  EXPECT_GE(facts_of(weir, "a").checks_passed, 2u);
  EXPECT_EQ(ask(weir).bytes, "a");
}

// A backend and where it is checked: another port of the same host, told apart by two addresses of this one.
struct Elsewhere {
  CheckedBackend checks_of_a{"a", address_of("127.0.0.1:0")};
  CheckedBackend checks_of_b{"b", address_of("127.0.0.2:" + std::to_string(checks_of_a.address().port()))};

  std::string table() const {
    return http_check("port = " + std::to_string(checks_of_a.address().port()) + "\n");
  }
};

TEST(CheckPort, IsAskedInsteadOfTheBackends) {
  Elsewhere elsewhere;
  CheckedBackend a("a");
  CheckedBackend b("b", address_of("127.0.0.2:0"));
  elsewhere.checks_of_b.answer_checks(kHttpUnavailable);
  const WeirProcess weir(pool_of({&a, &b}, elsewhere.table()));
  ASSERT_TRUE(becomes(weir, "b", "down"));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").checks_passed > 0; }));
  EXPECT_EQ(facts_of(weir, "a").state, "up");
  EXPECT_EQ(ask_in_turn(weir, 10).of("a"), 10u);
  EXPECT_EQ(a.accepted(), 10u) << "checks come to another port";
  EXPECT_EQ(b.accepted(), 0u);
}

TEST(SlowCheck, PassesWhileItIsFasterThanItsTimeout) {
  Backend a([](Socket& socket) {
    if (socket.receive_some().ended != Ended::kNot) return;
    observe_for(Millis(100));  // the time that it takes
    socket.send_all(kHttpOk);
  });
  Configuration configuration;
  configuration.backends = {entry(a.address(), "a")};
  configuration.rest =
      "[pools.web.health]\ntype = \"http\"\ninitial = \"down\"\ninterval = \"2s\"\n"
      "timeout = \"2s\"\nhttp = { path = \"/\" }\n";
  const WeirProcess weir(configuration);
  EXPECT_TRUE(becomes(weir, "a", "up")) << facts_of(weir, "a").state_reason;
  EXPECT_EQ(facts_of(weir, "a").checks_failed, 0u);
}

TEST(OnDown, CloseEndsTheSessionsThereAndSaysWhy) {
  CheckedBackend a("a");
  CheckedBackend b("b");
  const WeirProcess weir(pool_of({&a, &b}, http_check() + "[pools.web.sessions]\non_down = \"close\"\n"));
  std::vector<Held> held = hold_at_once(weir, 20);
  ASSERT_EQ(places(held).at("a"), 10u);
  a.answer_checks(kHttpUnavailable);
  for (Held& one : held) {
    if (one.name == "a") {
      EXPECT_EQ(one.socket.receive_until_end().ended, Ended::kReset);
    }
  }
  const auto sessions = weir.wait_for_sessions(10);
  EXPECT_EQ(reasons(sessions), (std::map<std::string, std::size_t>{{"backend_down", 10}}));
  for (const LogLine& session : sessions) EXPECT_EQ(session.text("backend"), "a");
  for (const Held& one : held) {
    if (one.name == "b") {
      EXPECT_FALSE(one.socket.readable_now());
    }
  }
}

TEST(OnDown, WhoIsStillConnectingThereGoesOnElsewhere) {
  Elsewhere elsewhere;
  const DeafListener deaf;
  CheckedBackend b("b", address_of("127.0.0.2:0"));
  Configuration configuration =
      pool_of({&b}, elsewhere.table() + "[pools.web.sessions]\non_down = \"close\"\n");
  configuration.backends.insert(configuration.backends.begin(), entry(deaf.address(), "deaf"));
  configuration.pool = "connect_timeout = \"10m\"\n";
  const WeirProcess weir(configuration);
  std::vector<Socket> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(weir.connect());
    clients.back().send_all("?");
  }
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "deaf").in_flight == 5; }));
  elsewhere.checks_of_a.answer_checks(kHttpUnavailable);
  for (Socket& client : clients) {
    EXPECT_EQ(client.receive_exactly(1), "b");
    client.end_stream();
    EXPECT_EQ(client.receive_until_end().ended, Ended::kEndOfStream);
  }
  EXPECT_EQ(reasons(weir.wait_for_sessions(10)), (std::map<std::string, std::size_t>{{"client_end", 10}}));
}

TEST(OnDown, DrainLeavesSessionsTheirTimeAndThenEndsThem) {
  CheckedBackend a("a");
  const WeirProcess weir(pool_of({&a}, http_check() + "[pools.web.sessions]\non_down = \"drain 3s\"\n"));
  Held held = hold(weir);
  const auto before = Clock::now();
  a.answer_checks(kHttpUnavailable);
  wait_for_event_of(weir, "backend_down", "a");
  EXPECT_EQ(held.socket.receive_until_end().ended, Ended::kReset);
  EXPECT_GE(Clock::now() - before, Millis(3000)) << "it was not left its time";
  EXPECT_EQ(weir.wait_for_session().text("reason"), "backend_down");
}

TEST(OnDown, DrainIsCalledOffWhenTheBackendComesBackInTime) {
  CheckedBackend a("a");
  const WeirProcess weir(
      pool_of({&a}, http_check("rise = 1\n") + "[pools.web.sessions]\non_down = \"drain 30s\"\n"));
  Held held = hold(weir);
  a.answer_checks(kHttpUnavailable);
  wait_for_event_of(weir, "backend_down", "a");
  a.answer_checks(kHttpOk);
  wait_for_event_of(weir, "backend_up", "a");
  EXPECT_FALSE(held.socket.readable_now());
  EXPECT_EQ(facts_of(weir, "a").in_flight, 1u);
}

TEST(OnDown, KeepLeavesSessionsAlone) {
  Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address(), "a")};
  // Nobody answers so.
  configuration.rest =
      "[pools.web.health]\ntype = \"exchange\"\n" + kPace +
      "exchange = { send = \"a\", expect = \"b\" }\n[pools.web.sessions]\non_down = \"keep\"\n";
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all("1");
  ASSERT_EQ(client.receive_exactly(1), "1");
  ASSERT_TRUE(becomes(weir, "a", "down"));
  observe_for(Millis(600));  // several looks of whoever would close it
  client.send_all("2");
  EXPECT_EQ(client.receive_exactly(1), "2");
}

TEST(Panic, AllAreUsedWhileTooFewAreHealthyAndThatIsTold) {
  CheckedBackend a("a");
  CheckedBackend b("b");
  a.answer_checks(kHttpUnavailable);
  b.answer_checks(kHttpUnavailable);
  Configuration configuration = pool_of({&a, &b}, http_check());
  configuration.pool = "panic_threshold = 0.6\n";
  const WeirProcess weir(configuration);
  ASSERT_TRUE(becomes(weir, "a", "down"));
  ASSERT_TRUE(becomes(weir, "b", "down"));
  const auto began = weir.wait_for_event("pool_panic");
  ASSERT_TRUE(began.has_value());
  EXPECT_EQ(began->level, "warning");
  EXPECT_EQ(began->text("pool"), "web");
  EXPECT_EQ(began->text("change"), "began");
  EXPECT_TRUE(pool_facts(weir).panic);
  EXPECT_EQ(weir.admin().sum("weir_pool_panic_active"), 1u);
  const Tally tally = ask_in_turn(weir, 20);
  EXPECT_EQ(tally.of("a"), 10u);
  EXPECT_EQ(tally.of("b"), 10u);

  a.answer_checks(kHttpOk);
  b.answer_checks(kHttpOk);
  ASSERT_TRUE(eventually([&] { return weir.events("pool_panic").size() == 2; }));
  EXPECT_EQ(weir.events("pool_panic").back().text("change"), "ended");
  EXPECT_FALSE(pool_facts(weir).panic);
}

TEST(Panic, SessionsThatWereSentThereInPanicAreNotEndedByTheCheckThatFailedBefore) {
  CheckedBackend a("a");
  Configuration configuration =
      pool_of({&a}, http_check() + "[pools.web.sessions]\non_down = \"drain 2s\"\n");
  configuration.pool = "panic_threshold = 1.0\n";
  const WeirProcess weir(configuration);
  Held before = hold(weir);
  a.answer_checks(kHttpUnavailable);
  wait_for_event_of(weir, "backend_down", "a");
  ASSERT_TRUE(weir.wait_for_event("pool_panic").has_value());
  Held in_panic = hold(weir);
  ASSERT_EQ(in_panic.name, "a");
  EXPECT_EQ(before.socket.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "backend_down");
  observe_for(Millis(600));  // several looks of whoever would close the other one
  EXPECT_FALSE(in_panic.socket.readable_now());
  EXPECT_EQ(facts_of(weir, "a").in_flight, 1u);
}

TEST(SlowStart, GivesABackendThatIsBackASmallShareAtFirst) {
  CheckedBackend a("a");
  CheckedBackend b("b");
  b.answer_checks(kHttpUnavailable);
  Configuration configuration = pool_of({&a, &b}, http_check());
  configuration.pool = "slow_start = \"5m\"\n";
  const WeirProcess weir(configuration);
  EXPECT_EQ(facts_of(weir, "a").state, "up");
  ASSERT_TRUE(becomes(weir, "b", "down"));
  b.answer_checks(kHttpOk);
  ASSERT_TRUE(becomes(weir, "b", "up"));
  // A tenth of its weight until 30 s have passed: 1 of 11.
  const Tally tally = ask_at_once(weir, 110);
  EXPECT_GE(tally.of("b"), 5u);
  EXPECT_LE(tally.of("b"), 25u);
  EXPECT_EQ(tally.failed(), 0u);
}

TEST(SlowStart, EndsWithTheFullShare) {
  CheckedBackend a("a");
  CheckedBackend b("b");
  b.answer_checks(kHttpUnavailable);
  Configuration configuration = pool_of({&a, &b}, http_check());
  configuration.pool = "slow_start = \"500ms\"\n";
  const WeirProcess weir(configuration);
  ASSERT_TRUE(becomes(weir, "b", "down"));
  b.answer_checks(kHttpOk);
  ASSERT_TRUE(becomes(weir, "b", "up"));
  EXPECT_TRUE(eventually([&] { return ask_in_turn(weir, 20).of("b") == 10; }));
}

class StateInTheConfiguration : public testing::TestWithParam<const char*> {};

TEST_P(StateInTheConfiguration, KeepsNewSessionsAway) {
  CheckedBackend a("a");
  CheckedBackend b("b");
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry_with(a.address(), "a", "state = \"" + std::string(GetParam()) + "\""),
                            entry(b.address(), "b")};
  const WeirProcess weir(configuration);
  EXPECT_EQ(facts_of(weir, "a").state, GetParam());
  EXPECT_EQ(ask_at_once(weir, 40).of("b"), 40u);
  EXPECT_EQ(a.clients(), 0u);
  EXPECT_EQ(pool_facts(weir).healthy, 1u);
}

INSTANTIATE_TEST_SUITE_P(Of, StateInTheConfiguration, testing::Values("drain", "maintenance"),
                         [](const auto& test) { return std::string(test.param); });

// The stop begins while a check is under way and lasts longer than its timeout. Two cases: the answer comes
// during the stop, and it comes when Weir goes on.
class LongStop : public testing::TestWithParam<bool> {};

TEST_P(LongStop, BlamesNoBackendForIt) {
  const bool answers_during_stop = GetParam();
  CheckedBackend a("a");
  WeirProcess weir(
      pool_of({&a},
              "[pools.web.health]\ntype = \"http\"\ninterval = \"1500ms\"\ntimeout = \"1500ms\"\n"
              "fall = 1\nhttp = { path = \"/\" }\n"));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").checks_passed > 0; }));
  a.leave_checks_unanswered();
  const std::size_t before = a.checks();
  ASSERT_TRUE(eventually([&] { return a.checks() > before; }));
  weir.child().freeze();
  if (answers_during_stop) a.answer_checks(kHttpOk);
  observe_for(Millis(2'000));  // the stop
  weir.child().go_on();
  a.answer_checks(kHttpOk);

  const std::uint64_t passed = facts_of(weir, "a").checks_passed;
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").checks_passed > passed; }));
  EXPECT_EQ(facts_of(weir, "a").checks_failed, 0u);
  EXPECT_TRUE(weir.events("backend_down").empty());
}

INSTANTIATE_TEST_SUITE_P(TheAnswerComes, LongStop, testing::Values(true, false),
                         [](const auto& test) { return test.param ? "DuringTheStop" : "AfterTheStop"; });

}  // namespace
}  // namespace weir::test
