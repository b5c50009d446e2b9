#include "pool/pool.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <list>
#include <thread>

#include "unit/pool/backends.h"
#include "unit/pool/waiting.h"

namespace weir::pool {
namespace {

struct Options {
  RosterRules roster{};
  std::uint32_t queue_length = 100;
};

std::shared_ptr<Pool> pool_of(Backends backends, const Options& options = {}) {
  PoolSettings settings;
  settings.name = "p";
  settings.roster = options.roster;
  settings.queue_length = options.queue_length;
  return std::make_shared<Pool>(std::move(settings), std::move(backends));
}

RosterRules checked() {
  RosterRules rules;
  rules.health = {.is_checked = true, .rise = 1, .fall = 1};
  return rules;
}

Slot pick(Pool& pool, const balance::Tried& tried = {}) {
  NoPick why_not = NoPick::kNone;
  return pool.pick({0, tried}, why_not);
}

std::string name_of(const Slot& slot) { return slot ? slot.backend()->name() : "none"; }

std::uint32_t in_flight(const Pool& pool, std::string_view name) {
  for (const BackendView& view : pool.view().backends) {
    if (view.backend->name() == name) return view.in_flight;
  }
  ADD_FAILURE() << "no backend " << name;
  return 0;
}

TEST(Pool, FollowsWeights) {
  const auto pool = pool_of({backend("light"), backend("heavy", {.weight = 3})});
  std::map<std::string, int> picks;
  for (int i = 0; i < 40; ++i) ++picks[name_of(pick(*pool))];
  EXPECT_EQ(picks, (std::map<std::string, int>{{"light", 10}, {"heavy", 30}}));
}

TEST(Pool, NumbersItsPlacesAndSaysWithAnEventWhichWasTheLast) {
  const auto pool = pool_of(several(2), {.roster = checked()});
  const Slot first = pick(*pool);
  const Slot second = pick(*pool);
  EXPECT_EQ(first.number(), 1u);
  EXPECT_EQ(second.number(), 2u);
  pool->check_failed(*first.backend(), "x");
  const Slot third = pick(*pool);
  EXPECT_EQ(third.number(), 3u);
  const auto events = pool->advance(kStart);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].last_place, 2u);
}

TEST(Pool, KnowsWhetherABackendHasSessions) {
  const auto pool = pool_of(several(1));
  const auto a = pool->backends()[0];
  EXPECT_FALSE(pool->has_sessions_at(*a));
  Slot slot = pick(*pool);
  EXPECT_TRUE(pool->has_sessions_at(*a));
  pool->replace({backend("b")}, kStart);
  EXPECT_TRUE(pool->has_sessions_at(*a)) << "those that it has stay when it leaves";
  slot.release();
  EXPECT_FALSE(pool->has_sessions_at(*a));
}

TEST(Pool, SourceHashFindsTheSameBackendsAfterAChangeAsAPoolThatWasMadeSo) {
  RosterRules rules;
  rules.policy = balance::PolicyName::kSourceHash;
  const auto changed = pool_of(several(5), {.roster = rules});
  changed->replace({backend("e"), backend("b"), backend("c")}, kStart);
  changed->replace({backend("f"), backend("e"), backend("b"), backend("a")}, kStart);
  const auto made = pool_of({backend("a"), backend("b"), backend("e"), backend("f")}, {.roster = rules});
  for (std::uint64_t key = 0; key < 1'000; ++key) {
    NoPick why_not = NoPick::kNone;
    const std::uint64_t spread = key * 0x9e3779b97f4a7c15u;
    ASSERT_EQ(name_of(changed->pick({spread, {}}, why_not)), name_of(made->pick({spread, {}}, why_not)));
  }
}

TEST(Pool, AFirstPickIsNotMovedByRetriesOfOthers) {
  const auto pool = pool_of(several(3));
  std::string order;
  for (int i = 0; i < 9; ++i) {
    const Slot first = pick(*pool);
    order += name_of(first);
    balance::Tried tried;
    tried.add(first.index());
    const Slot second = pick(*pool, tried);
    EXPECT_NE(name_of(second), name_of(first));
  }
  EXPECT_EQ(order, "abcabcabc");
}

TEST(Pool, SaysWhyItHasNothing) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  NoPick why_not = NoPick::kNone;
  const Slot slot = pool->pick({0, {}}, why_not);
  EXPECT_EQ(why_not, NoPick::kNone);
  EXPECT_FALSE(pool->pick({0, {}}, why_not));
  EXPECT_EQ(why_not, NoPick::kFull);
  pool->set_mode(*slot.backend(), BackendMode::kDrain, kStart);
  EXPECT_FALSE(pool->pick({0, {}}, why_not));
  EXPECT_EQ(why_not, NoPick::kNoneUsable);
}

TEST(Pool, HasTheWordsOfTheLogForStates) {
  EXPECT_EQ(word(BackendState::kUp), "up");
  EXPECT_EQ(word(BackendState::kDrain), "drain");
  EXPECT_EQ(word(BackendState::kMaintenance), "maintenance");
  EXPECT_EQ(word(BackendState::kEjected), "ejected");
  EXPECT_EQ(word(BackendState::kDown), "down");
}

// Slots

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
  Options options;
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

// The queue

class Queue : public testing::Test {
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

TEST_F(Queue, IsServedFirstComeFirstServed) {
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

TEST_F(Queue, LetsNobodyOvertakeWhoWaits) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Guest& holder = come(*pool);
  come(*pool);
  holder.slot.release();
  Guest& late = guest();
  late.slot = pick(*pool);
  EXPECT_FALSE(late.slot) << "the place is the first one's, told or not";
}

TEST_F(Queue, GivesAPlaceToTheFirstThatCanUseIt) {
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

TEST_F(Queue, LetsNoneWhoMayNotUseABackupHoldUpOneWhoMay) {
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

TEST_F(Queue, LetsOneWhosePlaceWasOfNoUseStandWhereItStood) {
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

TEST_F(Queue, TakesOneThatComesAgainThoughItIsFullAndCountsItOnce) {
  Options options;
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
TEST_F(Queue, IsNotLookedThroughForABackendThatHadRoom) {
  Options options;
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

TEST_F(Queue, IsBounded) {
  Options options;
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

TEST_F(Queue, IsNotThereWithLengthZero) {
  Options options;
  options.queue_length = 0;
  const auto pool = pool_of({backend("a", {.most_sessions = 1})}, options);
  come(*pool);
  EXPECT_FALSE(guest().come(*pool));
  EXPECT_EQ(pool->counters().queue_refused.value(), 1u);
}

TEST_F(Queue, WakesAtOnceWhereAPlaceHasComeFreeMeanwhile) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Guest& one = guest();
  EXPECT_TRUE(pool->wait(one.waiter, {0, one.tried}));
  EXPECT_TRUE(one.waiter.waits()) << "until it has been told";
  EXPECT_EQ(pool->view().waiting, 0u);
  bell.deliver();
  EXPECT_FALSE(one.waiter.waits());
  EXPECT_EQ(one.at(), "a");
}

TEST_F(Queue, ForgetsOneThatLeaves) {
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

TEST_F(Queue, GivesOneThatLeavesThePlaceThatItHadAlready) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Guest& holder = come(*pool);
  Guest& first = come(*pool);
  holder.slot.release();
  const Slot given = first.waiter.leave();
  EXPECT_EQ(name_of(given), "a");
  bell.deliver();
  EXPECT_FALSE(first.was_told);
}

TEST_F(Queue, GivesThePlaceOfOneThatIsGoneToTheNext) {
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

TEST_F(Queue, WakesEverybodyWhenThereIsNothingLeftToWaitFor) {
  Options options;
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
    EXPECT_EQ(one->why_not, NoPick::kNoneUsable);
  }
  EXPECT_EQ(pool->view().waiting, 0u);
}

TEST_F(Queue, WakesOneThatHasTriedAllThatAreLeft) {
  Options options;
  options.roster = checked();
  const auto pool = pool_of(several(2, {.most_sessions = 1}), options);
  const auto b = pool->backends()[1];
  come(*pool);
  come(*pool);
  Guest& tried_a = come(*pool, {0});
  Guest& any = come(*pool);
  pool->check_failed(*b, "no answer");
  bell.deliver();
  EXPECT_EQ(tried_a.why_not, NoPick::kAllTried);
  EXPECT_TRUE(tried_a.was_told);
  EXPECT_FALSE(any.was_told) << "it still waits for a";
}

TEST_F(Queue, DoesNotTakeAnEarlierReasonForTheLastOne) {
  Options options;
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
TEST_F(Queue, IsServedByABackendThatBecomesUsable) {
  Options options;
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

TEST_F(Queue, GetsNoPlaceAtABackendThatIsNoLongerUsed) {
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

// Retries

TEST(Pool, GivesNoBudgetForSessionsThatItTurnsAway) {
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Slot held = pick(*pool);
  while (pool->may_retry(kStart)) {
  }
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(pick(*pool));
  EXPECT_FALSE(pool->may_retry(kStart));
  held.release();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(pick(*pool));
  EXPECT_TRUE(pool->may_retry(kStart));
}

TEST(Pool, CountsRetriesAgainstABudgetThatFirstAttemptsFill) {
  const auto pool = pool_of(several(2));
  int allowed = 0;
  while (allowed < 1'000 && pool->may_retry(kStart)) ++allowed;
  EXPECT_EQ(allowed, 100);
  balance::Tried tried;
  tried.add(0);
  for (int i = 0; i < 10; ++i) pick(*pool, tried);
  EXPECT_FALSE(pool->may_retry(kStart)) << "a retry earns no retry";
  for (int i = 0; i < 10; ++i) pick(*pool);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(pool->may_retry(kStart));
  EXPECT_FALSE(pool->may_retry(kStart));
  EXPECT_EQ(pool->counters().retries.value(), 105u);
  EXPECT_EQ(pool->counters().retries_denied.value(), 3u);
}

// What checks and the operator say

TEST(Pool, TakesALostWarmConnectionForAConnectThatFailed) {
  RosterRules rules;
  rules.ejection.consecutive_failures = 2;
  rules.ejection.max_ejected = 1;
  const auto all = several(2);
  const auto pool = pool_of(all, {.roster = rules});
  pool->warm_lost(*all[0], kStart);
  EXPECT_EQ(pool->view().backends[0].state, BackendState::kUp);
  pool->warm_lost(*all[0], kStart);
  EXPECT_EQ(pool->view().backends[0].state, BackendState::kEjected);
  EXPECT_EQ(all[0]->counters().failed_attempts.value(), 2u);
  pool->replace({all[1]}, kStart);
  pool->warm_lost(*all[0], kStart);
  EXPECT_EQ(pool->view().backends.size(), 1u) << "of one that has left nothing is wanted any more";
}

TEST(Pool, TellsWhetherMoreChecksShouldFollowSoon) {
  Options options;
  options.roster.health = {.is_checked = true, .rise = 2, .fall = 2};
  const auto pool = pool_of(several(1), options);
  const auto a = pool->backends()[0];
  EXPECT_TRUE(pool->check_failed(*a, "x"));
  EXPECT_FALSE(pool->check_failed(*a, "x")) << "now it is down";
  EXPECT_TRUE(pool->check_passed(*a, kStart));
  EXPECT_FALSE(pool->check_passed(*a, kStart));
}

TEST(Pool, HearsNothingOfABackendThatHasLeftOrNeverCame) {
  Options options;
  options.roster.health = {.is_checked = true, .rise = 1, .fall = 2};
  const auto pool = pool_of(several(2), options);
  const Slot slot = pick(*pool);
  const auto a = slot.backend();
  pool->replace({backend("b")}, kStart);
  pool->advance(kStart);
  const auto stranger = backend("x");
  for (const auto& one : {a, stranger}) {
    EXPECT_FALSE(pool->check_failed(*one, "x"));
    EXPECT_FALSE(pool->check_failed(*one, "x"));
    EXPECT_FALSE(pool->check_passed(*one, kStart));
    pool->set_mode(*one, BackendMode::kMaintenance, kStart);
  }
  EXPECT_TRUE(pool->advance(kStart).empty());
  EXPECT_EQ(a->counters().checks_failed.value(), 0u);
}

TEST(Pool, TellsWhatHasHappenedOnceAndInOrder) {
  Options options;
  options.roster = checked();
  const auto pool = pool_of(several(2), options);
  const auto backends = pool->backends();
  pool->check_failed(*backends[0], "no answer");
  pool->set_mode(*backends[1], BackendMode::kDrain, kStart);
  const auto events = pool->advance(kStart);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].change, Change::kDown);
  EXPECT_EQ(events[0].reason, "no answer");
  EXPECT_EQ(events[1].change, Change::kMode);
  EXPECT_EQ(events[1].healthy, 0u);
  EXPECT_TRUE(pool->advance(kStart).empty());
}

TEST(Pool, ShowsHowAllStand) {
  const auto pool = pool_of({backend("a"), backend("b", {.mode = BackendMode::kDrain})});
  Slot slot = pick(*pool);
  slot.connected(kStart, base::Micros(70));
  const PoolView view = pool->view();
  ASSERT_EQ(view.backends.size(), 2u);
  EXPECT_EQ(view.backends[0].in_flight, 1u);
  EXPECT_EQ(view.backends[0].connect_time, 70u);
  EXPECT_EQ(view.backends[1].state, BackendState::kDrain);
  EXPECT_EQ(view.backends[1].reason, "configured");
  EXPECT_EQ(view.healthy, 1u);
  EXPECT_EQ(view.total, 2u);
  EXPECT_FALSE(view.panic);
}

// Threads

TEST(Pool, GivesNoBackendMoreThanItMayHaveOverFourThreads) {
  constexpr std::size_t kMost[] = {1, 3, 7};
  const auto pool =
      pool_of({backend("a", {.most_sessions = kMost[0]}), backend("b", {.most_sessions = kMost[1]}),
               backend("c", {.most_sessions = kMost[2]})});
  std::array<std::atomic<int>, 3> held{};
  std::array<std::atomic<int>, 3> most_held{};
  std::atomic<int> too_many{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<Slot> slots;
      for (int round = 0; round < 5'000; ++round) {
        Slot slot = pick(*pool);
        if (slot) {
          const int now = ++held[slot.index()];
          if (now > static_cast<int>(kMost[slot.index()])) ++too_many;
          int before = most_held[slot.index()].load();
          while (now > before && !most_held[slot.index()].compare_exchange_weak(before, now)) {
          }
          slots.push_back(std::move(slot));
        }
        // Eight at most for each thread: together more than there are places.
        if (slots.size() == 8 || round % 3 == 0) {
          for (Slot& one : slots) {
            if (one) --held[one.index()];
          }
          slots.clear();
        }
      }
      for (Slot& one : slots) --held[one.index()];
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(too_many, 0);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_GE(most_held[i], 1);
  for (const BackendView& view : pool->view().backends) EXPECT_EQ(view.in_flight, 0u);
}

TEST(Pool, GivesEachItsExactShareOverFourThreads) {
  const auto pool = pool_of(several(4));
  std::array<std::atomic<int>, 4> picks{};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2'501; ++i) ++picks[pick(*pool).index()];
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& share : picks) EXPECT_EQ(share, 2'501);
}

TEST(Pool, NamesThoseOfItsBackendsThatAreUp) {
  RosterRules rules = checked();
  rules.panic_threshold = 0.9;
  const Backends all{backend("a"),
                     backend("drained", {.mode = BackendMode::kDrain}),
                     backend("resting", {.mode = BackendMode::kMaintenance}),
                     backend("down"),
                     backend("weightless", {.weight = 0}),
                     backend("spare")};
  const auto pool = pool_of(all, {.roster = rules});
  pool->check_failed(*all[3], "it says nothing");
  EXPECT_TRUE(pool->view().panic) << "so the one that is down is used too";
  EXPECT_EQ(pool->backends_up(), (Backends{all[0], all[5]}));
  const Slot held = pick(*pool);
  pool->replace({all[5]}, kStart);
  EXPECT_EQ(pool->backends_up(), Backends{all[5]}) << "one that has left is not up, whatever it still serves";
}

TEST(Slot, OfAWarmConnectionTellsNothingOfConnectTimes) {
  const auto pool = pool_of({backend("a")});
  Slot slot = pick(*pool);
  slot.took_warm();
  const BackendView view = pool->view().backends.at(0);
  EXPECT_EQ(view.connect_time, 0u);
  EXPECT_EQ(view.in_flight, 1u);
  EXPECT_EQ(view.backend->counters().sessions.value(), 1u);
  EXPECT_EQ(view.backend->counters().warm_used.value(), 1u);
}

}  // namespace
}  // namespace weir::pool
