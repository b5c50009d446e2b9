// Checks that cannot be made from this host. What checks do to backends and sessions is a matter of the
// running process (tests/process/health_test).
#include "server/health_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "unit/support.h"

namespace weir::server {
namespace {

using testing::HasSubstr;

// One pool that is checked often, from an origin of the test's.
class Checked : public testing::Test {
 protected:
  void start(pool::Origin origin, std::size_t backends = 1) {
    config.log.output.value = folder.file("log");
    config.pools.emplace_back();
    config.pools[0].name = "web";
    config.pools[0].health.emplace();
    config.pools[0].health->interval = base::Millis(10);
    config.pools[0].health->timeout = base::Millis(10'000);
    pool::PoolSettings settings;
    settings.name = "web";
    settings.roster.health = {.is_checked = true, .rise = 1, .fall = 1};
    std::vector<std::shared_ptr<pool::Backend>> list;
    for (std::size_t i = 0; i < backends; ++i) {
      pool::BackendIdentity identity;
      identity.name = "b" + std::to_string(i);
      identity.address = listening.address;
      identity.origin = std::make_shared<const pool::Origin>(origin);
      list.push_back(std::make_shared<pool::Backend>(std::move(identity)));
    }
    pools.push_back(std::make_shared<pool::Pool>(std::move(settings), std::move(list)));
    log = *LogWriter::open(config.log);
    ASSERT_TRUE(log->start());
    checks.emplace(*loop, HealthChecks::Parts{config, pools, *log});
    checks->start();
  }

  [[nodiscard]] bool come_to_nothing(std::uint64_t times) {
    return driver.until([&] {
      const pool::PoolView view = pools[0]->view();
      return std::all_of(view.backends.begin(), view.backends.end(), [&](const auto& one) {
        return one.backend->counters().checks_not_made.value() >= times;
      });
    });
  }

  std::vector<std::string> told() {
    log->stop();
    std::ifstream file(config.log.output.value);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  test::TempFolder folder;
  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  test::Listening listening = test::listen_on_loopback(64);
  config::Config config;
  std::vector<std::shared_ptr<pool::Pool>> pools;
  std::unique_ptr<LogWriter> log;
  std::optional<HealthChecks> checks;
};

TEST_F(Checked, ABackendIsNeitherFailedNorPassedWhileTheInterfaceIsMissing) {
  pool::Origin origin;
  origin.interface = "no-such-one";
  start(origin);
  ASSERT_TRUE(come_to_nothing(5));
  const pool::BackendView backend = pools[0]->view().backends[0];
  EXPECT_EQ(backend.state, pool::BackendState::kUp);
  EXPECT_EQ(backend.backend->counters().checks_failed.value(), 0u);
  EXPECT_EQ(backend.backend->counters().checks_passed.value(), 0u);
  const auto lines = told();
  ASSERT_EQ(lines.size(), 1u) << "once, however often it is tried";
  EXPECT_THAT(lines[0], HasSubstr(" warning check_not_made msg=\"the pool's `interface` is not there"));
  EXPECT_THAT(lines[0], HasSubstr("reason=\"bind to the interface: No such device\""));
}

TEST_F(Checked, BackendsAreNeitherFailedNorPassedWhileNoSourceAddressIsThisHosts) {
  pool::Origin origin;
  origin.sources = {*base::parse_address("203.0.113.1:0"), *base::parse_address("203.0.113.2:0")};
  start(origin, 3);
  ASSERT_TRUE(come_to_nothing(3));
  for (const pool::BackendView& backend : pools[0]->view().backends) {
    EXPECT_EQ(backend.state, pool::BackendState::kUp);
    EXPECT_EQ(backend.backend->counters().checks_failed.value(), 0u);
  }
  const auto lines = told();
  ASSERT_EQ(lines.size(), 1u) << "once for the pool";
  EXPECT_THAT(lines[0], HasSubstr("this host has no `source` of the pool"));
}

TEST(AdviceOnChecksNotMade, SaysWhatHelpsForEachFault) {
  using net::ConnectStep;
  EXPECT_THAT(advice_on({ConnectStep::kOpen, EMFILE}), HasSubstr("LimitNOFILE"));
  EXPECT_THAT(advice_on({ConnectStep::kOpen, ENFILE}), HasSubstr("fs.file-max"));
  EXPECT_THAT(advice_on({ConnectStep::kConnect, ENOBUFS}), HasSubstr("memory"));
  EXPECT_THAT(advice_on({ConnectStep::kInterface, EPERM}), HasSubstr("CAP_NET_RAW"));
  EXPECT_THAT(advice_on({ConnectStep::kInterface, ENODEV}), HasSubstr("bring it back"));
  EXPECT_THAT(advice_on({ConnectStep::kSource, EACCES}), HasSubstr("may not bind"));
  EXPECT_THAT(advice_on({ConnectStep::kSource, EADDRNOTAVAIL}), HasSubstr("ip address add"));
  EXPECT_THAT(advice_on({ConnectStep::kOpen, EAFNOSUPPORT}), HasSubstr("address family"));
  EXPECT_THAT(advice_on({ConnectStep::kConnect, EADDRNOTAVAIL}), HasSubstr("ip_local_port_range"));
}

}  // namespace
}  // namespace weir::server
