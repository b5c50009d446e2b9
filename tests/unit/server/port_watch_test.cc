#include "server/port_watch.h"

#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "server/pool_status.h"
#include "unit/support.h"

namespace weir::server {
namespace {

using std::chrono::microseconds;

TEST(NextPortLook, IsInASecondUnlessLookingTakesLong) {
  EXPECT_EQ(next_port_look(microseconds(0)), base::Millis(1'000));
  EXPECT_EQ(next_port_look(microseconds(12'000)), base::Millis(1'000));
  EXPECT_EQ(next_port_look(microseconds(40'000)), base::Millis(2'000));
  EXPECT_EQ(next_port_look(microseconds(300'000)), base::Millis(15'000));
  EXPECT_EQ(next_port_look(microseconds(60'000'000)), base::Millis(30'000))
      << "the forecast needs a look a minute";
}

std::shared_ptr<pool::Pool> pool_of(const std::shared_ptr<pool::Backend>& backend) {
  pool::PoolSettings settings;
  settings.name = "web";
  return std::make_shared<pool::Pool>(std::move(settings), std::vector{backend});
}

TEST(PoolStatus, TellsOfTheSourcesThatHaveBeenUsed) {
  auto origin = std::make_shared<pool::Origin>();
  for (const char* host : {"192.0.2.1:0", "192.0.2.2:0", "192.0.2.3:0"}) {
    origin->sources.push_back(*base::parse_address(host));
  }
  pool::BackendIdentity identity;
  identity.name = "a";
  identity.address = *base::parse_address("192.0.2.80:80");
  identity.origin = origin;
  const auto backend = std::make_shared<pool::Backend>(identity);
  const auto& all = backend->way().sources.all();
  const pool::PortHold known(all[0]);
  const pool::PortHold fresh(all[2]);
  PortFindings findings;
  findings.usable = 100;
  findings.knows_time_wait = true;
  findings.views[all[0].get()] = {30, 69, std::chrono::seconds(17)};
  const PoolStatus status = pool_status(*pool_of(backend), findings);
  const auto& sources = status.backends.at(0).sources;
  ASSERT_EQ(sources.size(), 2u) << "one was never used";
  EXPECT_EQ(sources[0].source, "192.0.2.1");
  EXPECT_EQ(sources[0].held, 1u);
  EXPECT_EQ(sources[0].time_wait, 30u);
  EXPECT_EQ(sources[0].free, 69u);
  EXPECT_EQ(sources[0].usable, 100u);
  EXPECT_EQ(sources[0].dry_in, std::chrono::seconds(17));
  EXPECT_EQ(sources[1].source, "192.0.2.3");
  EXPECT_EQ(sources[1].free, 99u) << "no look has been taken since";
  EXPECT_FALSE(sources[1].dry_in.has_value());

  findings.knows_time_wait = false;
  EXPECT_FALSE(pool_status(*pool_of(backend), findings).backends[0].sources[0].time_wait.has_value());
}

TEST(PoolStatus, KnowsNoNumberOfPortsWhereClientsBringTheirOwn) {
  auto origin = std::make_shared<pool::Origin>();
  origin->transparent = true;
  pool::BackendIdentity identity;
  identity.address = *base::parse_address("192.0.2.80:80");
  identity.origin = origin;
  const auto backend = std::make_shared<pool::Backend>(identity);
  const pool::PortHold held(backend->way().sources.all()[0]);
  PortFindings findings;
  findings.usable = 100;
  findings.knows_time_wait = true;
  const PoolStatus status = pool_status(*pool_of(backend), findings);
  ASSERT_EQ(status.backends[0].sources.size(), 1u);
  EXPECT_EQ(status.backends[0].sources[0].source, "client");
  EXPECT_EQ(status.backends[0].sources[0].held, 1u);
  EXPECT_FALSE(status.backends[0].sources[0].usable.has_value());
  EXPECT_FALSE(status.backends[0].sources[0].free.has_value());
}

// A connection that is closed by this end first: its port is seen to be in TIME_WAIT. A kernel that has as
// many such as it may have (net.ipv4.tcp_max_tw_buckets) keeps none; so there is another one until one is
// seen.
TEST(PortWatch, LooksAtTheKernelsConnections) {
  config::Config config;
  config.pools.emplace_back();
  config.pools[0].name = "web";
  const test::Listening listening = test::listen_on_loopback();
  pool::BackendIdentity identity;
  identity.address = listening.address;
  const auto backend = std::make_shared<pool::Backend>(identity);
  const std::vector<std::shared_ptr<pool::Pool>> pools{pool_of(backend)};
  const auto log = LogWriter::open(config.log);
  ASSERT_TRUE(log.has_value());
  const auto loop = test::make_loop();
  test::Driver driver{*loop};
  PortWatch watch(*loop, {pools, **log});
  const auto counters = backend->way().sources.all()[0];
  const pool::PortHold held(counters);
  std::uint64_t closed = 0;
  std::uint64_t seen = 0;
  // Others may have closed connections to that port not long ago.
  std::optional<std::uint64_t> at_first;
  auto last = decltype(watch.findings())();
  watch.start();
  ASSERT_TRUE(driver.until([&] {
    const auto findings = watch.findings();
    if (std::exchange(last, findings) == findings) return false;
    const auto found = findings->views.find(counters.get());
    seen = found == findings->views.end() ? 0 : found->second.time_wait;
    if (!at_first) at_first = seen;
    if (seen > *at_first) return true;
    base::UniqueFd client = test::connect_to(listening.address);
    const base::UniqueFd server = test::accept_from(listening.fd.get());
    client.reset();
    EXPECT_TRUE(test::wait_for(server.get(), POLLIN));
    ++closed;
    return false;
  }));
  EXPECT_LE(seen, *at_first + closed);
  EXPECT_TRUE(watch.findings()->knows_time_wait);
  EXPECT_GT(watch.findings()->usable, 0u);
}

}  // namespace
}  // namespace weir::server
