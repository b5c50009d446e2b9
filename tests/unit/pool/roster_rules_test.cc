// A roster that gets other rules: `Roster::change`.
#include <gtest/gtest.h>

#include "pool/roster.h"
#include "pool/slow_start.h"
#include "unit/pool/rosters.h"

namespace weir::pool {
namespace {

TEST(RosterRules, AreThoseOfTheNewConfigurationFromThenOn) {
  Roster roster(checked(), several(3));
  RosterRules patient = checked();
  patient.health.fall = 2;
  roster.change(patient, several(3), kStart);
  roster.check_failed(0, "x");
  EXPECT_EQ(roster.state(0), BackendState::kUp) << "one failure is not enough any more";
  roster.check_failed(0, "x");
  EXPECT_EQ(roster.state(0), BackendState::kDown);
}

TEST(RosterRules, LeaveTheStatesAsTheyAre) {
  Roster roster(checked(), several(4));
  roster.check_failed(0, "x");
  fail(roster, 1);
  choose(roster);
  told(roster);
  const auto before = roster.backends();
  RosterRules other = checked();
  other.panic_threshold = 0.1;
  other.slow_start = kSecond;
  roster.change(other, several(4), kStart);
  EXPECT_EQ(roster.backends(), before);
  EXPECT_EQ(roster.state(0), BackendState::kDown);
  EXPECT_EQ(roster.state(1), BackendState::kEjected);
  EXPECT_EQ(roster.member(2).in_flight, 1u);
  EXPECT_EQ(told(roster), Texts{});
}

TEST(RosterRules, WithoutChecksAllAreUp) {
  Roster roster(checked(), several(2));
  roster.check_failed(0, "x");
  told(roster);
  roster.change({}, several(2), kStart);
  EXPECT_EQ(roster.state(0), BackendState::kUp);
  EXPECT_EQ(roster.reason(0), "");
  EXPECT_EQ(told(roster), Texts{"up a 2/2"});
  EXPECT_EQ(shares(roster, 4), (std::map<std::string, int>{{"a", 2}, {"b", 2}}));
}

TEST(RosterRules, WithChecksAtLastThoseThatAreUpStayUp) {
  Roster roster({}, several(2));
  roster.change(checked(false), several(2), kStart);
  EXPECT_EQ(roster.state(0), BackendState::kUp) << "it served, whatever new ones begin as";
  roster.change(checked(false), {backend("a"), backend("b"), backend("c")}, kStart);
  EXPECT_EQ(roster.state(2), BackendState::kDown);
}

TEST(RosterRules, WithoutEjectionsNobodyIsOut) {
  Roster roster({}, several(2));
  fail(roster, 0);
  told(roster);
  RosterRules never;
  never.ejection.consecutive_failures = 0;
  roster.change(never, several(2), kStart);
  EXPECT_EQ(roster.state(0), BackendState::kUp);
  EXPECT_EQ(told(roster), Texts{"returned a 2/2"});
  EXPECT_FALSE(roster.is_waiting());
}

TEST(RosterRules, WithoutASlowStartTheWeightIsWholeAtOnce) {
  RosterRules ramped;
  ramped.slow_start = 10 * kSecond;
  Roster roster(ramped, several(1));
  roster.replace(several(2), kStart);
  ASSERT_LT(roster.weight_ratio(1), 1);
  roster.change({}, several(2), kStart);
  EXPECT_EQ(roster.weight_ratio(1), 1);
  EXPECT_FALSE(roster.is_waiting());
}

TEST(RosterRules, WithAnotherPolicyItPicks) {
  Roster roster({}, several(3));
  EXPECT_EQ(chosen(roster, 3), "abc");
  for (const balance::PolicyName policy :
       {balance::PolicyName::kFirst, balance::PolicyName::kLeastConnections, balance::PolicyName::kFastest,
        balance::PolicyName::kRandomTwo, balance::PolicyName::kSourceHash, balance::PolicyName::kFirst}) {
    RosterRules rules;
    rules.policy = policy;
    roster.change(rules, several(3), kStart);
    EXPECT_NE(choose(roster), "?");
  }
  EXPECT_EQ(chosen(roster, 3), "aaa");
}

TEST(RosterRules, ThatAreTheSameLetRoundRobinGoOnWhereItWas) {
  Roster roster({}, several(3));
  EXPECT_EQ(choose(roster), "a");
  roster.change({}, several(3), kStart);
  EXPECT_EQ(chosen(roster, 2), "bc");
}

TEST(RosterRules, ComeTogetherWithOtherBackends) {
  Roster roster(checked(), several(2));
  roster.check_failed(0, "x");
  told(roster);
  roster.change({}, {backend("a"), backend("c")}, kStart);
  EXPECT_EQ(told(roster), (Texts{"added c 2/2", "up a 2/2", "removed b 2/2"}));
}

TEST(RosterRules, AnotherModeInTheConfigurationHolds) {
  Roster roster({}, several(2));
  roster.replace({backend("a", {.mode = BackendMode::kDrain}), backend("b")}, kStart);
  EXPECT_EQ(roster.state(0), BackendState::kDrain);
  EXPECT_EQ(told(roster), Texts{"mode a 1/2"});
  roster.replace(several(2), kStart);
  EXPECT_EQ(roster.state(0), BackendState::kUp);
}

TEST(RosterRules, WhatTheOperatorWantsStaysWhileTheConfigurationSaysTheSame) {
  Roster roster({}, several(2));
  roster.set_mode(0, BackendMode::kMaintenance, kStart);
  told(roster);
  roster.change(checked(), several(2), kStart);
  EXPECT_EQ(roster.state(0), BackendState::kMaintenance);
  roster.change(checked(), {backend("a", {.mode = BackendMode::kDrain}), backend("b")}, kStart);
  EXPECT_EQ(roster.state(0), BackendState::kDrain) << "the configuration has spoken anew";
}

TEST(RosterRules, OfThoseThatHaveLeftAreTheNewOnesWhenTheyComeBack) {
  Roster roster(checked(), several(2));
  roster.check_failed(0, "x");
  roster.replace({backend("b")}, kStart);
  roster.change({}, {backend("b")}, kStart);
  roster.replace(several(2), kStart);
  EXPECT_EQ(choose(roster), "a") << "it was down, and nobody checks any more";
}

TEST(RosterRules, HoldForThoseThatHaveLeftTooWhenTheyComeBack) {
  RosterRules ramped;
  ramped.slow_start = 100 * kSecond;
  Roster roster(ramped, several(1));
  roster.replace(several(2), kStart);
  fail(roster, 0);
  ASSERT_EQ(roster.state(0), BackendState::kEjected);
  ASSERT_LT(roster.weight_ratio(1), 1);
  roster.replace({backend("c")}, kStart);
  RosterRules none;
  none.ejection.consecutive_failures = 0;
  roster.change(none, {backend("c")}, kStart);
  roster.replace({backend("c"), backend("a"), backend("b")}, kStart + kSecond);
  roster.advance(kStart + 2 * kSecond);
  for (const balance::BackendIndex i : roster.in_order()) {
    EXPECT_EQ(roster.state(i), BackendState::kUp) << roster.backends()[i]->name();
    EXPECT_EQ(roster.weight_ratio(i), 1) << roster.backends()[i]->name();
  }
  EXPECT_FALSE(roster.is_waiting());
}

TEST(RosterRules, ThatEndAPanicTellOfItAfterWhatEndedIt) {
  RosterRules anxious = checked();
  anxious.panic_threshold = 0.9;
  Roster roster(anxious, several(2));
  roster.check_failed(0, "x");
  told(roster);
  RosterRules unchecked;
  unchecked.panic_threshold = 0.9;
  roster.change(unchecked, several(2), kStart);
  EXPECT_EQ(told(roster), (Texts{"up a 2/2", "calm 2/2"}));
}

TEST(RosterRules, TellNothingOfOneThatIsNotUpForAnotherReason) {
  Roster roster({}, several(2));
  fail(roster, 0);
  roster.set_mode(0, BackendMode::kMaintenance, kStart);
  told(roster);
  RosterRules never;
  never.ejection.consecutive_failures = 0;
  roster.change(never, several(2), kStart);
  EXPECT_EQ(told(roster), Texts{});
}

}  // namespace
}  // namespace weir::pool
