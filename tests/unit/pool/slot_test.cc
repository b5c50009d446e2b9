#include "pool/slot.h"

#include <gtest/gtest.h>

#include "unit/pool/pools.h"

namespace weir::pool {
namespace {

TEST(Slot, GivesItsPlaceBackOnceHoweverItIsMoved) {
  const auto pool = pool_of({backend("a"), backend("b")});
  Slot a = pick(*pool);
  EXPECT_EQ(in_flight(*pool, "a"), 1u);
  Slot moved = std::move(a);
  EXPECT_FALSE(a);
  EXPECT_EQ(in_flight(*pool, "a"), 1u);
  a.release();
  EXPECT_EQ(in_flight(*pool, "a"), 1u);
  moved = pick(*pool);
  EXPECT_EQ(name_of(moved), "b");
  EXPECT_EQ(in_flight(*pool, "a"), 0u) << "what is written over is given back";
  moved.release();
  moved.release();
  EXPECT_EQ(in_flight(*pool, "b"), 0u);
  { const Slot short_lived = pick(*pool); }
  EXPECT_EQ(in_flight(*pool, "a"), 0u);
}

TEST(Slot, KeepsItsPoolForAsLongAsItIsHeld) {
  auto pool = pool_of(several(1));
  const std::weak_ptr<Pool> watched = pool;
  Slot slot = pick(*pool);
  pool.reset();
  EXPECT_FALSE(watched.expired());
  slot.release();
  EXPECT_TRUE(watched.expired());
}

TEST(Slot, SaysWhyItIsAtThisBackend) {
  PoolOptions options;
  options.roster = checked();
  options.roster.panic_threshold = 0.5;
  const auto pool = pool_of({backend("a"), backend("b"), backend("spare", {.is_backup = true})}, options);
  EXPECT_EQ(pick(*pool).choice(), Choice::kUsable);
  const auto backends = pool->backends();
  Slot moved;
  moved = pick(*pool, tried_of({0, 1}));
  EXPECT_EQ(name_of(moved), "spare");
  EXPECT_EQ(moved.choice(), Choice::kBackup) << "moving it changes nothing";
  for (const auto& one : backends) pool->check_failed(*one, "x");
  const Slot panic = pick(*pool);
  ASSERT_TRUE(panic);
  EXPECT_EQ(panic.choice(), Choice::kPanic);
  EXPECT_EQ(word(panic.choice()), "panic");
}

TEST(Slot, SaysThatItsBackendShouldBeEjected) {
  const auto pool = pool_of(several(1));
  Slot slot = pick(*pool);
  for (int i = 0; i < 5; ++i) slot.connect_failed(kStart, "connect_refused");
  const Slot again = pick(*pool);
  ASSERT_TRUE(again);
  EXPECT_EQ(again.choice(), Choice::kPassedOver);
  EXPECT_EQ(word(again.choice()), "passed_over");
  EXPECT_EQ(slot.choice(), Choice::kUsable) << "it was picked before";
}

TEST(Slot, TellsThePoolHowItWent) {
  const auto pool = pool_of(several(2));
  Slot slot = pick(*pool);
  const BackendCounters& counters = slot.backend()->counters();
  for (int i = 0; i < 4; ++i) slot.connect_failed(kStart, "connect_refused");
  EXPECT_EQ(counters.failed_attempts.value(), 4u);
  slot.connected(kStart, base::Micros(5));
  EXPECT_EQ(counters.sessions.value(), 1u);
  slot.connect_failed(kStart, "connect_refused");
  EXPECT_EQ(pool->view().healthy, 2u) << "one had stood meanwhile";
  for (int i = 0; i < 5; ++i) {
    slot.connected(kStart, base::Micros(5));
    slot.reset_early(kStart);
  }
  EXPECT_EQ(counters.early_resets.value(), 5u);
  EXPECT_EQ(pool->view().backends[0].state, BackendState::kEjected)
      << "a connect that stood alone proves nothing";
  EXPECT_EQ(pool->view().healthy, 1u);
}

TEST(Slot, ClearsTheFailuresWhenTheBackendHasServed) {
  const auto pool = pool_of(several(2));
  Slot slot = pick(*pool);
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 4; ++i) slot.reset_early(kStart);
    slot.served();
  }
  EXPECT_EQ(pool->view().healthy, 2u);
}

TEST(Slot, TakesAConnectForServiceWhereResetsAreNotObserved) {
  PoolOptions options;
  options.roster.ejection.observe_resets = false;
  const auto pool = pool_of(several(2), options);
  Slot slot = pick(*pool);
  for (int i = 0; i < 20; ++i) slot.reset_early(kStart);
  EXPECT_EQ(pool->view().healthy, 2u);
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 4; ++i) slot.connect_failed(kStart, "x");
    slot.connected(kStart, base::Micros(5));
  }
  EXPECT_EQ(pool->view().healthy, 2u);
  for (int i = 0; i < 5; ++i) slot.connect_failed(kStart, "x");
  EXPECT_EQ(pool->view().healthy, 1u);
}

TEST(Slot, IsGoodToTheEndWhenItsBackendHasLeft) {
  const auto pool = pool_of(several(2));
  Slot slot = pick(*pool);
  pool->replace({backend("b")}, kStart);
  slot.connect_failed(kStart, "x");
  slot.connected(kStart, base::Micros(1));
  slot.reset_early(kStart);
  slot.served();
  EXPECT_EQ(pool->view().backends.size(), 2u);
  slot.release();
  EXPECT_EQ(pool->view().backends.size(), 1u);
}

TEST(Slot, CountsInItsPoolHowLongAConnectTookThatASessionWaitedFor) {
  const auto pool = pool_of(several(2));
  Slot slot = pick(*pool);
  slot.connect_failed(kStart, "x");
  slot.connected(kStart, base::Micros(100));
  slot = pick(*pool);
  slot.connected(kStart, base::Micros(30'000'000));
  slot = pick(*pool);
  slot.took_warm(base::Micros(70));
  const metrics::HistogramReading connects = pool->counters().connects.read();
  EXPECT_EQ(connects.buckets.front(), 1u);
  EXPECT_EQ(connects.buckets.back(), 1u);
  EXPECT_EQ(connects.microseconds, 30'000'100u) << "neither the one that failed nor the warm one";
}

TEST(Slot, OfAWarmConnectionTellsWhatItsConnectTook) {
  const auto pool = pool_of({backend("a")});
  Slot slot = pick(*pool);
  slot.took_warm(base::Micros(70));
  const BackendView view = pool->view().backends.at(0);
  EXPECT_EQ(view.connect_time, 70u);
  EXPECT_EQ(view.in_flight, 1u);
  EXPECT_EQ(view.backend->counters().sessions.value(), 1u);
  EXPECT_EQ(view.backend->counters().warm_used.value(), 1u);
}

}  // namespace
}  // namespace weir::pool
