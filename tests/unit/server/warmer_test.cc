#include "server/warmer.h"

#include <gtest/gtest.h>

#include <optional>

#include "unit/support.h"

namespace weir::server {
namespace {

using Backends = std::vector<std::shared_ptr<pool::Backend>>;

std::shared_ptr<pool::Backend> backend_at(const std::string& name, const base::Address& address,
                                          pool::BackendMode mode = pool::BackendMode::kUp) {
  pool::BackendIdentity identity;
  identity.name = name;
  identity.address = address;
  identity.mode = mode;
  return std::make_shared<pool::Backend>(std::move(identity));
}

std::shared_ptr<pool::Pool> pool_of(Backends backends) {
  pool::PoolSettings settings;
  settings.name = "p";
  settings.roster.health = {.is_checked = true, .rise = 1, .fall = 1};
  settings.roster.ejection.consecutive_failures = 1;
  settings.roster.ejection.max_ejected = 1;
  return std::make_shared<pool::Pool>(std::move(settings), std::move(backends));
}

config::Config config_of(std::vector<std::pair<unsigned, std::size_t>> pools) {
  config::Config config;
  for (const auto& [warm, backends] : pools) {
    config::PoolConfig pool;
    pool.warm_connections = warm;
    pool.backends.resize(backends);
    config.pools.push_back(std::move(pool));
  }
  return config;
}

TEST(WarmShares, OfAllWorkersAreTheWholeAndNoTwoDifferByMoreThanOne) {
  const config::Config config = config_of({{7, 2}});
  const std::vector pools{pool_of({})};
  std::vector<std::size_t> each;
  std::size_t most = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto shares = warm_shares(config, pools, i, 3);
    ASSERT_EQ(shares.size(), 1u);
    EXPECT_EQ(shares[0].pool, pools[0]);
    each.push_back(shares[0].each);
    most += shares[0].most;
  }
  EXPECT_EQ(each, (std::vector<std::size_t>{3, 2, 2}));
  EXPECT_EQ(most, 14u);
  EXPECT_EQ(most_warm(config), 14u);
}

TEST(WarmShares, LeavePoolsOutOfWhichAWorkerHasNone) {
  const config::Config config = config_of({{0, 4}, {1, 4}});
  const std::vector pools{pool_of({}), pool_of({})};
  ASSERT_EQ(warm_shares(config, pools, 0, 2).size(), 1u);
  EXPECT_EQ(warm_shares(config, pools, 0, 2)[0].pool, pools[1]);
  EXPECT_TRUE(warm_shares(config, pools, 1, 2).empty());
}

// Two backends, and a worker's part of what keeps connections to them warm.
class WarmerOnALoop : public testing::Test {
 protected:
  void start(std::size_t each, std::size_t most) {
    warmer.emplace(*loop);
    loop->at_end_of_turn([this] { warmer->end_turn(); });
    warmer->keep({{pool, each, most}});
  }

  std::int64_t warm(const std::shared_ptr<pool::Backend>& backend) const {
    return backend->counters().warm.value();
  }
  [[nodiscard]] bool become(std::int64_t of_a, std::int64_t of_b) {
    return driver.until([=, this] { return warm(a) == of_a && warm(b) == of_b; });
  }

  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  test::Listening a_listens = test::listen_on_loopback();
  test::Listening b_listens = test::listen_on_loopback();
  std::shared_ptr<pool::Backend> a = backend_at("a", a_listens.address);
  std::shared_ptr<pool::Backend> b = backend_at("b", b_listens.address);
  std::shared_ptr<pool::Pool> pool = pool_of({a, b});
  std::optional<Warmer> warmer;
};

TEST_F(WarmerOnALoop, KeepsAsManyToEachBackendAsItShould) {
  start(3, 6);
  ASSERT_TRUE(become(3, 3));
  driver.turns(5);
  EXPECT_EQ(warmer->size(), 6u);
  EXPECT_FALSE(warmer->take(*backend_at("c", a_listens.address))) << "of another backend it has none";
}

TEST_F(WarmerOnALoop, MakesUpForWhatWasTakenWithTheEndOfTheTurn) {
  start(2, 4);
  ASSERT_TRUE(become(2, 2));
  const session::WarmConnection taken = warmer->take(*a);
  ASSERT_TRUE(taken);
  EXPECT_EQ(warmer->size(), 3u);
  warmer->end_turn();
  EXPECT_EQ(warmer->size(), 4u);
  EXPECT_TRUE(become(2, 2));
}

TEST_F(WarmerOnALoop, ClosesThoseToABackendThatIsDownAndMakesThemAnewWhenItIsBack) {
  start(2, 4);
  ASSERT_TRUE(become(2, 2));
  pool->check_failed(*a, "it says nothing");
  ASSERT_TRUE(become(0, 2));
  EXPECT_FALSE(warmer->take(*a));
  EXPECT_EQ(a->counters().warm_given_up.value(), 0u);
  pool->check_passed(*a, base::coarse_now());
  EXPECT_TRUE(become(2, 2));
}

TEST_F(WarmerOnALoop, ClosesThoseToABackendThatIsDrainedInMaintenanceOrEjected) {
  start(2, 4);
  ASSERT_TRUE(become(2, 2));
  for (const auto mode : {pool::BackendMode::kDrain, pool::BackendMode::kMaintenance}) {
    pool->set_mode(*a, mode, base::coarse_now());
    ASSERT_TRUE(become(0, 2));
    pool->set_mode(*a, pool::BackendMode::kUp, base::coarse_now());
    ASSERT_TRUE(become(2, 2));
  }
  pool::NoPick why_not = pool::NoPick::kNone;
  pool::Slot slot = pool->pick({0, {}}, why_not);
  const bool is_a = slot.backend() == a;
  slot.connect_failed(base::coarse_now(), "refused");
  EXPECT_TRUE(is_a ? become(0, 2) : become(2, 0));
}

TEST_F(WarmerOnALoop, ClosesThoseToABackendThatHasLeftAndKeepsSomeToOneThatHasJoined) {
  const auto c = backend_at("c", a_listens.address);
  start(2, 4);
  ASSERT_TRUE(become(2, 2));
  pool->replace({b, c}, base::coarse_now());
  ASSERT_TRUE(become(0, 2));
  EXPECT_TRUE(driver.until([&] { return warm(c) == 2; }));
}

// A name has one place in the sum of descriptors, and may have several addresses.
TEST_F(WarmerOnALoop, NeverKeepsMoreThanTheSumOfDescriptorsHas) {
  start(4, 4);
  ASSERT_TRUE(become(2, 2));
  const auto c = backend_at("c", a_listens.address);
  const auto d = backend_at("d", a_listens.address);
  const auto e = backend_at("e", a_listens.address);
  pool->replace({a, b, c, d, e}, base::coarse_now());
  ASSERT_TRUE(become(1, 1));
  ASSERT_TRUE(driver.until([&] { return warm(c) + warm(d) + warm(e) == 2; }));
  EXPECT_EQ(warmer->size(), 4u);
}

TEST_F(WarmerOnALoop, ClosesAllAndMakesNoMoreOnceItIsStopped) {
  start(2, 4);
  ASSERT_TRUE(become(2, 2));
  warmer->stop();
  EXPECT_EQ(warmer->size(), 0u);
  EXPECT_EQ(warm(a) + warm(b), 0);
  EXPECT_FALSE(warmer->take(*a));
  // Longer than between two looks.
  const base::TimePoint end = base::precise_now() + base::Millis(300);
  ASSERT_TRUE(driver.until([&] { return base::precise_now() >= end; }));
  EXPECT_EQ(warmer->size(), 0u);
  warmer->stop();
}

TEST_F(WarmerOnALoop, MayEndWhileConnectionsStandOrAreUnderWay) {
  start(2, 4);
  ASSERT_TRUE(become(2, 2));
  const session::WarmConnection taken = warmer->take(*a);
  warmer->end_turn();
  warmer.reset();
  EXPECT_EQ(warm(a) + warm(b), 0);
  EXPECT_TRUE(net::is_silent(taken.fd.get())) << "what was handed out stays";
}

TEST_F(WarmerOnALoop, KeepsAsManyAsItIsToldAnewAndNoneOfAPoolThatIsNotNamedAnyMore) {
  start(1, 2);
  ASSERT_TRUE(become(1, 1));
  warmer->keep({{pool, 3, 6}});
  ASSERT_TRUE(become(3, 3));
  const auto other = pool_of({b});
  warmer->keep({{other, 1, 1}});
  ASSERT_TRUE(become(0, 1));
  warmer->keep({});
  EXPECT_TRUE(become(0, 0));
  EXPECT_EQ(warmer->size(), 0u);
}

TEST_F(WarmerOnALoop, MakesThoseAnewToABackendThatIsReachedAnotherWay) {
  start(2, 4);
  ASSERT_TRUE(become(2, 2));
  const pool::PortCounters& by_choice = *a->way().sources.all().front();
  ASSERT_EQ(by_choice.open(), 2u);
  pool::BackendIdentity other = a->identity();
  auto origin = std::make_shared<pool::Origin>();
  origin->sources.push_back(*base::parse_address("127.0.0.7:0"));
  other.origin = std::move(origin);
  a->take_way(other);
  EXPECT_TRUE(driver.until([&] { return a->way().sources.all().front()->open() == 2; }));
  EXPECT_EQ(by_choice.open(), 0u);
}

}  // namespace
}  // namespace weir::server
