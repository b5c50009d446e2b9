// Stopping politely: what is open may end by itself, nothing new is let in, and there is a bound. The exit
// status tells which it was.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>

#include "base/log_text.h"
#include "support/backend.h"
#include "support/parallel.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

Configuration configuration_for(const Backend& backend, const std::string& drain_timeout) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.process = "drain_timeout = \"" + drain_timeout + "\"\n";
  return configuration;
}

Socket connected(const WeirProcess& weir) {
  Socket client = weir.connect();
  client.send_all("x");
  EXPECT_EQ(client.receive_exactly(1), "x");
  return client;
}

class DrainOnSignal : public testing::TestWithParam<int> {};

TEST_P(DrainOnSignal, LetsSessionsEndRefusesNewOnesAndExitsClean) {
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, "60s"));
  EXPECT_EQ(weir.admin().get("/ready").status, 200);
  Socket client = connected(weir);

  weir.child().signal(GetParam());
  ASSERT_TRUE(weir.wait_for_event("draining").has_value());
  EXPECT_EQ(weir.admin().get("/ready").status, 503);
  EXPECT_EQ(weir.admin().sum("weir_process_draining"), 1u);
  EXPECT_TRUE(eventually([&] {
    Socket late;
    return Socket::try_connect(weir.address(), late) == ECONNREFUSED;
  })) << "new connections are still taken";

  const auto waiting = weir.wait_for_event("waiting");
  ASSERT_TRUE(waiting.has_value()) << "it does not say what it waits for";
  EXPECT_EQ(waiting->number("sessions"), 1u);
  EXPECT_EQ(waiting->text("listeners"), "web=1");

  client.send_all("still here");
  EXPECT_EQ(client.receive_exactly(10), "still here");
  EXPECT_TRUE(weir.child().running());
  const base::Address address = client.local();
  client.close();
  const auto exit = weir.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean) << exit->to_string();
  EXPECT_EQ(weir.wait_for_session_of(address).text("reason"), "client_end");
  ASSERT_EQ(weir.events("stopped").size(), 1u);
  EXPECT_EQ(weir.events("stopped")[0].text("outcome"), "clean");
}

INSTANTIATE_TEST_SUITE_P(Signals, DrainOnSignal, testing::Values(SIGTERM, SIGINT),
                         [](const auto& test) { return std::string("SIG") + ::sigabbrev_np(test.param); });

TEST(Drain, WithoutSessionsExitsAtOnce) {
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, "60s"));
  EXPECT_EQ(weir.stop(), kClean);
}

TEST(Drain, CutsWhatIsLeftWhenItsTimeIsOver) {
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, "400ms"));
  Socket client = connected(weir);
  const auto began = Clock::now();
  EXPECT_EQ(weir.stop(), kForced);
  EXPECT_GE(Clock::now() - began, Millis(400));
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "drain_timeout");
  ASSERT_EQ(weir.events("stopped").size(), 1u);
  EXPECT_EQ(weir.events("stopped")[0].text("outcome"), "forced");
}

TEST(Drain, ASecondSignalEndsAtOnce) {
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, "600s"));
  Socket client = connected(weir);
  weir.terminate();
  ASSERT_TRUE(weir.wait_for_event("draining").has_value());
  EXPECT_EQ(weir.stop(), kForced);
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "shutdown");
}

TEST(Drain, WithADelayIsNotReadyAndServesUntilItIsOver) {
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, "60s");
  configuration.process += "drain_delay = \"1s\"\n";
  WeirProcess weir(configuration);
  const auto began = Clock::now();
  weir.terminate();
  ASSERT_TRUE(weir.wait_for_event("unready").has_value());
  EXPECT_EQ(weir.admin().get("/ready").status, 503);
  EXPECT_EQ(weir.admin().sum("weir_process_draining"), 1u);
  Socket late = connected(weir);
  ASSERT_TRUE(weir.wait_for_event("draining").has_value());
  EXPECT_GE(Clock::now() - began, Millis(1'000));
  EXPECT_TRUE(eventually([&] {
    Socket later;
    return Socket::try_connect(weir.address(), later) == ECONNREFUSED;
  }));
  late.send_all("still here");
  EXPECT_EQ(late.receive_exactly(10), "still here");
  late.close();
  const auto exit = weir.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean) << exit->to_string();
}

// As a line of the log begins.
std::string time_now() {
  return base::utc_time(
      std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()));
}

// Clients that come one after the other, on two threads, until they are not let in any more.
class Comers {
 public:
  explicit Comers(base::Address address) : address_(std::move(address)) {
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { come(); });
  }
  std::uint64_t served() const { return served_; }
  // When the first one was not served, as soon as all have met that.
  std::string wait_for_first_failure() {
    for (Background& one : threads_) one.join();
    return first_failure_;
  }

 private:
  void come() {
    const auto deadline = Clock::now() + kPatience;
    while (is_served()) {
      ++served_;
      if (Clock::now() >= deadline) throw std::runtime_error("they are let in for ever");
    }
    const std::lock_guard lock(mutex_);
    if (first_failure_.empty()) first_failure_ = time_now();
  }
  bool is_served() const {
    try {
      Socket client = Socket::connect(address_);
      client.send_all("x");
      const bool is_served = client.receive(1).bytes == "x";
      client.reset();
      return is_served;
    } catch (const SocketError&) {
      return false;
    }
  }

  const base::Address address_;
  std::atomic<std::uint64_t> served_{0};
  std::mutex mutex_;
  std::string first_failure_;  // guarded by mutex_
  std::vector<Background> threads_;
};

// When the log's first line of that event was made.
std::string time_of(WeirProcess& weir, const std::string& event) {
  for (const std::string& text : weir.child().lines()) {
    const auto line = parse_log_line(text);
    if (line && line->event == event) return text.substr(0, text.find(' '));
  }
  return "";
}

// What a balancer before this one needs: it hears that Weir is not ready, and whom it still sends is served.
template <class Ask>
void expect_service_throughout_the_delay(Configuration configuration, Ask ask_to_stop) {
  configuration.log = "sessions = \"none\"\n";
  configuration.process += "drain_delay = \"1s\"\n";
  WeirProcess weir(configuration);
  Socket staying = connected(weir);
  Comers comers(weir.address());
  ASSERT_TRUE(eventually([&] { return comers.served() > 10; }));
  EXPECT_EQ(weir.admin().get("/ready").status, 200);
  ask_to_stop(weir);
  ASSERT_TRUE(weir.wait_for_event("unready").has_value());
  const std::uint64_t served = comers.served();
  std::size_t answers = 0;
  while (weir.events("draining").empty()) {
    ASSERT_EQ(weir.admin().get("/ready").status, 503) << "after " << answers << " answers";
    ++answers;
  }
  EXPECT_GT(answers, 2u);
  EXPECT_GT(comers.served(), served + 10);
  const std::string first_failure = comers.wait_for_first_failure();
  EXPECT_GE(first_failure, time_of(weir, "draining")) << "of " << comers.served() << " clients";
  EXPECT_LT(time_of(weir, "unready"), time_of(weir, "draining"));
  staying.send_all("still here");
  EXPECT_EQ(staying.receive_exactly(10), "still here");
  staying.close();
  const auto exit = weir.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean) << exit->to_string();
}

TEST(Drain, NobodyFailsThroughoutTheDelayOfASignal) {
  Backend backend(echo());
  expect_service_throughout_the_delay(configuration_for(backend, "60s"),
                                      [](WeirProcess& weir) { weir.terminate(); });
}

TEST(Drain, NobodyFailsThroughoutTheDelayOfACommand) {
  Backend backend(echo());
  const TemporaryDirectory directory;
  Configuration configuration = configuration_for(backend, "60s");
  configuration.admin = "unix:" + directory.file("admin.sock");
  expect_service_throughout_the_delay(
      configuration, [](WeirProcess& weir) { EXPECT_EQ(weir.admin().ask("POST", "/v1/drain").status, 200); });
}

TEST(Drain, ASecondSignalWithinTheDelayEndsAtOnce) {
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, "600s");
  configuration.process += "drain_delay = \"1h\"\n";
  WeirProcess weir(configuration);
  Socket client = connected(weir);
  weir.terminate();
  ASSERT_TRUE(weir.wait_for_event("unready").has_value());
  EXPECT_EQ(weir.stop(), kForced);
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "shutdown");
}

TEST(Drain, WithADelayAUnixSocketStandsUntilItIsOver) {
  Backend backend(echo());
  const TemporaryDirectory directory;
  Configuration configuration = configuration_for(backend, "60s");
  configuration.bind = "unix:" + directory.file("web.sock");
  configuration.process += "drain_delay = \"500ms\"\n";
  WeirProcess weir(configuration);
  weir.terminate();
  ASSERT_TRUE(weir.wait_for_event("unready").has_value());
  Socket late = Socket::connect(address_of(configuration.bind));
  late.send_all("x");
  EXPECT_EQ(late.receive_exactly(1), "x");
  late.close();
  const auto exit = weir.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean);
  EXPECT_FALSE(std::filesystem::exists(directory.file("web.sock")));
}

TEST(Drain, CutsASessionThatStillConnects) {
  const DeafListener deaf;
  Configuration configuration;
  configuration.backends = {entry(deaf.address())};
  configuration.process = "drain_timeout = \"300ms\"\n";
  configuration.pool = "connect_timeout = \"60s\"\n";
  WeirProcess weir(configuration);
  Socket client = weir.connect();
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_open") == 1; }));
  EXPECT_EQ(weir.stop(), kForced);
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "drain_timeout");
  EXPECT_EQ(session.text("state"), "connect");
}

TEST(Drain, ServesClientsThatHadConnectedBeforeTheSignal) {
  Backend backend(names_itself("backend"));
  Configuration configuration = configuration_for(backend, "60s");
  configuration.workers = 1;
  WeirProcess weir(configuration);
  weir.child().freeze();
  std::vector<Socket> clients;
  // More than one batch of accepts, so that some are still queued when the listener is to be closed.
  for (int i = 0; i < 300; ++i) {
    clients.push_back(weir.connect());  // stands in the kernel's queue
    clients.back().send_all("?");
    clients.back().end_stream();
  }
  weir.terminate();
  weir.child().go_on();
  for (Socket& client : clients) {
    const Received received = client.receive_until_end();
    EXPECT_EQ(received.bytes, "backend");
    EXPECT_EQ(received.ended, Ended::kEndOfStream);
  }
  const auto exit = weir.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean);
}

// They become sessions after the time is over, and are cut like all others.
TEST(Drain, WithoutTimeDoesNotCallItCleanWhenQueuedClientsAreCut) {
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, "0s");
  configuration.workers = 1;
  WeirProcess weir(configuration);
  weir.child().freeze();
  std::vector<Socket> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(weir.connect());
  weir.terminate();
  weir.child().go_on();
  for (Socket& client : clients) EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  const auto exit = weir.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kForced) << exit->to_string();
  ASSERT_EQ(weir.events("cutting").size(), 1u);
  EXPECT_EQ(weir.events("cutting")[0].text("reason"), "drain_timeout");
}

TEST(Drain, AtTheLimitRefusesThoseWhoWaitAndCountsThem) {
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, "60s");
  configuration.workers = 1;
  configuration.process += "max_connections = 2\nwhen_full = \"wait\"\n";
  WeirProcess weir(configuration);
  Socket one = connected(weir);
  Socket two = connected(weir);
  std::vector<Socket> queued;
  for (int i = 0; i < 5; ++i) queued.push_back(weir.connect());  // stand in the kernel's queue
  const Labels full{{"reason", "process_connections"}};
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_accept_pauses_total", full) >= 1; }));
  EXPECT_EQ(weir.admin().sum("weir_connections_refused_total", full), 0u);

  weir.terminate();
  for (Socket& client : queued) EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_connections_refused_total", full) == 5; },
                         Millis(5'000)))
      << weir.admin().sum("weir_connections_refused_total", full) << " were counted";
  one.send_all("y");
  EXPECT_EQ(one.receive_exactly(1), "y");
  one.close();
  two.close();
  const auto exit = weir.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean) << exit->to_string();
}

}  // namespace
}  // namespace weir::test
