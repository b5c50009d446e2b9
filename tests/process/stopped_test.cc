// Weir is stopped for longer than its timeouts and goes on: a debugger, a frozen container, a suspended host.
// Time in which it could not look must not count against peers that did what they should.
#include <gtest/gtest.h>

#include "support/backend.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

// More than the events that one look at the kernel brings, so that a timer can come between.
constexpr std::size_t kSessions = 100;
constexpr Millis kTimeout{3'000};
constexpr Millis kStop{4'000};

// Lets the rest of the stop pass.
void stay_stopped_until(Clock::time_point end) {
  if (Clock::now() < end) observe_for(std::chrono::ceil<Millis>(end - Clock::now()));
}

TEST(LongStop, OfMoreThanIdleTimeoutCutsNoSessionWhoseBytesAreWaiting) {
  Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.listener = "idle_timeout = \"3s\"\n";
  WeirProcess weir(configuration);

  std::vector<Socket> clients;
  for (std::size_t i = 0; i < kSessions; ++i) clients.push_back(weir.connect());
  for (Socket& client : clients) client.send_all("a");
  for (Socket& client : clients) ASSERT_EQ(client.receive_exactly(1), "a");

  weir.child().freeze();
  const auto end = Clock::now() + kStop;
  for (Socket& client : clients) client.send_all("b");
  stay_stopped_until(end);
  weir.child().go_on();

  std::size_t answered = 0;
  for (Socket& client : clients) answered += client.receive(1).bytes == "b" ? 1 : 0;
  EXPECT_EQ(answered, kSessions);
  clients.clear();
  std::size_t clean = 0;
  for (const LogLine& session : weir.wait_for_sessions(kSessions)) {
    clean += session.text("reason") == "client_end" ? 1 : 0;
  }
  EXPECT_EQ(clean, kSessions);
}

TEST(LongStop, OfMoreThanIdleTimeoutDoesNotSaveASessionThatStaysSilent) {
  Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.listener = "idle_timeout = \"1s\"\n";
  WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all("a");
  ASSERT_EQ(client.receive_exactly(1), "a");
  weir.child().freeze();
  observe_for(Millis(1'500));  // the stop
  weir.child().go_on();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "idle_timeout");
}

// Sessions that connect to a backend which answers their SYNs only while Weir is stopped.
struct Connecting {
  DeafListener deaf;
  WeirProcess weir;
  std::vector<Socket> clients;
  std::vector<Socket> backends;

  explicit Connecting(std::size_t count, const std::string& connect_timeout)
      : weir(configuration(deaf, connect_timeout)) {
    for (std::size_t i = 0; i < count; ++i) clients.push_back(weir.connect());
    EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_backend_in_flight_sessions") == count; }));
    weir.child().freeze();
    Listener& listener = deaf.open();
    for (std::size_t i = 0; i < count; ++i) backends.push_back(listener.accept());
  }

  static Configuration configuration(const DeafListener& deaf, const std::string& connect_timeout) {
    Configuration configuration;
    configuration.backends = {entry(deaf.address())};
    configuration.pool = "retries = 0\nconnect_timeout = \"" + connect_timeout + "\"\n";
    return configuration;
  }
};

TEST(LongStop, OfMoreThanConnectTimeoutGivesNoConnectUpThatHasSucceeded) {
  Connecting connecting(kSessions, "3s");
  stay_stopped_until(Clock::now() + kTimeout);
  connecting.weir.child().go_on();

  for (Socket& client : connecting.clients) client.try_send("x");
  std::size_t relayed = 0;
  for (Socket& backend : connecting.backends) {
    const Received received = backend.receive(1);
    if (received.bytes != "x") continue;
    ++relayed;
    backend.send_all("y");
  }
  EXPECT_EQ(relayed, kSessions);
  std::size_t answered = 0;
  for (Socket& client : connecting.clients) answered += client.receive(1).bytes == "y" ? 1 : 0;
  EXPECT_EQ(answered, kSessions);
  EXPECT_TRUE(connecting.weir.sessions().empty());
}

TEST(LongStop, ABannerAndAResetThatCameBeforeWeirSawTheConnectArriveAsTheyAre) {
  constexpr std::size_t kCount = 40;
  const std::string banner = "-ERR max clients\r\n";
  Connecting connecting(kCount, "60s");
  for (Socket& backend : connecting.backends) {
    backend.send_all(banner);
    backend.wait_until_delivered();
    backend.reset();
  }
  connecting.weir.child().go_on();

  std::size_t whole = 0;
  for (Socket& client : connecting.clients) {
    const Received received = client.receive_until_end();
    whole += received.bytes == banner && received.ended == Ended::kReset ? 1 : 0;
  }
  EXPECT_EQ(whole, kCount);
  std::size_t told = 0;
  for (const LogLine& session : connecting.weir.wait_for_sessions(kCount)) {
    told += session.text("reason") == "backend_reset" ? 1 : 0;
  }
  EXPECT_EQ(told, kCount);
}

}  // namespace
}  // namespace weir::test
