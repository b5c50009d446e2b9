// Warm connections through the whole binary: who is served on them, when they are given up, and what they
// leave alone.
#include <gtest/gtest.h>

#include <memory>

#include "support/asking.h"
#include "support/backend.h"
#include "support/pool_facts.h"
#include "support/process_facts.h"

namespace weir::test {
namespace {

Configuration with(const std::string& backend, unsigned warm, const std::string& pool = "") {
  Configuration configuration;
  configuration.backends = {backend};
  configuration.pool = "warm_connections = " + std::to_string(warm) + "\n" + pool;
  return configuration;
}

[[nodiscard]] bool warm_become(const WeirProcess& weir, std::uint64_t count,
                               const std::string& backend = "a") {
  return eventually([&] { return facts_of(weir, backend).warm == count; });
}

bool echoes(Socket& client) {
  client.send_all("x");
  return client.receive_some(1).bytes == "x";
}

TEST(WarmConnections, AreThereBeforeTheClientAndServeIt) {
  const Backend backend(echo());
  const WeirProcess weir(with(entry(backend.address(), "a"), 3));
  ASSERT_TRUE(warm_become(weir, 3));
  ASSERT_TRUE(eventually([&] { return backend.accepted() == 3; })) << "and nobody has come yet";
  Socket client = weir.connect();
  EXPECT_TRUE(echoes(client));
  ASSERT_TRUE(eventually([&] { return backend.accepted() == 4; }))
      << "one is made for the one that was taken";
  ASSERT_TRUE(warm_become(weir, 3));
  client.end_stream();
  client.receive_until_end();
  ASSERT_TRUE(eventually([&] { return backend.open() == 3; })) << "it served one client and is gone";
  const LogLine line = weir.wait_for_session();
  EXPECT_EQ(line.number("warm"), 1u);
  EXPECT_TRUE(line.has("connect_us"));
  EXPECT_EQ(line.number("connect_us"), 0u);
  EXPECT_EQ(line.number("attempts"), 1u);
  const BackendFacts facts = facts_of(weir, "a");
  EXPECT_EQ(facts.warm_used, 1u);
  EXPECT_EQ(facts.sessions, 1u);
  EXPECT_EQ(facts.warm_given_up + facts.warm_failed + facts.failures, 0u);
  const Labels labels{{"pool", "web"}, {"backend", "a"}};
  EXPECT_EQ(weir.admin().sum("weir_backend_warm_connections", labels), 3u);
  EXPECT_EQ(weir.admin().sum("weir_backend_warm_used_total", labels), 1u);
  EXPECT_EQ(weir.admin().sum("weir_backend_warm_given_up_total", labels), 0u);
  EXPECT_EQ(weir.admin().sum("weir_backend_warm_failed_total", labels), 0u);
  EXPECT_GT(weir.admin().seconds("weir_backend_connect_seconds", labels), 0)
      << "what its connect took when it was made";
}

TEST(WarmConnections, AreNotMadeUnlessTheyAreAskedFor) {
  const Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address(), "a")};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  EXPECT_TRUE(echoes(client));
  client.close();
  observe_for(Millis(500));
  EXPECT_EQ(backend.accepted(), 1u);
  EXPECT_FALSE(weir.wait_for_session().has("warm"));
}

TEST(WarmConnections, ServeOneClientEach) {
  const Backend backend(names_itself("a"));
  const WeirProcess weir(with(entry(backend.address(), "a"), 4));
  ASSERT_TRUE(warm_become(weir, 4));
  EXPECT_EQ(ask_at_once(weir, 100).of("a"), 100u);
  ASSERT_TRUE(warm_become(weir, 4));
  EXPECT_TRUE(eventually([&] { return backend.accepted() == 104; })) << backend.accepted();
  EXPECT_TRUE(eventually([&] { return backend.open() == 4; }));
  EXPECT_GE(facts_of(weir, "a").warm_used, 1u);
}

TEST(WarmConnections, AreSharedByTheWorkers) {
  const Backend backend(names_itself("a"));
  Configuration configuration = with(entry(backend.address(), "a"), 3);
  configuration.workers = 2;
  const WeirProcess weir(configuration);
  ASSERT_TRUE(warm_become(weir, 3));
  EXPECT_EQ(ask_in_turn(weir, 40).of("a"), 40u);
  ASSERT_TRUE(warm_become(weir, 3));
  EXPECT_TRUE(eventually([&] { return backend.accepted() == 43; })) << backend.accepted();
}

TEST(WarmConnections, StandInTheSumOfDescriptors) {
  const Backend a(echo());
  const Backend b(echo());
  const WeirProcess weir(with(entry(a.address(), "a") + ", " + entry(b.address(), "b"), 7));
  const auto limits = weir.events("limits");
  ASSERT_FALSE(limits.empty());
  const std::string sum = limits.front().text("msg");
  EXPECT_NE(sum.find(" 14 warm connections,"), std::string::npos) << sum;
}

TEST(WarmConnections, AreGivenUpWhenTheBackendSpeaksFirstAndItsClientsGetTheGreetingWhole) {
  const std::string greeting = "220 hello\r\n";
  const Backend backend([greeting](Socket& socket) {
    socket.send_all(greeting);
    echo()(socket);
  });
  const WeirProcess weir(with(entry(backend.address(), "a"), 2));
  const auto begun = Clock::now();
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").warm_given_up >= 2; }));
  for (int i = 0; i < 20; ++i) {
    Socket client = weir.connect();
    ASSERT_EQ(client.receive_exactly(greeting.size()), greeting);
    ASSERT_TRUE(echoes(client));
    client.end_stream();
    ASSERT_EQ(client.receive_until_end().bytes, "");
  }
  const auto seconds = static_cast<std::size_t>(
      std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun).count());
  EXPECT_LE(backend.accepted(), 20 + 2 + 20 + 2 * (seconds + 1))
      << "it is not met with warm ones again and again";
}

TEST(WarmConnections, OfABackendThatClosesIdleOnesAreNotMadeAgainAndAgain) {
  const Backend backend([](Socket& socket) {
    const Received first = socket.receive_some(1, Millis(1000));
    if (first.ended == Ended::kNot) socket.send_all(first.bytes);
  });
  const auto begun = Clock::now();
  const WeirProcess weir(with(entry(backend.address(), "a"), 4));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").warm_given_up >= 4; }));
  Socket client = weir.connect();
  EXPECT_TRUE(echoes(client)) << "while there is none it goes without";
  client.close();
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").warm_given_up >= 8; }))
      << "later there are some again";
  // Each of both sets is closed after a second, and between them is another one.
  EXPECT_GE(Clock::now() - begun, Millis(2'900));
  const auto seconds = static_cast<std::size_t>(
      std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begun).count());
  EXPECT_LE(backend.accepted(), 1 + 4 + 4 * (seconds + 1));
  EXPECT_EQ(facts_of(weir, "a").state, "up") << "that says nothing against it";
  EXPECT_EQ(facts_of(weir, "a").failures, 0u);
}

TEST(WarmConnections, OfABackendThatRestartedCostNoClient) {
  const DeadPort port;
  auto backend = std::make_unique<Backend>(port.address(), names_itself("first"));
  const WeirProcess weir(with(entry(port.address(), "a"), 5));
  ASSERT_TRUE(warm_become(weir, 5));
  EXPECT_EQ(ask(weir).bytes, "first");
  ASSERT_TRUE(warm_become(weir, 5));
  backend.reset();
  backend = std::make_unique<Backend>(port.address(), names_itself("second"));
  const Tally tally = ask_in_turn(weir, 20);
  EXPECT_EQ(tally.of("second"), 20u) << tally.failures();
  EXPECT_TRUE(warm_become(weir, 5));
  EXPECT_EQ(facts_of(weir, "a").failures, 0u);
}

TEST(WarmConnections, AreRefusedWithoutHarmToAnybody) {
  const DeadPort port;
  const Backend good(names_itself("good"));
  const WeirProcess weir(with(entry(port.address(), "a") + ", " + entry(good.address(), "good"), 2));
  ASSERT_TRUE(warm_become(weir, 2, "good"));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").warm_failed >= 1; }));
  EXPECT_EQ(facts_of(weir, "a").attempts + facts_of(weir, "a").failures + facts_of(weir, "a").ejections, 0u);
  EXPECT_EQ(facts_of(weir, "a").state, "up") << "only what sessions and checks meet counts";
  EXPECT_EQ(ask_in_turn(weir, 10).of("good"), 10u);
}

TEST(WarmConnections, AreNotKeptToABackendThatIsDown) {
  const Backend backend(echo());
  const DeadPort checked;
  const std::string health = "health = { type = \"tcp\", port = " + std::to_string(checked.address().port()) +
                             ", interval = \"100ms\", timeout = \"100ms\", rise = 1, fall = 3 }\n";
  const WeirProcess weir(with(entry(backend.address(), "a"), 3, health));
  ASSERT_TRUE(becomes(weir, "a", "down"));
  ASSERT_TRUE(warm_become(weir, 0));
  ASSERT_TRUE(eventually([&] { return backend.open() == 0; }));
  {
    const Listener answers(checked.address());
    ASSERT_TRUE(becomes(weir, "a", "up"));
    ASSERT_TRUE(warm_become(weir, 3));
  }
  ASSERT_TRUE(becomes(weir, "a", "down"));
  EXPECT_TRUE(warm_become(weir, 0));
  EXPECT_TRUE(eventually([&] { return backend.open() == 0; }));
  EXPECT_EQ(facts_of(weir, "a").warm_given_up, 0u) << "that was no doing of the backend's";
}

TEST(WarmConnections, AreNotKeptToABackendThatShallHaveNoNewSessions) {
  const Backend drained(echo());
  const Backend resting(echo());
  const Backend used(echo());
  const WeirProcess weir(with(entry_with(drained.address(), "a", "state = \"drain\"") + ", " +
                                  entry_with(resting.address(), "b", "state = \"maintenance\"") + ", " +
                                  entry(used.address(), "c"),
                              2));
  ASSERT_TRUE(warm_become(weir, 2, "c"));
  EXPECT_EQ(drained.accepted() + resting.accepted(), 0u);
}

TEST(WarmConnections, HoldNoPlacesOfSessions) {
  const Backend backend(names_itself("a"));
  const WeirProcess weir(with(entry_with(backend.address(), "a", "max_connections = 2"), 4));
  ASSERT_TRUE(warm_become(weir, 4));
  EXPECT_EQ(facts_of(weir, "a").in_flight, 0u);
  const Held first = hold(weir);
  const Held second = hold(weir);
  EXPECT_EQ(first.name + second.name, "aa");
  EXPECT_EQ(facts_of(weir, "a").in_flight, 2u);
  EXPECT_EQ(weir.connect().receive_until_end().ended, Ended::kReset) << "the two that it may have are there";
  EXPECT_EQ(weir.wait_for_session().text("reason"), "pool_full");
  EXPECT_TRUE(warm_become(weir, 4));
}

TEST(WarmConnections, AreClosedWhenWeirDrains) {
  const Backend backend(echo());
  WeirProcess weir(with(entry(backend.address(), "a"), 6));
  ASSERT_TRUE(warm_become(weir, 6));
  Socket client = weir.connect();
  ASSERT_TRUE(echoes(client));
  ASSERT_TRUE(eventually([&] { return backend.open() == 7; }));
  weir.terminate();
  ASSERT_TRUE(eventually([&] { return backend.open() == 1; })) << "that of the session stays";
  EXPECT_TRUE(warm_become(weir, 0));
  EXPECT_TRUE(echoes(client));
  EXPECT_EQ(backend.accepted(), 7u) << "and no new ones are made";
  client.close();
  const auto exit = weir.wait();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->status, kClean);
}

}  // namespace
}  // namespace weir::test
