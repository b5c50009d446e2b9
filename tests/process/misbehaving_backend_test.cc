// Pools of three backends of which one misbehaves: the share of clients that fail by it, and why. A dead
// backend costs none; a hung one at most those that are there until it is found out; one that breaks answers
// off costs those whose answers it broke.
#include <gtest/gtest.h>

#include "support/asking.h"
#include "support/checked_backend.h"
#include "support/parallel.h"
#include "support/peer_process.h"
#include "support/pool_facts.h"

namespace weir::test {
namespace {

constexpr std::size_t kAtOnce = 8;
constexpr std::size_t kEjectAfter = 5;  // the default of consecutive_failures

// Two that do what they should, and the one that the test is about.
struct Good {
  CheckedBackend a{"a"};
  CheckedBackend b{"b"};

  Configuration with(const base::Address& odd, const std::string& tables = "") const {
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry(a.address(), "a"), entry(odd, "odd"), entry(b.address(), "b")};
    configuration.rest = tables;
    return configuration;
  }
};

// Quick to find out, and slow to be wrong on a busy machine.
const std::string kHttpCheck =
    "[pools.web.health]\ntype = \"http\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\n"
    "http = { path = \"/\" }\n";
const std::string kTcpCheck =
    "[pools.web.health]\ntype = \"tcp\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\n";
const std::string kNoOutlier = "[pools.web.outlier]\nconsecutive_failures = 0\n";

void expect_all_served(const Tally& tally, std::size_t count) {
  EXPECT_EQ(tally.failed(), 0u) << tally.failures();
  EXPECT_EQ(tally.served(), count);
}

TEST(ABackendThatRefuses, CostsNoClientAndIsLeftOutAfterFiveFailures) {
  const Good good;
  const DeadPort dead;
  const WeirProcess weir(good.with(dead.address()));

  expect_all_served(ask_in_turn(weir, 60), 60);
  const LogLine ejected = wait_for_event_of(weir, "backend_ejected", "odd");
  EXPECT_EQ(ejected.text("state"), "ejected");
  EXPECT_NE(ejected.text("reason").find("connect_refused"), std::string::npos) << ejected.text("reason");
  EXPECT_EQ(ejected.number("healthy"), 2u);
  EXPECT_EQ(ejected.number("backends"), 3u);
  const BackendFacts odd = facts_of(weir, "odd");
  EXPECT_EQ(odd.state, "ejected");
  EXPECT_EQ(odd.attempts, kEjectAfter) << "it is asked no more once it is left out";

  expect_all_served(ask_at_once(weir, 200, kAtOnce), 200);
  EXPECT_EQ(facts_of(weir, "odd").attempts, kEjectAfter);
  EXPECT_EQ(reasons(weir.wait_for_sessions(260)), (std::map<std::string, std::size_t>{{"client_end", 260}}));
}

TEST(ABackendThatRefuses, CostsNoClientWhenManyMeetItAtOnceAndItIsNeverLeftOut) {
  const Good good;
  const DeadPort dead;
  const WeirProcess weir(good.with(dead.address(), kNoOutlier));
  expect_all_served(ask_at_once(weir, 300, 2 * kAtOnce), 300);
  const BackendFacts odd = facts_of(weir, "odd");
  EXPECT_EQ(odd.state, "up");
  EXPECT_EQ(odd.attempts, 100u) << "its turns";
  EXPECT_EQ(pool_facts(weir).retries, 100u);
}

// Each policy that knows loads finds nobody so idle as the dead.
class MostOfAPoolThatRefuses : public testing::TestWithParam<std::string> {};

TEST_P(MostOfAPoolThatRefuses, CostsNoClient) {
  const CheckedBackend living("living");
  const DeadPort dead[2];
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(dead[0].address(), "dead"), entry(dead[1].address(), "odd"),
                            entry(living.address(), "living")};
  configuration.pool = "policy = \"" + GetParam() + "\"\n";
  const WeirProcess weir(configuration);
  expect_all_served(ask_at_once(weir, 400, kAtOnce), 400);
  // Only one of three may be ejected. The other is passed over.
  EXPECT_LE(facts_of(weir, "dead").attempts, kEjectAfter + 2 * kAtOnce);
  EXPECT_LE(facts_of(weir, "odd").attempts, kEjectAfter + 2 * kAtOnce);
  EXPECT_EQ(pool_facts(weir).retries_denied, 0u);
}

INSTANTIATE_TEST_SUITE_P(Policies, MostOfAPoolThatRefuses,
                         testing::Values("round_robin", "least_connections", "random_two", "fastest",
                                         "source_hash", "first"),
                         [](const auto& one) { return one.param; });

TEST(ABackendThatRefuses, CostsNoClientWhenOnlyABackupIsLeft) {
  const CheckedBackend backup("backup");
  const DeadPort dead[2];
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(dead[0].address(), "dead"), entry(dead[1].address(), "odd"),
                            entry_with(backup.address(), "backup", "backup = true")};
  configuration.pool = "policy = \"least_connections\"\n";
  const WeirProcess weir(configuration);
  expect_all_served(ask_at_once(weir, 400, kAtOnce), 400);
  EXPECT_LE(facts_of(weir, "odd").attempts, kEjectAfter + 2 * kAtOnce);
}

TEST(ABackendThatRefuses, IsGivenAnotherChanceAndThenLeftOutForLonger) {
  const Good good;
  const DeadPort dead;
  const WeirProcess weir(good.with(dead.address(), "[pools.web.outlier]\neject_time = \"2s\"\n"));
  expect_all_served(ask_in_turn(weir, 3 * kEjectAfter), 3 * kEjectAfter);
  wait_for_event_of(weir, "backend_returned", "odd");
  expect_all_served(ask_in_turn(weir, 3 * kEjectAfter), 3 * kEjectAfter);
  const LogLine again = wait_for_event_of(weir, "backend_ejected", "odd", 2);
  // It is so while it fails again before it has stayed for as long as it was out.
  EXPECT_NE(again.text("reason").find("for 4s"), std::string::npos) << again.text("reason");
}

TEST(ABackendThatRefuses, IsFoundByACheckBeforeAnyClientMeetsIt) {
  const Good good;
  const DeadPort dead;
  const WeirProcess weir(good.with(dead.address(), kTcpCheck));
  ASSERT_TRUE(becomes(weir, "odd", "down"));
  expect_all_served(ask_at_once(weir, 100, kAtOnce), 100);
  EXPECT_EQ(facts_of(weir, "odd").attempts, 0u);
}

TEST(APoolThatDies, IsNotMetWithAMultipleOfItsLoadAndSaysSo) {
  const DeadPort dead[3];
  Configuration configuration;
  configuration.workers = 2;
  for (const DeadPort& port : dead) configuration.backends.push_back(entry(port.address()));
  configuration.rest = kNoOutlier;
  const WeirProcess weir(configuration);
  constexpr std::size_t kClients = 600;
  const auto begun = Clock::now();
  const Tally tally = ask_at_once(weir, kClients, kAtOnce);
  const auto seconds =
      static_cast<std::size_t>(std::chrono::ceil<std::chrono::seconds>(Clock::now() - begun).count());
  EXPECT_EQ(tally.failed(), kClients);
  const PoolFacts pool = pool_facts(weir);
  EXPECT_LE(pool.retries, kClients / 2 + 100 + 10 * seconds);
  EXPECT_GE(pool.retries, kClients / 2);
  EXPECT_GT(pool.retries_denied, 0u);
  const std::vector<LogLine> sessions = weir.wait_for_sessions(kClients);
  EXPECT_EQ(reasons(sessions).at("connect_refused"), kClients);
  const auto denied = std::count_if(sessions.begin(), sessions.end(),
                                    [](const LogLine& line) { return line.has("retry_denied"); });
  EXPECT_EQ(static_cast<std::uint64_t>(denied), pool.retries_denied);
  const auto told = weir.wait_for_event("retries_denied");
  ASSERT_TRUE(told);
  EXPECT_EQ(told->text("pool"), "web");
  EXPECT_NE(told->text("reason").find(" retries were denied"), std::string::npos);
}

TEST(ABackendThatSaysNothing, CostsAtMostTheClientsThatAreThereUntilItsChecksFail) {
  const Good good;
  CheckedBackend odd("odd");
  const WeirProcess weir(
      good.with(odd.address(), kHttpCheck + "[pools.web.sessions]\non_down = \"close\"\n"));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "odd").checks_passed > 0; }));
  expect_all_served(ask_at_once(weir, 30, kAtOnce), 30);

  odd.fall_silent();
  // Each of the threads can be stuck there once.
  const Tally until = ask_at_once(weir, 100, kAtOnce);
  EXPECT_LE(until.failed(), kAtOnce);
  EXPECT_EQ(until.failed() + until.served(), 100u);
  const LogLine down = wait_for_event_of(weir, "backend_down", "odd");
  EXPECT_NE(down.text("reason").find("no answer within 500ms"), std::string::npos) << down.text("reason");
  const auto why = reasons(weir.wait_for_sessions(130));
  EXPECT_EQ(why.contains("backend_down") ? why.at("backend_down") : 0, until.failed());

  expect_all_served(ask_at_once(weir, 100, kAtOnce), 100);
}

TEST(ABackendThatAcceptsTooLate, CostsNoClientAndIsLeftOut) {
  const Good good;
  const DeafListener deaf;
  Configuration configuration = good.with(deaf.address());
  configuration.pool = "connect_timeout = \"100ms\"\n";
  const WeirProcess weir(configuration);
  expect_all_served(ask_in_turn(weir, 30), 30);
  EXPECT_EQ(facts_of(weir, "odd").attempts, kEjectAfter);
  EXPECT_EQ(facts_of(weir, "odd").state, "ejected");
  expect_all_served(ask_at_once(weir, 60, kAtOnce), 60);
  EXPECT_EQ(reasons(weir.wait_for_sessions(90)), (std::map<std::string, std::size_t>{{"client_end", 90}}));
}

TEST(ABackendThatAcceptsLate, ServesWhoWaitedForIt) {
  DeafListener deaf;
  Configuration configuration;
  configuration.backends = {entry(deaf.address())};
  configuration.pool = "connect_timeout = \"30s\"\n";
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all("?");
  ASSERT_TRUE(eventually([&] { return facts_of(weir, deaf.address().to_string()).in_flight == 1; }));
  Socket backend = deaf.open().accept();
  EXPECT_EQ(backend.receive_exactly(1), "?");
  backend.send_all("late");
  EXPECT_EQ(client.receive_exactly(4), "late");
}

TEST(ABackendThatResetsAtOnce, CostsAtMostFiveClientsOfThoseThatComeInTurn) {
  const Good good;
  Backend odd([](Socket& socket) { socket.reset(); });
  const WeirProcess weir(good.with(odd.address()));
  const Tally tally = ask_in_turn(weir, 60);
  EXPECT_LE(tally.failed(), kEjectAfter);
  EXPECT_EQ(tally.failed() + tally.served(), 60u);

  const auto why = reasons(weir.wait_for_sessions(60));
  EXPECT_EQ(why.contains("backend_reset") ? why.at("backend_reset") : 0, tally.failed());
  EXPECT_EQ(why.at("client_end"), tally.served());
  const BackendFacts facts = facts_of(weir, "odd");
  EXPECT_EQ(facts.state, "ejected");
  EXPECT_EQ(facts.early_resets, tally.failed());
  EXPECT_GE(facts.early_resets + facts.failures, kEjectAfter)
      << "a reset that meets the connect goes to another backend, and counts as well";
  expect_all_served(ask_at_once(weir, 100, kAtOnce), 100);
}

TEST(ABackendThatResetsAtOnce, StaysWhenResetsAreNotToBeObserved) {
  const Good good;
  // It waits for the question, so that the connect has stood.
  Backend odd([](Socket& socket) {
    socket.receive_some(1);
    socket.reset();
  });
  const WeirProcess weir(good.with(odd.address(), "[pools.web.outlier]\nobserve_resets = false\n"));
  const Tally tally = ask_in_turn(weir, 60);
  EXPECT_EQ(tally.failed(), 20u) << "its turns";
  EXPECT_EQ(tally.served(), 40u);
  EXPECT_EQ(facts_of(weir, "odd").state, "up");
  EXPECT_EQ(facts_of(weir, "odd").ejections, 0u);
}

TEST(ABackendThatResetsAfterSomeBytes, CostsItsTurnsAndNoneOnceItsChecksTell) {
  const Good good;
  Backend odd([](Socket& socket) {
    socket.receive_some(1);
    socket.send_all("HTTP/1.1 200");
    socket.wait_until_delivered();
    socket.reset();
  });
  // Nothing but the check tells it from one whose answers are that long.
  const WeirProcess unchecked(good.with(odd.address()));
  const Tally tally = ask_in_turn(unchecked, 60);
  EXPECT_EQ(tally.failed(), 20u) << "its turns: " << tally.failures();
  EXPECT_EQ(tally.served(), 40u);
  EXPECT_EQ(reasons(unchecked.wait_for_sessions(60)).at("backend_reset"), 20u);
  EXPECT_EQ(facts_of(unchecked, "odd").ejections, 0u);

  const WeirProcess checked(good.with(odd.address(), kHttpCheck));
  const LogLine down = wait_for_event_of(checked, "backend_down", "odd");
  EXPECT_NE(down.text("reason").find("the connection was reset"), std::string::npos) << down.text("reason");
  expect_all_served(ask_at_once(checked, 60, kAtOnce), 60);
}

TEST(ABackendThatAnswersSlowly, CostsNoClient) {
  const Good good;
  Backend odd([](Socket& socket) {
    socket.receive_some(1);
    observe_for(Millis(200));  // the time that it takes
    socket.send_all("odd");
    socket.receive_until_end();
  });
  const WeirProcess weir(good.with(odd.address()));
  const Tally tally = ask_at_once(weir, 60, 2 * kAtOnce);
  expect_all_served(tally, 60);
  EXPECT_EQ(tally.of("odd"), 20u) << "slow is not sick";
  EXPECT_EQ(facts_of(weir, "odd").state, "up");
}

TEST(ABackendWithTinyWindows, GetsAndGivesEveryByte) {
  const std::string upload = pattern(200'000);
  const std::string download = pattern(200'000, 2);
  Backend odd([&](Socket& socket) {
    std::string all;
    while (all.size() < upload.size())
      all += socket.receive_exactly(std::min<std::size_t>(upload.size() - all.size(), 1000));
    socket.send_all(all == upload ? download : "what came is not what was sent");
    socket.end_stream();
    socket.receive_until_end();
  });
  odd.shrink_windows(1);  // the kernel's least
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(odd.address())};
  const WeirProcess weir(configuration);

  in_parallel(4, 4, [&](std::size_t) {
    Socket::Options options;
    options.receive_buffer = 1;
    Socket client = weir.connect(options);
    Background sending([&] { client.send_all(upload, Millis(60'000)); });
    const Received answer = client.receive_until_end(Millis(60'000));
    EXPECT_EQ(answer.ended, Ended::kEndOfStream);
    EXPECT_TRUE(answer.bytes == download) << answer.bytes.size();
  });
  EXPECT_EQ(facts_of(weir, odd.address().to_string()).state, "up");
}

// Both tell: the echo of a client, and the echo of a check.
const std::string kEchoCheck =
    "[pools.web.health]\ntype = \"exchange\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\n"
    "exchange = { send = \"check\", expect = \"check\" }\n";

// Clients whose byte came back.
std::size_t echoed(const WeirProcess& weir, std::size_t count) {
  std::atomic<std::size_t> whole{0};
  in_parallel(kAtOnce, count, [&](std::size_t) {
    Socket client = weir.connect();
    client.try_send("x");
    whole += client.receive(1).bytes == "x" ? 1 : 0;
  });
  return whole;
}

TEST(ABackendThatIsStopped, LosesNoSessionAndIsUsedAgainWhenItGoesOn) {
  PeerProcess odd("many", ChildOptions{});
  Backend a(echo());
  Backend b(echo());
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(a.address(), "a"), entry(odd.address(), "odd"), entry(b.address(), "b")};
  configuration.rest = kEchoCheck;
  const WeirProcess weir(configuration);

  std::vector<Socket> clients;
  for (int i = 0; i < 9; ++i) {
    clients.push_back(weir.connect());
    clients.back().send_all("x");
    ASSERT_EQ(clients.back().receive_exactly(1), "x");
  }
  ASSERT_EQ(facts_of(weir, "odd").in_flight, 3u);
  odd.child().freeze();
  ASSERT_TRUE(becomes(weir, "odd", "down"));
  // What they send now is answered later.
  for (Socket& client : clients) client.send_all("y");
  EXPECT_EQ(echoed(weir, 60), 60u);
  EXPECT_EQ(facts_of(weir, "odd").in_flight, 3u) << "nobody new is sent there, and nobody is cut";

  odd.child().go_on();
  ASSERT_TRUE(becomes(weir, "odd", "up"));
  for (Socket& client : clients) EXPECT_EQ(client.receive_exactly(1), "y");
  const std::uint64_t before = facts_of(weir, "odd").sessions;
  EXPECT_EQ(echoed(weir, 60), 60u);
  EXPECT_EQ(facts_of(weir, "odd").sessions - before, 20u);
  clients.clear();
  const auto why = reasons(weir.wait_for_sessions(129));
  EXPECT_EQ(why, (std::map<std::string, std::size_t>{{"client_end", 129}}));
}

TEST(ABackendThatComesBack, GetsItsShareAgainAndCostsNoClient) {
  const Good good;
  const DeadPort port;
  auto odd = std::make_unique<CheckedBackend>("odd", port.address());
  const WeirProcess weir(good.with(port.address(), kTcpCheck));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "odd").checks_passed > 0; }));
  EXPECT_EQ(ask_in_turn(weir, 30).of("odd"), 10u);

  odd.reset();
  expect_all_served(ask_at_once(weir, 60, kAtOnce), 60);
  wait_for_event_of(weir, "backend_down", "odd");
  expect_all_served(ask_at_once(weir, 60, kAtOnce), 60);

  odd = std::make_unique<CheckedBackend>("odd", port.address());
  const LogLine up = wait_for_event_of(weir, "backend_up", "odd");
  EXPECT_EQ(up.number("healthy"), 3u);
  const Tally back = ask_at_once(weir, 60, kAtOnce);
  expect_all_served(back, 60);
  EXPECT_EQ(back.of("odd"), 20u);
}

}  // namespace
}  // namespace weir::test
