// Local ports towards a backend, in a network namespace with few of them: all of them can be used, the ledger
// says how many are, and a warning comes before they run dry.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>

#include "support/parallel.h"
#include "support/peer_process.h"
#include "support/pool_facts.h"
#include "support/two_hosts.h"

namespace weir::test {
namespace {

constexpr std::int64_t kPorts = 3'000;
// Two for each of 9000 sessions, and Weir's own.
constexpr rlim_t kDescriptors = 20'000;
const std::vector<std::string> kSources = {"198.18.0.11", "198.18.0.12", "198.18.0.13"};

ChildOptions with_descriptors(ChildOptions options) {
  options.descriptors = kDescriptors;
  return options;
}

class Ports : public OnTwoHosts {
 protected:
  void SetUp() override {
    OnTwoHosts::SetUp();
    if (IsSkipped()) return;
    rlimit own{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
    if (own.rlim_max < kDescriptors) {
      GTEST_SKIP() << "NOT CHECKED: the hard limit of descriptors is " << own.rlim_max << "; this needs "
                   << kDescriptors;
    }
    own.rlim_cur = own.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &own), 0);
    hosts().weir().set("net.ipv4.ip_local_port_range", "20000 22999");
    for (const std::string& source : kSources) {
      hosts().weir().ip("address add " + source + "/24 dev " + hosts().interface());
    }
    backend_ =
        as_clients([] { return std::make_unique<PeerProcess>("many", with_descriptors({}), kOtherHost); });
  }

  // Its own ports are not in the range: one that is bound serves no connect.
  Configuration configuration() const {
    Configuration configuration;
    configuration.workers = 2;
    configuration.bind = std::string(kWeirHost) + ":8080";
    configuration.admin = "127.0.0.1:8081";
    configuration.log = "sessions = \"errors\"\n";
    configuration.backends = {entry(backend_->address(), "a")};
    configuration.pool = "source = [\"198.18.0.11\", \"198.18.0.12\", \"198.18.0.13\"]\n";
    return configuration;
  }

  std::unique_ptr<PeerProcess> backend_;
};

// Whether it was served; it stays open.
bool is_served_by(const WeirProcess& weir, Socket& socket) {
  if (Socket::try_connect(weir.address(), socket) != 0) return false;
  if (socket.try_send("x") != 1) return false;
  return socket.receive(1).bytes == "x";
}

std::uint64_t without_port(const WeirProcess& weir) {
  return weir.admin().sum("weir_sessions_closed_total", {{"reason", "no_source_port"}});
}

TEST_F(Ports, OfAllSourcesAreHeldToTheLastAndTheNextSessionIsRefused) {
  constexpr std::size_t kAll = kPorts * 3;
  const WeirProcess weir(configuration(), with_descriptors(weir_options()));
  std::vector<Socket> held(kAll);
  std::atomic<std::size_t> served{0};
  const auto began = Clock::now();
  as_clients(
      [&] { in_parallel(4, kAll, [&](std::size_t i) { served += is_served_by(weir, held[i]) ? 1 : 0; }); });
  const auto took = std::chrono::duration_cast<Millis>(Clock::now() - began);
  EXPECT_EQ(served, kAll);
  EXPECT_EQ(without_port(weir), 0u);
  const auto all_are = [&](const auto& claim) {
    const auto ports = ports_of(weir, "a");
    return ports.size() == 3 &&
           std::all_of(ports.begin(), ports.end(), [&](const auto& one) { return claim(one.second); });
  };
  EXPECT_TRUE(eventually([&] {
    return all_are([](const PortFacts& f) {
      return f.held == kPorts && f.usable == kPorts && f.free == 0 && f.time_wait == 0 && f.dry_in == 0;
    });
  })) << weir.admin().get("/v1/pools").body;
  for (const std::string& source : kSources) {
    const Labels labels{{"pool", "web"}, {"backend", "a"}, {"source", source}};
    const Metrics metrics = weir.admin().metrics();
    EXPECT_EQ(metrics.sum("weir_source_ports_held", labels), kPorts);
    EXPECT_EQ(metrics.sum("weir_source_ports_usable", labels), kPorts);
    EXPECT_EQ(metrics.sum("weir_source_ports_time_wait", labels), 0u);
  }

  Socket next;
  EXPECT_FALSE(as_clients([&] { return is_served_by(weir, next); }));
  EXPECT_EQ(weir.wait_for_session().text("reason"), "no_source_port");
  EXPECT_EQ(without_port(weir), 1u);
  EXPECT_TRUE(all_are([](const PortFacts& f) { return f.held == kPorts && f.dry_total >= 1; }));
  EXPECT_EQ(facts_of(weir, "a").state, "up") << "it is no fault of the backend's";
  EXPECT_TRUE(eventually([&] { return weir.events("ports_low").size() == 3; })) << "one for each source";

  // A port is given back when its connection has ended at once, by a reset.
  held.back().reset();
  held.pop_back();
  EXPECT_TRUE(eventually([&] { return as_clients([&] { return is_served_by(weir, next); }); }));
  std::printf("%zu connections held from 3 sources of %lld ports, in %lld ms; the next one refused\n", kAll,
              static_cast<long long>(kPorts), static_cast<long long>(took.count()));
}

// Milliseconds of the day of a line of the log; -1 when it has none.
std::int64_t time_of(const std::string& line) {
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  int millis = 0;
  const std::size_t at = line.find('T');
  if (at == std::string::npos ||
      std::sscanf(line.c_str() + at, "T%d:%d:%d.%dZ", &hours, &minutes, &seconds, &millis) != 4) {
    return -1;
  }
  return ((hours * 60 + minutes) * 60 + seconds) * std::int64_t{1000} + millis;
}

// The first line that has all of `words`, and nothing when there is none.
std::optional<std::string> first_line(WeirProcess& weir, const std::vector<std::string>& words) {
  for (const std::string& line : weir.child().lines()) {
    if (std::all_of(words.begin(), words.end(), [&](const auto& w) { return line.find(w) != line.npos; }))
      return line;
  }
  return std::nullopt;
}

// Short connections at a steady rate, each ended by its client first, so that Weir's end towards the backend
// goes to TIME_WAIT. Ends early when `is_over` says so.
template <class IsOver>
std::size_t make_short_ones(const WeirProcess& weir, std::size_t count, IsOver is_over) {
  constexpr std::size_t kThreads = 4;
  constexpr std::chrono::microseconds kBetween{2'000};  // 500 a second
  const auto began = Clock::now();
  std::atomic<bool> over{false};
  std::atomic<std::size_t> failed{0};
  in_parallel(kThreads, count, [&](std::size_t i) {
    if (over) return;
    const auto turn = began + kBetween * static_cast<std::int64_t>(i);
    observe_for(std::max(std::chrono::ceil<Millis>(turn - Clock::now()), Millis(0)));
    Socket socket;
    if (!is_served_by(weir, socket)) ++failed;
    socket.close();
    if (i % 100 == 0 && is_over()) over = true;
  });
  return failed;
}

class ShortOnes : public Ports {
 protected:
  // Half as many again as there are ports.
  static constexpr std::size_t kMany = kPorts * 3 * 3 / 2;
};

TEST_F(ShortOnes, UseUpThePortsWithoutReuseAndTheWarningComesBefore) {
  hosts().weir().set("net.ipv4.tcp_tw_reuse", "0");
  WeirProcess weir(configuration(), with_descriptors(weir_options()));
  std::atomic<bool> dry{false};
  const auto is_over = [&] { return dry.load(); };
  Background looking([&] { dry = eventually([&] { return !weir.sessions().empty(); }, Millis(60'000)); });
  const std::size_t failed = as_clients([&] { return make_short_ones(weir, kMany, is_over); });
  looking.join();
  ASSERT_TRUE(dry) << "a minute's connections were more than there are ports";
  EXPECT_GT(failed, 0u);
  const auto warning = first_line(weir, {" ports_low ", "change=began"});
  const auto failure = first_line(weir, {" session ", "reason=no_source_port"});
  ASSERT_TRUE(warning.has_value());
  ASSERT_TRUE(failure.has_value());
  EXPECT_LT(time_of(*warning), time_of(*failure));
  const LogLine line = *parse_log_line(*warning);
  EXPECT_EQ(line.level, "warning");
  EXPECT_EQ(line.text("pool"), "web");
  EXPECT_EQ(line.text("backend"), "a");
  EXPECT_EQ(line.number("usable"), static_cast<std::uint64_t>(kPorts));
  EXPECT_GT(line.number("free"), 0u) << "there was room when it was told";
  EXPECT_GT(line.number("need"), static_cast<std::uint64_t>(kPorts)) << "more than there will be";
  EXPECT_TRUE(line.has("dry_in"));
  EXPECT_NE(line.text("msg").find("net.ipv4.tcp_tw_reuse=1"), std::string::npos) << *warning;
  std::printf(
      "warned %.1f s before the first session without a port, with dry_in=%llu, free=%llu, rate=%llu\n",
      static_cast<double>(time_of(*failure) - time_of(*warning)) / 1000,
      static_cast<unsigned long long>(line.number("dry_in")),
      static_cast<unsigned long long>(line.number("free")),
      static_cast<unsigned long long>(line.number("rate")));
}

TEST_F(ShortOnes, GoOnWithReuseAndNothingIsWarnedOf) {
  hosts().weir().set("net.ipv4.tcp_tw_reuse", "1");
  const WeirProcess weir(configuration(), with_descriptors(weir_options()));
  const std::size_t failed = as_clients([&] { return make_short_ones(weir, kMany, [] { return false; }); });
  EXPECT_EQ(failed, 0u);
  EXPECT_EQ(without_port(weir), 0u);
  EXPECT_TRUE(weir.events("ports_low").empty());
  std::int64_t in_time_wait = 0;
  for (const auto& [source, facts] : ports_of(weir, "a")) in_time_wait += facts.time_wait;
  std::printf("%zu short sessions over %lld ports; %lld of them in TIME_WAIT at the end\n", kMany,
              static_cast<long long>(kPorts * 3), static_cast<long long>(in_time_wait));
}

}  // namespace
}  // namespace weir::test
