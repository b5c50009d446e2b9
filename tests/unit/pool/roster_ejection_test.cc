#include "pool/roster.h"

#include <gtest/gtest.h>

#include "unit/pool/rosters.h"

namespace weir::pool {
namespace {

using balance::BackendIndex;

TEST(Roster, EjectsOneWhoseSessionsFailAndTakesItBack) {
  Roster roster({}, several(2));
  fail(roster, 0, kStart, 4);
  EXPECT_EQ(roster.state(0), BackendState::kUp);
  EXPECT_FALSE(roster.is_waiting());
  EXPECT_TRUE(roster.failed(0, Failure::kConnect, kStart, "connect_timeout"));
  EXPECT_EQ(chosen(roster, 3), "bbb");
  EXPECT_EQ(roster.backends()[0]->counters().ejections.value(), 1u);
  EXPECT_TRUE(roster.is_waiting());
  roster.advance(kStart + 29 * kSecond);
  EXPECT_EQ(roster.state(0), BackendState::kEjected);
  roster.advance(kStart + 30 * kSecond);
  EXPECT_EQ(roster.state(0), BackendState::kUp);
  EXPECT_FALSE(roster.is_waiting());
  auto events = roster.take_events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].change, Change::kEjected);
  EXPECT_EQ(events[0].state, BackendState::kEjected);
  EXPECT_EQ(events[0].reason, "its sessions fail, the last one: connect_timeout; for 30s");
  EXPECT_EQ(events[0].healthy, 1u);
  EXPECT_EQ(events[1].change, Change::kReturned);
  EXPECT_EQ(events[1].state, BackendState::kUp);
  EXPECT_EQ(events[1].healthy, 2u);
}

TEST(Roster, ForgetsFailuresOnceASessionIsServed) {
  Roster roster({}, several(2));
  for (int round = 0; round < 5; ++round) {
    fail(roster, 0, kStart, 4);
    EXPECT_TRUE(roster.backends()[0]->is_suspect());
    roster.served(0);
    EXPECT_FALSE(roster.backends()[0]->is_suspect());
  }
  EXPECT_EQ(roster.state(0), BackendState::kUp);
}

// One that was served while it was out has nothing to tell any more, unless it is asked to.
TEST(Roster, EndsTheTrialOfOneThatIsBackWithTheFirstSessionThatIsServed) {
  Roster roster({}, several(2));
  const auto resets = [&](int times, base::TimePoint now) {
    for (int i = 0; i < times; ++i) roster.failed(0, Failure::kReset, now, "reset at once");
  };
  resets(5, kStart);
  ASSERT_EQ(roster.state(0), BackendState::kEjected);
  roster.served(0);
  roster.advance(kStart + 30 * kSecond);
  ASSERT_EQ(roster.state(0), BackendState::kUp);
  EXPECT_TRUE(roster.backends()[0]->is_suspect());
  roster.served(0);
  resets(4, kStart + 60 * kSecond);
  EXPECT_EQ(roster.state(0), BackendState::kUp);
  resets(1, kStart + 60 * kSecond);
  EXPECT_EQ(roster.state(0), BackendState::kEjected);
}

TEST(Roster, TellsWhatConnectsThatStoodHaveTaken) {
  Roster roster({}, several(1));
  fail(roster, 0, kStart, 4);
  EXPECT_EQ(roster.connect_time(0), 0u);
  roster.connected(0, kStart, base::Micros(80));
  EXPECT_EQ(roster.connect_time(0), 80u);
  fail(roster, 0, kStart, 4);
  EXPECT_EQ(roster.connect_time(0), 80u);
  EXPECT_GT(roster.member(0).connect_time, 80u) << "to be quick to refuse is not to be fast";
  roster.connect_took(0, base::Micros(160));
  EXPECT_EQ(roster.connect_time(0), 90u);
}

TEST(Roster, SaysThatAnEjectionHasEndedSinceTheBackendCameUp) {
  Roster roster(checked(), several(3));
  fail(roster, 0);
  ASSERT_EQ(roster.state(0), BackendState::kEjected);
  roster.check_failed(0, "x");
  roster.take_events();
  roster.check_passed(0, kStart);
  const auto events = roster.take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].change, Change::kUp);
  EXPECT_EQ(events[0].reason, "its ejection has ended by that");
}

TEST(Roster, EjectsNoMoreThanTheShareThatMayBe) {
  struct Case {
    std::size_t backends;
    double share;
    std::size_t out;
  };
  for (const Case& c : {Case{1, 0.5, 0}, Case{2, 0.5, 1}, Case{3, 0.5, 1}, Case{4, 0.5, 2}, Case{10, 0.3, 3},
                        Case{10, 0.29, 2}, Case{20, 0.55, 11}, Case{3, 0, 0}, Case{3, 1, 3}}) {
    RosterRules rules;
    rules.ejection.max_ejected = c.share;
    Roster roster(rules, several(c.backends));
    for (BackendIndex i = 0; i < c.backends; ++i) fail(roster, i);
    std::size_t out = 0;
    for (BackendIndex i = 0; i < c.backends; ++i) {
      if (roster.state(i) == BackendState::kEjected) ++out;
    }
    EXPECT_EQ(out, c.out) << c.share << " of " << c.backends;
    EXPECT_EQ(roster.healthy(), 0u) << "the others are passed over";
  }
}

TEST(Roster, EjectsAnotherOnceOneIsBack) {
  Roster roster({}, several(2));
  fail(roster, 0);
  fail(roster, 1);
  EXPECT_EQ(roster.state(1), BackendState::kUp);
  EXPECT_TRUE(roster.advance(kStart + 30 * kSecond));
  EXPECT_TRUE(roster.failed(1, Failure::kConnect, kStart + 31 * kSecond, "x"));
  EXPECT_EQ(roster.state(1), BackendState::kEjected);
}

TEST(Roster, EjectsNoneThatIsNotUp) {
  Roster roster(checked(), several(4));
  roster.check_failed(0, "x");
  fail(roster, 0);
  roster.set_mode(1, BackendMode::kDrain, kStart);
  fail(roster, 1);
  EXPECT_EQ(roster.state(0), BackendState::kDown);
  EXPECT_EQ(roster.backends()[0]->counters().ejections.value(), 0u);
  EXPECT_EQ(roster.backends()[1]->counters().ejections.value(), 0u);
}

TEST(Roster, EndsAnEjectionWhenChecksBringItBackUp) {
  Roster roster(checked(), several(2));
  fail(roster, 0);
  roster.check_failed(0, "x");
  EXPECT_EQ(roster.state(0), BackendState::kDown);
  roster.check_passed(0, kStart);
  EXPECT_EQ(roster.state(0), BackendState::kUp);
  EXPECT_FALSE(roster.is_waiting());
  EXPECT_EQ(told(roster), (Texts{"ejected a 1/2", "down a 1/2", "up a 2/2"}));
}

TEST(Roster, EjectsOneThatIsBackAtItsFirstFailure) {
  Roster roster({}, several(2));
  fail(roster, 0);
  roster.advance(kStart + 30 * kSecond);
  EXPECT_EQ(roster.state(0), BackendState::kUp);
  EXPECT_TRUE(roster.failed(0, Failure::kConnect, kStart + 30 * kSecond, "x"));
  EXPECT_EQ(roster.state(0), BackendState::kEjected);
  roster.advance(kStart + 90 * kSecond);
  roster.connected(0, kStart + 90 * kSecond, base::Micros(5));
  EXPECT_FALSE(roster.failed(0, Failure::kConnect, kStart + 90 * kSecond, "x")) << "a connect had stood";
}

TEST(Roster, SaysNothingOfTheEndOfAnEjectionWhileChecksFail) {
  Roster roster(checked(), several(2));
  fail(roster, 0);
  roster.check_failed(0, "x");
  roster.advance(kStart + 30 * kSecond);
  EXPECT_EQ(roster.state(0), BackendState::kDown);
  EXPECT_EQ(told(roster), (Texts{"ejected a 1/2", "down a 1/2"}));
}

TEST(Roster, SaysWhetherTimeHasBroughtAnybodyBack) {
  RosterRules rules;
  rules.slow_start = 100 * kSecond;
  Roster roster(rules, several(2));
  fail(roster, 0);
  EXPECT_FALSE(roster.advance(kStart + 29 * kSecond));
  EXPECT_TRUE(roster.advance(kStart + 30 * kSecond));
  EXPECT_FALSE(roster.advance(kStart + 31 * kSecond)) << "it grows, but it is usable all the same";
}

TEST(Roster, LetsThoseWhoReturnNextComeBackWhenThePoolHasShrunk) {
  RosterRules rules;
  const Backends all = several(6);
  Roster roster(rules, all);
  for (BackendIndex i = 0; i < 3; ++i) fail(roster, i, kStart + i * kSecond);
  EXPECT_EQ(roster.healthy(), 3u);
  // Two of four may be out.
  roster.replace({all[0], all[1], all[2], all[3]}, kStart + 4 * kSecond);
  roster.advance(kStart + 4 * kSecond);
  EXPECT_EQ(roster.state(0), BackendState::kUp);
  EXPECT_EQ(roster.state(1), BackendState::kEjected);
  EXPECT_EQ(roster.state(2), BackendState::kEjected);
}

// Passed over

TEST(Roster, PassesOverThoseThatItMayNotEjectWhileAnotherIsLeft) {
  Roster roster({}, several(3));
  fail(roster, 0);
  fail(roster, 1);
  EXPECT_EQ(roster.state(0), BackendState::kEjected);
  EXPECT_EQ(roster.state(1), BackendState::kUp) << "one of three may be ejected";
  EXPECT_TRUE(roster.is_passed_over(1));
  EXPECT_EQ(
      roster.reason(1),
      "its sessions fail, the last one: connect_refused; used only when no other is left, as max_ejected "
      "allows no more ejections");
  EXPECT_EQ(roster.healthy(), 1u);
  EXPECT_EQ(chosen(roster, 6), "cccccc");
  EXPECT_EQ(choose(roster, tried_of({2})), "b");
  EXPECT_EQ(choose(roster, tried_of({1, 2})), "nobody");
  EXPECT_EQ(told(roster), (Texts{"ejected a 2/3", "passed over b 1/3"}));
}

TEST(Roster, PassesOverWithEveryPolicy) {
  for (const auto policy : {balance::PolicyName::kRoundRobin, balance::PolicyName::kLeastConnections,
                            balance::PolicyName::kRandomTwo, balance::PolicyName::kFastest,
                            balance::PolicyName::kSourceHash, balance::PolicyName::kFirst}) {
    RosterRules rules;
    rules.policy = policy;
    Roster roster(rules, several(3));
    fail(roster, 0);
    fail(roster, 1);
    EXPECT_EQ(chosen(roster, 20), std::string(20, 'c')) << static_cast<int>(policy);
  }
}

TEST(Roster, UsesThoseThatArePassedOverInTurnWhenNoOtherIsLeft) {
  Roster roster({}, several(4, {.most_sessions = 2}));
  for (BackendIndex i = 0; i < 4; ++i) fail(roster, i);
  EXPECT_EQ(roster.state(1), BackendState::kEjected);
  EXPECT_EQ(roster.healthy(), 0u);
  EXPECT_EQ(chosen(roster, 4), "cdcd");
  EXPECT_EQ(choose(roster), "full");
  EXPECT_TRUE(roster.may_use(2, {0, {}}));
  EXPECT_FALSE(roster.may_use(0, {0, {}}));
}

TEST(Roster, PrefersABackupToThoseThatArePassedOver) {
  Backends backends = several(2);
  backends.push_back(backend("backup", {.is_backup = true}));
  Roster roster({}, backends);
  fail(roster, 0);
  fail(roster, 1);
  EXPECT_TRUE(roster.is_passed_over(1));
  EXPECT_EQ(choose(roster), "backup");
  EXPECT_EQ(choose(roster, tried_of({2})), "b");
  EXPECT_FALSE(roster.may_use(1, {0, {}})) << "the backup is left";
}

TEST(Roster, GivesNothingToThoseThatArePassedOverWhereThereIsSomethingBetter) {
  Roster roster({}, several(2));
  roster.set_has_better(true);
  fail(roster, 0);
  fail(roster, 1);
  ASSERT_TRUE(roster.is_passed_over(1));
  EXPECT_EQ(choose(roster), "nobody");
  EXPECT_FALSE(roster.may_use(1, {0, {}}));
  EXPECT_FALSE(roster.takes_sessions(1));
  roster.connected(1, kStart, base::Micros(5));
  EXPECT_EQ(choose(roster), "b");
  EXPECT_EQ(choose(roster, tried_of({1})), "nobody");
}

TEST(Roster, TakesOneThatWasPassedOverBackWithTheFirstConnectThatStands) {
  RosterRules rules;
  rules.slow_start = 10 * kSecond;
  Roster roster(rules, several(1));
  fail(roster, 0);
  EXPECT_TRUE(roster.is_passed_over(0));
  EXPECT_EQ(choose(roster), "a");
  EXPECT_TRUE(roster.connected(0, kStart + kSecond, base::Micros(5)));
  EXPECT_FALSE(roster.is_passed_over(0));
  EXPECT_EQ(roster.healthy(), 1u);
  EXPECT_EQ(roster.member(0).weight, 1u) << "it begins slowly";
  EXPECT_FALSE(roster.connected(0, kStart + kSecond, base::Micros(5)));
  EXPECT_EQ(told(roster), (Texts{"passed over a 0/1", "returned a 1/1"}));
}

TEST(Roster, TakesOneThatWasPassedOverBackWithTheFirstCheckThatPasses) {
  Roster roster(checked(), several(2));
  fail(roster, 0);
  fail(roster, 1);
  ASSERT_TRUE(roster.is_passed_over(1));
  EXPECT_TRUE(roster.check_passed(1, kStart + kSecond));
  EXPECT_FALSE(roster.is_passed_over(1));
  EXPECT_FALSE(roster.check_passed(0, kStart + kSecond)) << "an ejection has its time";
  EXPECT_EQ(roster.state(0), BackendState::kEjected);
  EXPECT_EQ(told(roster), (Texts{"ejected a 1/2", "passed over b 0/2", "returned b 1/2"}));
}

TEST(Roster, TakesOneThatWasPassedOverBackAfterItsTime) {
  Roster roster({}, several(1));
  fail(roster, 0);
  roster.advance(kStart + 29 * kSecond);
  EXPECT_TRUE(roster.is_passed_over(0));
  roster.advance(kStart + 30 * kSecond);
  EXPECT_FALSE(roster.is_passed_over(0));
  EXPECT_EQ(roster.backends()[0]->counters().ejections.value(), 0u);
}

TEST(Roster, DoesNotPassOverOneThatTakesConnectionsAndResetsThem) {
  Roster roster({}, several(1));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(roster.failed(0, Failure::kReset, kStart, "reset at once"));
  EXPECT_FALSE(roster.is_passed_over(0));
  EXPECT_EQ(roster.healthy(), 1u);
}

TEST(Roster, ForgetsThoseThatWerePassedOverWhenTheyLeave) {
  const Backends all = several(2);
  RosterRules rules;
  rules.ejection.max_ejected = 0;
  Roster roster(rules, all);
  fail(roster, 0);
  fail(roster, 1);
  roster.set_mode(1, BackendMode::kDrain, kStart);
  EXPECT_FALSE(roster.is_passed_over(1));
  roster.replace({all[1]}, kStart);
  EXPECT_EQ(choose(roster), "nobody");
}

}  // namespace
}  // namespace weir::pool
