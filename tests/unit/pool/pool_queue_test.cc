// The queue of a pool, as those see it who wait in it.
#include <gtest/gtest.h>

#include <list>

#include "unit/pool/pools.h"
#include "unit/pool/waiting.h"

namespace weir::pool {
namespace {

class PoolQueue : public testing::Test {
 protected:
  Guest& guest() { return guests.emplace_back(bell); }
  // One that has a place or waits.
  Guest& come(Pool& pool, std::initializer_list<balance::BackendIndex> tried = {}) {
    Guest& one = guest();
    for (const balance::BackendIndex index : tried) one.tried.add(index);
    EXPECT_TRUE(one.come(pool));
    return one;
  }
  Bell bell;
  std::list<Guest> guests;
};

TEST_F(PoolQueue, IsServedFirstComeFirstServed) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Guest& holder = come(*pool);
  Guest& first = come(*pool);
  Guest& second = come(*pool);
  EXPECT_EQ(pool->view().waiting, 2u);
  EXPECT_EQ(pool->counters().queued.value(), 2u);
  holder.slot.release();
  EXPECT_EQ(in_flight(*pool, "a"), 1u) << "the place has been handed over";
  bell.deliver();
  EXPECT_EQ(first.at(), "a");
  EXPECT_FALSE(second.was_told);
  first.slot.release();
  bell.deliver();
  EXPECT_EQ(second.at(), "a");
  EXPECT_EQ(pool->view().waiting, 0u);
}

TEST_F(PoolQueue, LetsNobodyOvertakeWhoWaits) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Guest& holder = come(*pool);
  come(*pool);
  holder.slot.release();
  Guest& late = guest();
  late.slot = pick(*pool);
  EXPECT_FALSE(late.slot) << "the place is the first one's, told or not";
}

TEST_F(PoolQueue, GivesAPlaceToTheFirstThatCanUseIt) {
  const auto pool = pool_of(several(2, {.most_sessions = 1}));
  Guest& at_a = come(*pool);
  Guest& at_b = come(*pool);
  Guest& not_a = come(*pool, {0});
  Guest& any = come(*pool);
  at_a.slot.release();
  bell.deliver();
  EXPECT_EQ(any.at(), "a");
  EXPECT_FALSE(not_a.was_told);
  at_b.slot.release();
  bell.deliver();
  EXPECT_EQ(not_a.at(), "b");
}

TEST_F(PoolQueue, LetsNoneWhoMayNotUseABackupHoldUpOneWhoMay) {
  const auto pool = pool_of(
      {backend("a", {.most_sessions = 1}), backend("spare", {.most_sessions = 1, .is_backup = true})});
  Guest& at_a = come(*pool);
  Guest& at_spare = come(*pool, {0});
  ASSERT_EQ(at_spare.at(), "spare");
  Guest& front = come(*pool);
  Guest& behind = come(*pool, {0});
  at_spare.slot.release();
  bell.deliver();
  EXPECT_EQ(behind.at(), "spare");
  EXPECT_FALSE(front.was_told);
  at_a.slot.release();
  bell.deliver();
  EXPECT_EQ(front.at(), "a");
}

TEST_F(PoolQueue, LetsOneWhosePlaceWasOfNoUseStandWhereItStood) {
  const auto pool = pool_of(several(2, {.most_sessions = 1}));
  Guest& at_a = come(*pool);
  Guest& at_b = come(*pool);
  Guest& first = come(*pool);
  Guest& second = come(*pool, {1});
  at_b.slot.release();
  bell.deliver();
  ASSERT_EQ(first.at(), "b");
  first.tried.add(1);
  first.slot.release();
  ASSERT_TRUE(pool->wait(first.waiter, {first.key, first.tried}, true));
  at_a.slot.release();
  bell.deliver();
  EXPECT_EQ(first.at(), "a");
  EXPECT_FALSE(second.was_told);
}

TEST_F(PoolQueue, TakesOneThatComesAgainThoughItIsFullAndCountsItOnce) {
  PoolOptions options;
  options.queue_length = 1;
  const auto pool = pool_of({backend("a", {.most_sessions = 1})}, options);
  Guest& holder = come(*pool);
  Guest& first = come(*pool);
  holder.slot.release();
  bell.deliver();
  ASSERT_EQ(first.at(), "a");
  come(*pool);
  ASSERT_EQ(pool->view().waiting, 1u);
  first.slot.release();
  bell.deliver();
  come(*pool);
  EXPECT_FALSE(pool->wait(guest().waiter, {0, {}}));
  EXPECT_TRUE(pool->wait(first.waiter, {0, {}}, true));
  EXPECT_EQ(pool->view().waiting, 2u);
  EXPECT_EQ(pool->counters().queued.value(), 3u);
}

// The second one has room all the time, so nobody can be waiting for it.
TEST_F(PoolQueue, IsNotLookedThroughForABackendThatHadRoom) {
  PoolOptions options;
  options.roster.policy = balance::PolicyName::kSourceHash;
  options.queue_length = 10;
  const auto pool = pool_of({backend("a", {.most_sessions = 1}), backend("b")}, options);
  std::uint64_t key_of_a = 0;
  std::uint64_t key_of_b = 0;
  for (std::uint64_t key = 1; key_of_a * key_of_b == 0; ++key) {
    NoPick why_not = NoPick::kNone;
    (pool->pick({key, {}}, why_not).backend()->name() == "a" ? key_of_a : key_of_b) = key;
  }
  Guest& at_a = guest();
  ASSERT_TRUE(at_a.come(*pool, key_of_a));
  Guest& waits = guest();
  ASSERT_TRUE(waits.come(*pool, key_of_a));
  Guest& at_b = guest();
  ASSERT_TRUE(at_b.come(*pool, key_of_b));
  at_b.slot.release();
  bell.deliver();
  EXPECT_FALSE(waits.was_told);
  at_a.slot.release();
  bell.deliver();
  EXPECT_EQ(waits.at(), "a");
}

TEST_F(PoolQueue, IsBounded) {
  PoolOptions options;
  options.queue_length = 2;
  const auto pool = pool_of({backend("a", {.most_sessions = 1})}, options);
  come(*pool);
  come(*pool);
  Guest& second = come(*pool);
  Guest& third = guest();
  EXPECT_FALSE(third.come(*pool));
  EXPECT_FALSE(third.waiter.waits());
  EXPECT_EQ(pool->counters().queue_refused.value(), 1u);
  EXPECT_FALSE(second.waiter.leave());
  EXPECT_TRUE(third.come(*pool)) << "there is room for one again";
}

TEST_F(PoolQueue, IsNotThereWithLengthZero) {
  PoolOptions options;
  options.queue_length = 0;
  const auto pool = pool_of({backend("a", {.most_sessions = 1})}, options);
  come(*pool);
  EXPECT_FALSE(guest().come(*pool));
  EXPECT_EQ(pool->counters().queue_refused.value(), 1u);
}

TEST_F(PoolQueue, WakesAtOnceWhereAPlaceHasComeFreeMeanwhile) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Guest& one = guest();
  EXPECT_TRUE(pool->wait(one.waiter, {0, one.tried}));
  EXPECT_TRUE(one.waiter.waits()) << "until it has been told";
  EXPECT_EQ(pool->view().waiting, 0u);
  bell.deliver();
  EXPECT_FALSE(one.waiter.waits());
  EXPECT_EQ(one.at(), "a");
}

TEST_F(PoolQueue, ForgetsOneThatLeaves) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Guest& holder = come(*pool);
  Guest& first = come(*pool);
  Guest& second = come(*pool);
  EXPECT_FALSE(first.waiter.leave());
  EXPECT_FALSE(first.waiter.waits());
  EXPECT_FALSE(first.waiter.leave()) << "twice is nothing";
  holder.slot.release();
  bell.deliver();
  EXPECT_FALSE(first.was_told);
  EXPECT_EQ(second.at(), "a");
}

TEST_F(PoolQueue, GivesOneThatLeavesThePlaceThatItHadAlready) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Guest& holder = come(*pool);
  Guest& first = come(*pool);
  holder.slot.release();
  const Slot given = first.waiter.leave();
  EXPECT_EQ(name_of(given), "a");
  bell.deliver();
  EXPECT_FALSE(first.was_told);
}

TEST_F(PoolQueue, GivesThePlaceOfOneThatIsGoneToTheNext) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Guest& holder = come(*pool);
  auto gone = std::make_unique<Guest>(bell);
  gone->come(*pool);
  Guest& second = come(*pool);
  holder.slot.release();
  ASSERT_EQ(bell.woken.size(), 1u);
  gone.reset();
  bell.deliver();
  EXPECT_EQ(second.at(), "a");
}

TEST_F(PoolQueue, WakesEverybodyWhenThereIsNothingLeftToWaitFor) {
  PoolOptions options;
  options.roster = checked();
  const auto pool = pool_of({backend("a", {.most_sessions = 1})}, options);
  const auto a = pool->backends()[0];
  come(*pool);
  Guest& first = come(*pool);
  Guest& second = come(*pool);
  pool->check_failed(*a, "no answer");
  bell.deliver();
  for (const Guest* one : {&first, &second}) {
    EXPECT_TRUE(one->was_told);
    EXPECT_FALSE(one->slot);
    EXPECT_EQ(one->why_not, NoPick::kNobody);
  }
  EXPECT_EQ(pool->view().waiting, 0u);
}

TEST_F(PoolQueue, WakesOneThatHasTriedAllThatAreLeft) {
  PoolOptions options;
  options.roster = checked();
  const auto pool = pool_of(several(2, {.most_sessions = 1}), options);
  const auto b = pool->backends()[1];
  come(*pool);
  come(*pool);
  Guest& tried_a = come(*pool, {0});
  Guest& any = come(*pool);
  pool->check_failed(*b, "no answer");
  bell.deliver();
  EXPECT_EQ(tried_a.why_not, NoPick::kNobody);
  EXPECT_TRUE(tried_a.was_told);
  EXPECT_FALSE(any.was_told) << "it still waits for a";
}

TEST_F(PoolQueue, DoesNotTakeAnEarlierReasonForTheLastOne) {
  PoolOptions options;
  options.roster = checked();
  const auto pool = pool_of({backend("a", {.most_sessions = 1})}, options);
  const auto a = pool->backends()[0];
  Guest& holder = come(*pool);
  Guest& one = come(*pool);
  pool->check_failed(*a, "no answer");
  bell.deliver();
  pool->check_passed(*a, kStart);
  ASSERT_TRUE(one.come(*pool));
  EXPECT_EQ(one.waiter.why_not(), NoPick::kNone);
  holder.slot.release();
  bell.deliver();
  EXPECT_EQ(one.at(), "a");
  EXPECT_EQ(one.why_not, NoPick::kNone);
}

// Whatever makes a backend usable serves who waits.
TEST_F(PoolQueue, IsServedByABackendThatBecomesUsable) {
  PoolOptions options;
  options.roster = checked();
  options.roster.ejection.max_ejected = 1;
  const auto pool = pool_of(several(4, {.most_sessions = 1}), options);
  const Backends all = pool->backends();
  pool->check_failed(*all[0], "x");
  pool->set_mode(*all[1], BackendMode::kMaintenance, kStart);
  Guest& at_c = come(*pool);
  Guest& at_d = come(*pool);
  ASSERT_EQ(at_c.at() + at_d.at(), "cd");
  for (int i = 0; i < 5; ++i) at_c.slot.connect_failed(kStart, "x");
  at_c.slot.release();
  std::vector<Guest*> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(&come(*pool));
  EXPECT_TRUE(bell.woken.empty());
  pool->check_passed(*all[0], kStart);
  bell.deliver();
  EXPECT_EQ(waiting[0]->at(), "a");
  pool->set_mode(*all[1], BackendMode::kUp, kStart);
  bell.deliver();
  EXPECT_EQ(waiting[1]->at(), "b");
  pool->advance(kStart + std::chrono::seconds(30));
  bell.deliver();
  EXPECT_EQ(waiting[2]->at(), "c");
  Backends more = all;
  more.push_back(backend("e", {.most_sessions = 1}));
  pool->replace(more, kStart);
  bell.deliver();
  EXPECT_EQ(waiting[3]->at(), "e");
}

TEST_F(PoolQueue, GetsNoPlaceAtABackendThatIsNoLongerUsed) {
  const auto pool = pool_of(several(2, {.most_sessions = 1}));
  Guest& at_a = come(*pool);
  Guest& at_b = come(*pool);
  Guest& one = come(*pool);
  pool->set_mode(*at_a.slot.backend(), BackendMode::kDrain, kStart);
  at_a.slot.release();
  bell.deliver();
  EXPECT_FALSE(one.was_told);
  at_b.slot.release();
  bell.deliver();
  EXPECT_EQ(one.at(), "b");
}

}  // namespace
}  // namespace weir::pool
