// Deadlines of a connection: connecting, idle, its lifetime; and what the client sees and the log says when
// no backend can be had.
#include <gtest/gtest.h>

#include "support/backend.h"
#include "support/dns_server.h"
#include "support/parallel.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

// A deadline is never early; late by a tick of the wheel, and by whatever the machine does besides.
constexpr std::uint64_t kLateUs = 10'000'000;

TEST(IdleTimeout, CutsAConnectionOnWhichNothingMovesAndBothSidesSeeAReset) {
  Listener listener;
  Configuration configuration;
  configuration.backends = {entry(listener.address())};
  configuration.listener = "idle_timeout = \"300ms\"\n";
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  Socket backend = listener.accept();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(backend.receive_until_end().ended, Ended::kReset);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "idle_timeout");
  EXPECT_EQ(session.text("state"), "relay");
  EXPECT_GE(session.number("duration_us"), 300'000u - 4'000u);  // counted on the kernel's coarse clock
  EXPECT_LE(session.number("duration_us"), 300'000u + kLateUs);
}

TEST(IdleTimeout, SparesAConnectionThatMovesAByteNowAndThen) {
  Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.listener = "idle_timeout = \"2s\"\n";
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  const auto end = Clock::now() + Millis(3000);
  while (Clock::now() < end) {
    client.send_all("x");
    ASSERT_EQ(client.receive_exactly(1), "x");
    observe_for(Millis(100));  // the pace of the exchange
  }
  client.close();
  EXPECT_EQ(weir.wait_for_session().text("reason"), "client_end");
}

TEST(IdleTimeout, CountsBytesInOneDirectionOnly) {
  Backend backend([](Socket& socket) {
    for (int i = 0; i < 30; ++i) {
      socket.send_all("x");
      observe_for(Millis(100));  // the pace of the download
    }
  });
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.listener = "idle_timeout = \"2s\"\n";
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  const Received received = client.receive_until_end();
  EXPECT_EQ(received.bytes.size(), 30u);
  EXPECT_EQ(received.ended, Ended::kEndOfStream);
}

TEST(MaxLifetime, EndsBusyConnectionsBetweenNineTenthsOfItAndTheWhole) {
  Backend backend(echo());
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.listener = "max_lifetime = \"1s\"\n";
  const WeirProcess weir(configuration);

  constexpr std::size_t kClients = 16;
  std::vector<Background> clients;
  std::atomic<std::size_t> resets{0};
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      Socket client = weir.connect();
      Received received;
      do {
        if (client.try_send("x") == 0) {
          ++resets;  // EPIPE or ECONNRESET
          return;
        }
        received = client.receive_some(64);
        observe_for(Millis(5));  // the pace of the exchange
      } while (received.ended == Ended::kNot);
      resets += received.ended == Ended::kReset ? 1 : 0;
    });
  }
  for (Background& client : clients) client.join();
  EXPECT_EQ(resets, kClients);

  std::uint64_t least = UINT64_MAX;
  std::uint64_t most = 0;
  for (const LogLine& session : weir.wait_for_sessions(kClients)) {
    EXPECT_EQ(session.text("reason"), "max_lifetime");
    least = std::min(least, session.number("duration_us"));
    most = std::max(most, session.number("duration_us"));
  }
  EXPECT_GE(least, 900'000u);
  EXPECT_LE(most, 1'000'000u + kLateUs);
  EXPECT_GE(most - least, 20'000u) << "all ended together: there is no jitter";
}

TEST(ConnectTimeout, GivesABackendUpThatDoesNotAnswerAndTheNextOneServes) {
  DeafListener deaf;
  Backend live(names_itself("live"));
  Configuration configuration;
  configuration.backends = {entry(deaf.address(), "deaf"), entry(live.address(), "live")};
  configuration.pool = "connect_timeout = \"300ms\"\n";
  const WeirProcess weir(configuration);

  for (int i = 0; i < 2; ++i) {
    Socket client = weir.connect();
    client.send_all("?");
    EXPECT_EQ(client.receive_exactly(4), "live");
    client.close();
  }
  std::size_t retried = 0;
  for (const LogLine& session : weir.wait_for_sessions(2)) {
    EXPECT_EQ(session.text("backend"), "live");
    EXPECT_EQ(session.text("reason"), "client_end");
    if (session.number("attempts") != 2) continue;
    ++retried;
    EXPECT_EQ(session.text("connect_error"), "ETIMEDOUT");
    EXPECT_GE(session.number("duration_us"), 300'000u);
    EXPECT_LT(session.number("connect_us"), 300'000u) << "counts the attempt that stood";
  }
  EXPECT_EQ(retried, 1u);
}

// After longer than where nothing is said of it.
TEST(ConnectTimeout, WithoutAnotherBackendTheClientSeesAReset) {
  DeafListener deaf;
  Configuration configuration;
  configuration.backends = {entry(deaf.address())};
  configuration.pool = "connect_timeout = \"4s\"\n";
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  client.send_all("early bytes");
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "connect_timeout");
  EXPECT_EQ(session.text("state"), "connect");
  EXPECT_EQ(session.number("attempts"), 1u);
  EXPECT_EQ(session.number("upload"), 0u);
  EXPECT_FALSE(session.has("connect_us"));
  EXPECT_GE(session.number("duration_us"), 4'000'000u);
  EXPECT_LE(session.number("duration_us"), 4'000'000u + kLateUs);
  EXPECT_EQ(weir.admin().sum("weir_backend_in_flight_sessions"), 0u);
}

TEST(Retries, AreAsManyAsConfiguredAndEachTakesAnotherBackend) {
  DeadPort dead[5];
  Configuration configuration;
  for (const DeadPort& port : dead) configuration.backends.push_back(entry(port.address()));
  configuration.pool = "retries = 3\n";
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "connect_refused");
  EXPECT_EQ(session.text("connect_error"), "ECONNREFUSED");
  EXPECT_EQ(session.number("attempts"), 4u);

  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_backend_connect_failures_total"), 4u);
  for (const DeadPort& port : dead) {
    EXPECT_LE(metrics.sum("weir_backend_connect_attempts_total", {{"backend", port.address().to_string()}}),
              1u);
  }
}

TEST(Retries, StopWhenEveryBackendHasBeenTried) {
  DeadPort dead[2];
  Configuration configuration;
  for (const DeadPort& port : dead) configuration.backends.push_back(entry(port.address()));
  configuration.pool = "retries = 7\n";
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().number("attempts"), 2u);
}

TEST(Retries, NoneMeansOneAttempt) {
  DeadPort dead;
  Backend live(names_itself("live"));
  Configuration configuration;
  configuration.backends = {entry(dead.address()), entry(live.address())};
  configuration.pool = "retries = 0\n";
  const WeirProcess weir(configuration);

  // Of two connections in turn one meets the dead backend.
  std::size_t resets = 0;
  for (int i = 0; i < 2; ++i) {
    Socket client = weir.connect();
    client.try_send("?");
    resets += client.receive(4).ended == Ended::kReset ? 1 : 0;
  }
  EXPECT_EQ(resets, 1u);
}

TEST(NoBackend, AConnectionWithoutAnyUsableBackendIsResetAndSaysWhy) {
  Configuration configuration;
  configuration.backends = {"\"backend.invalid:80\""};
  const DnsServer dns;  // which knows no name
  configuration.rest = "[pools.web.resolve]\nservers = [\"" + dns.address().to_string() + "\"]\n";
  const WeirProcess weir(configuration);
  EXPECT_EQ(weir.events("name").size(), 1u) << "a warning says that the name does not resolve";
  EXPECT_EQ(weir.admin().sum("weir_backend_up"), 0u);

  Socket client = weir.connect();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "no_backend");
  EXPECT_EQ(session.number("attempts"), 0u);
  EXPECT_FALSE(session.has("backend"));
}

}  // namespace
}  // namespace weir::test
