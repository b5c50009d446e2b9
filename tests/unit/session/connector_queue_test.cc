// How the connector waits for a place, and goes on to the fallback pool.
#include <gtest/gtest.h>

#include "unit/session/connecting.h"

namespace weir::session {
namespace {

// Waiting for a place

TEST(Connector, WaitsForAPlaceAndConnectsWhenOneComesFree) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  pool::Slot holder = pick(*pool);
  ConnectorFixture f;
  const base::TimePoint begun = base::precise_now();
  f.start(pool);
  ASSERT_EQ(f.waits, 1);
  EXPECT_TRUE(f.connector.is_queued());
  EXPECT_GE(f.deadline, begun + base::Millis(700));
  EXPECT_LE(f.deadline, base::precise_now() + base::Millis(700));
  EXPECT_EQ(f.connector.attempts(), 0);
  f.driver.turns(3);
  EXPECT_FALSE(f.over());
  holder.release();
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_FALSE(f.connector.is_queued());
  EXPECT_EQ(f.connector.attempts(), 1);
  EXPECT_EQ(in_flight(*pool), 1u);
  ASSERT_TRUE(f.connector.queue_time().has_value());
  EXPECT_GT(*f.connector.queue_time(), base::Micros(0));
  EXPECT_EQ(pool->counters().queued.value(), 1u);
  EXPECT_EQ(pool->counters().queue_microseconds.value(),
            static_cast<std::uint64_t>(f.connector.queue_time()->count()));
  EXPECT_EQ(pool->counters().retries.value(), 0u);
}

TEST(Connector, StandsWhereItStoodWhenThePlaceThatItWasGivenIsOfNoUse) {
  const test::Listening listening = test::listen_on_loopback();
  pool::BackendIdentity identity;
  identity.name = "fickle";
  identity.address = listening.address;
  identity.mode = pool::BackendMode::kDrain;
  const auto fickle = std::make_shared<pool::Backend>(identity);
  const auto pool = pool_of({backend("a", listening.address, 1), fickle});
  pool::Slot held = pick(*pool);
  ConnectorFixture first;
  ConnectorFixture second;
  first.start(pool);
  second.start(pool);
  ASSERT_EQ(first.waits + second.waits, 2);
  // Both are given a place at once, and it is of no use by the time that the first hears of it.
  pool->set_mode(*fickle, pool::BackendMode::kUp, base::precise_now());
  pool->set_mode(*fickle, pool::BackendMode::kDrain, base::precise_now());
  second.driver.turns(2);
  first.driver.turns(2);
  ASSERT_EQ(pool->view().waiting, 2u);
  held.release();
  second.driver.turns(2);
  EXPECT_FALSE(second.over());
  ASSERT_TRUE(first.finish());
  EXPECT_EQ(first.connector.backend()->name(), "a");
}

TEST(Connector, GivesUpWaitingWhenItsTimeIsOver) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  pool->set_fallback(pool_of({backend("b", listening.address)}));
  pool::Slot holder = pick(*pool);
  ConnectorFixture f;
  f.start(pool);
  f.connector.timed_out();
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kQueueTimeout);
  EXPECT_EQ(pool->view().waiting, 0u);
  EXPECT_EQ(pool->counters().queue_timeouts.value(), 1u);
  EXPECT_EQ(pool->counters().fallbacks.value(), 0u) << "the pool has backends, it is only full";
  EXPECT_TRUE(f.connector.queue_time().has_value());
  holder.release();
  f.driver.turns(3);
  EXPECT_EQ(f.connected, 0);
  EXPECT_EQ(in_flight(*pool), 0u);
}

TEST(Connector, UsesThePlaceThatItWasGivenInTheMomentOfTheTimeout) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  pool::Slot holder = pick(*pool);
  ConnectorFixture f;
  f.start(pool);
  holder.release();
  f.connector.timed_out();
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(pool->counters().queue_timeouts.value(), 0u);
  f.driver.turns(3);
  EXPECT_EQ(f.connector.attempts(), 1) << "the word of it comes no more";
}

TEST(Connector, FallsBackWhenAllHaveGoneInTheMomentOfTheTimeout) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address, 1);
  const auto pool = pool_of({a});
  pool->set_fallback(pool_of({backend("b", listening.address)}));
  const pool::Slot holder = pick(*pool);
  ConnectorFixture f;
  f.start(pool);
  pool->set_mode(*a, pool::BackendMode::kDrain, base::coarse_now());
  f.connector.timed_out();
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(pool->counters().queue_timeouts.value(), 0u);
}

TEST(Connector, WaitsNoLongerInAllThanThePoolAllows) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("dead", dead_address(), 1), backend("b", listening.address, 1)});
  pool::Slot at_dead = pick(*pool);
  pool::Slot at_b = pick(*pool);
  ConnectorFixture f;
  f.start(pool);
  const base::TimePoint first_deadline = f.deadline;
  ASSERT_TRUE(test::eventually([&] { return base::precise_now() > first_deadline - base::Millis(680); }));
  at_dead.release();
  // The dead one refuses; the other is full.
  ASSERT_TRUE(f.driver.until([&] { return f.connector.attempts() == 1 && f.connector.is_queued(); }));
  EXPECT_LE(f.deadline, base::precise_now() + base::Millis(700) - base::Millis(20));
  EXPECT_EQ(pool->counters().queued.value(), 1u);
  at_b.release();
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
}

TEST(Connector, SaysThatThePoolIsFull) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)}, 2, 0);
  pool->set_fallback(pool_of({backend("b", listening.address)}));
  const pool::Slot holder = pick(*pool);
  ConnectorFixture f;
  f.start(pool);
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.waits, 0);
  EXPECT_EQ(f.reason, CloseReason::kPoolFull);
  EXPECT_EQ(pool->counters().queue_refused.value(), 1u);
  EXPECT_FALSE(f.connector.queue_time().has_value());
}

TEST(Connector, LeavesTheQueueWhenItIsStopped) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  pool::Slot holder = pick(*pool);
  ConnectorFixture f;
  ConnectorFixture gone;
  ConnectorFixture next;
  for (ConnectorFixture* one : {&f, &gone, &next}) one->start(pool);
  f.connector.stop();
  EXPECT_EQ(pool->view().waiting, 2u);
  EXPECT_TRUE(f.connector.queue_time().has_value());
  holder.release();
  gone.connector.stop();  // it has been given the place, and not been told
  ASSERT_TRUE(next.finish());
  EXPECT_EQ(next.connected, 1);
  for (ConnectorFixture* one : {&f, &gone}) {
    one->driver.turns(3);
    EXPECT_FALSE(one->over());
  }
}

TEST(Connector, CountsAClientThatLeftWhileItWaited) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  const pool::Slot holder = pick(*pool);
  ConnectorFixture f;
  f.start(pool);
  f.connector.client_left();
  EXPECT_EQ(pool->counters().queue_left.value(), 1u);
  EXPECT_EQ(pool->view().waiting, 0u);
  EXPECT_FALSE(f.over()) << "the owner knows";
}

// The fallback pool

TEST(Connector, GoesToTheFallbackPoolWhenAllAreDown) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_in_drain();
  const auto fallback = pool_of({backend("b", listening.address)});
  pool->set_fallback(fallback);
  ConnectorFixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(f.connector.pool(), fallback);
  EXPECT_EQ(pool->counters().fallbacks.value(), 1u);
  EXPECT_EQ(in_flight(*fallback), 1u);
}

TEST(Connector, GoesToTheFallbackPoolAfterItsLastRetryAndBeginsAnewThere) {
  const test::Listening listening = test::listen_on_loopback();
  Backends dead;
  for (int i = 0; i < 3; ++i) dead.push_back(backend("d" + std::to_string(i), dead_address()));
  const auto pool = pool_of(dead, 1);
  const auto fallback = pool_of(
      {backend("e", dead_address()), backend("f", dead_address()), backend("g", listening.address)}, 2);
  pool->set_fallback(fallback);
  ConnectorFixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(f.connector.attempts(), 5) << "two here, three there";
  EXPECT_EQ(f.connector.backend()->name(), "g");
  EXPECT_EQ(pool->counters().retries.value(), 1u);
  EXPECT_EQ(fallback->counters().retries.value(), 2u);
}

TEST(Connector, KeepsTheReasonOfItsLastAttemptWhenTheFallbackHasNothing) {
  const auto pool = pool_of({backend("dead", dead_address())});
  pool->set_fallback(pool_in_drain());
  ConnectorFixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kConnectRefused);
}

// Five failures of the only backend: it is passed over from then on.
std::shared_ptr<pool::Pool> pool_that_passes_over(const std::shared_ptr<pool::Backend>& only) {
  auto pool = pool_of({only});
  for (int i = 0; i < 5; ++i) pick(*pool).connect_failed(base::coarse_now(), "connect_refused");
  return pool;
}

TEST(Connector, ComesToABackendThatIsPassedOverWhenTheFallbackHasNothing) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address);
  for (const auto& fallback : {pool_in_drain(), pool_of({backend("dead", dead_address())})}) {
    const auto pool = pool_that_passes_over(a);
    pool->set_fallback(fallback);
    ASSERT_TRUE(pool->view().backends[0].is_passed_over);
    ConnectorFixture f;
    f.start(pool);
    ASSERT_TRUE(f.finish());
    EXPECT_EQ(f.connected, 1);
    EXPECT_EQ(f.connector.pool(), pool);
    EXPECT_EQ(f.connector.backend(), a);
    EXPECT_FALSE(pool->view().backends[0].is_passed_over) << "it has shown that it is there";
  }
}

TEST(Connector, ComesToABackendThatIsPassedOverWhenTheFallbackIsFull) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_that_passes_over(backend("a", listening.address));
  const auto fallback = pool_of({backend("b", listening.address, 1)}, 2, 0);
  pool->set_fallback(fallback);
  const pool::Slot held = pick(*fallback);
  ConnectorFixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(f.connector.backend()->name(), "a");
}

// Another one of it is only full, and who comes later may have a place there; so may its fallback.
TEST(Connector, LeavesABackendThatIsPassedOverAloneWhileItsPoolIsFull) {
  const test::Listening listening = test::listen_on_loopback();
  pool::PoolSettings settings;
  settings.name = "p";
  settings.roster.ejection.max_ejected = 0;
  const auto pool = std::make_shared<pool::Pool>(
      std::move(settings), Backends{backend("a", listening.address), backend("b", listening.address, 1)});
  pool->set_fallback(pool_of({backend("c", listening.address)}));
  balance::Tried only_a;
  only_a.add(1);
  pool::NoPick why_not = pool::NoPick::kNone;
  for (int i = 0; i < 5; ++i) {
    pool->pick({0, only_a}, why_not).connect_failed(base::coarse_now(), "connect_refused");
  }
  ASSERT_TRUE(pool->view().backends[0].is_passed_over);
  const pool::Slot held = pick(*pool);
  ConnectorFixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kPoolFull);
  EXPECT_EQ(f.connector.attempts(), 0);
}

TEST(Connector, TriesABackendThatIsPassedOverOnceAndThenSaysWhatItMet) {
  const auto pool = pool_that_passes_over(backend("dead", dead_address()));
  pool->set_fallback(pool_in_drain());
  ConnectorFixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kConnectRefused);
  EXPECT_EQ(f.connector.attempts(), 1);
  EXPECT_EQ(in_flight(*pool), 0u);
}

TEST(Connector, NamesNoBackendOfAnotherPoolThanTheOneThatItIsIn) {
  const auto pool = pool_of({backend("dead", dead_address())});
  pool->set_fallback(pool_in_drain());
  ConnectorFixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connector.pool(), pool->fallback());
  EXPECT_EQ(f.connector.backend(), nullptr);
  EXPECT_EQ(f.connector.failed_backend()->name(), "dead");
}

TEST(Connector, MayWaitInTheFallbackPoolForItsWholeTime) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address, 1);
  const auto pool = pool_of({a});
  const auto fallback = pool_of({backend("b", listening.address, 1)});
  pool->set_fallback(fallback);
  const pool::Slot held = pick(*pool);
  const pool::Slot held_there = pick(*fallback);
  ConnectorFixture f;
  f.start(pool);
  const base::TimePoint waited = base::precise_now() + base::Millis(20);
  while (base::precise_now() < waited) f.driver.turns(1);
  const base::TimePoint before = base::precise_now();
  pool->set_mode(*a, pool::BackendMode::kDrain, before);
  ASSERT_TRUE(f.driver.until([&] { return f.waits == 2; }));
  EXPECT_EQ(f.connector.pool(), fallback);
  EXPECT_GE(f.deadline, before + base::Millis(700));
}

TEST(Connector, GoesToTheFallbackPoolWhenAllGoDownWhileItWaits) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address, 1);
  const auto pool = pool_of({a});
  pool->set_fallback(pool_of({backend("b", listening.address)}));
  const pool::Slot holder = pick(*pool);
  ConnectorFixture f;
  f.start(pool);
  ASSERT_TRUE(f.connector.is_queued());
  pool->set_mode(*a, pool::BackendMode::kMaintenance, base::coarse_now());
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(f.connector.backend()->name(), "b");
}

TEST(Connector, SaysThatThereIsNoBackendWhenAllGoDownWhileItWaits) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address, 1);
  const auto pool = pool_of({a});
  const pool::Slot holder = pick(*pool);
  ConnectorFixture f;
  f.start(pool);
  pool->set_mode(*a, pool::BackendMode::kMaintenance, base::coarse_now());
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.reason, CloseReason::kNoBackend);
}

TEST(Connector, AbandonsNothingWhileItWaits) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  const pool::Slot holder = pick(*pool);
  ConnectorFixture f;
  f.start(pool);
  f.connector.abandon(CloseReason::kBackendDown);
  EXPECT_TRUE(f.connector.is_queued());
  EXPECT_EQ(pool->view().waiting, 1u);
  EXPECT_FALSE(f.over());
}

}  // namespace
}  // namespace weir::session
