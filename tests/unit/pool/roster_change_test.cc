// Who joins a roster, who leaves it and who comes back.
#include <gtest/gtest.h>

#include "pool/roster.h"
#include "pool/slow_start.h"
#include "unit/pool/rosters.h"

namespace weir::pool {
namespace {

using balance::BackendIndex;

constexpr base::Millis kSecond{1'000};

RosterRules ramped() {
  RosterRules rules = checked();
  rules.slow_start = 10 * kSecond;
  return rules;
}

TEST(Roster, TakesInNewOnesAndLetsOthersGo) {
  Roster roster({}, several(2));
  const auto a = roster.backends()[0];
  roster.replace({a, backend("c")}, kStart);
  EXPECT_EQ(shares(roster, 4), (std::map<std::string, int>{{"a", 2}, {"c", 2}}));
  EXPECT_EQ(told(roster), (Texts{"added c 2/2", "removed b 2/2"}));
  EXPECT_EQ(roster.total(), 2u);
}

TEST(Roster, KeepsTheStateOfThoseThatStay) {
  Roster roster(checked(), several(3));
  roster.check_failed(0, "x");
  fail(roster, 1);
  choose(roster);
  const auto before = roster.backends();
  // Made anew, as from a configuration that was read again.
  roster.replace(several(3), kStart);
  EXPECT_EQ(roster.backends(), before);
  EXPECT_EQ(roster.state(0), BackendState::kDown);
  EXPECT_EQ(roster.state(1), BackendState::kEjected);
  EXPECT_EQ(roster.member(2).in_flight, 1u);
  EXPECT_EQ(told(roster), (Texts{"down a 2/3", "ejected b 1/3"})) << "nothing has changed";
}

TEST(Roster, TakesOverTheWeightTheMaximumAndTheTierOfOneThatStays) {
  Roster roster({}, {backend("a", {.weight = 3}), backend("b")});
  EXPECT_EQ(shares(roster, 8), (std::map<std::string, int>{{"a", 6}, {"b", 2}}));
  const auto before = roster.backends();
  roster.replace({backend("a"), backend("b")}, kStart);
  EXPECT_EQ(roster.backends(), before);
  EXPECT_EQ(roster.weight(0), 1u);
  EXPECT_EQ(roster.member(0).in_flight, 6u);
  EXPECT_EQ(shares(roster, 8), (std::map<std::string, int>{{"a", 4}, {"b", 4}}));
  roster.replace({backend("a"), backend("b", {.is_backup = true})}, kStart);
  EXPECT_EQ(chosen(roster, 3), "aaa");
  EXPECT_EQ(choose(roster, tried_of({0})), "b") << "what was tried leaves the backup";
  roster.replace({backend("a", {.is_backup = true}), backend("b")}, kStart);
  EXPECT_EQ(chosen(roster, 3), "bbb");
  roster.replace({backend("a", {.most_sessions = 1}), backend("b", {.weight = 0})}, kStart);
  EXPECT_EQ(choose(roster), "full");
  EXPECT_EQ(roster.state(1), BackendState::kDrain);
  roster.replace({backend("a", {.most_sessions = 1000}), backend("b", {.weight = 2})}, kStart);
  EXPECT_EQ(shares(roster, 9), (std::map<std::string, int>{{"a", 3}, {"b", 6}}));
  EXPECT_TRUE(told(roster).empty()) << "nobody joined or left";
}

TEST(Roster, TakesTheWeightThatTheOperatorWants) {
  Roster roster({}, several(3));
  roster.want_weight(1, 4, kStart);
  EXPECT_EQ(roster.weight(1), 4u);
  EXPECT_EQ(shares(roster, 12), (std::map<std::string, int>{{"a", 2}, {"b", 8}, {"c", 2}}));
  roster.want_weight(1, 0, kStart);
  EXPECT_EQ(roster.state(1), BackendState::kDrain);
  EXPECT_EQ(roster.reason(1), "its weight is 0");
  EXPECT_EQ(roster.healthy(), 2u);
  EXPECT_EQ(shares(roster, 8), (std::map<std::string, int>{{"a", 4}, {"c", 4}}));
  EXPECT_EQ(roster.member(1).in_flight, 8u) << "the sessions that it has stay";
  roster.want_weight(1, 1, kStart);
  EXPECT_EQ(shares(roster, 9), (std::map<std::string, int>{{"a", 3}, {"b", 3}, {"c", 3}}));
  for (const BackendIndex i : {0u, 1u, 2u}) roster.want_weight(i, 0, kStart);
  EXPECT_EQ(choose(roster), "nobody");
}

TEST(Roster, KeepsTheOperatorsWeightUntilTheConfigurationSaysAnother) {
  Roster roster({}, {backend("a", {.weight = 2}), backend("b")});
  roster.want_weight(0, 5, kStart);
  roster.replace({backend("a", {.weight = 2}), backend("b"), backend("c")}, kStart);
  EXPECT_EQ(roster.weight(0), 5u) << "it says the same as before";
  EXPECT_EQ(shares(roster, 14), (std::map<std::string, int>{{"a", 10}, {"b", 2}, {"c", 2}}));
  roster.replace({backend("a", {.weight = 2, .most_sessions = 1000}), backend("b")}, kStart);
  EXPECT_EQ(roster.weight(0), 5u) << "something else of it is new";
  roster.replace({backend("a", {.weight = 3}), backend("b")}, kStart);
  EXPECT_EQ(shares(roster, 8), (std::map<std::string, int>{{"a", 6}, {"b", 2}}));
  roster.replace({backend("a", {.weight = 2}), backend("b")}, kStart);
  EXPECT_EQ(roster.weight(0), 2u) << "what was wanted once does not come back";
}

TEST(Roster, KeepsTheOperatorsWeightOfOneThatIsAwayForAMoment) {
  Roster roster({}, several(2));
  roster.want_weight(1, 3, kStart);
  roster.replace({backend("a")}, kStart);
  roster.replace(several(2), kStart + kSecond);
  EXPECT_EQ(shares(roster, 8), (std::map<std::string, int>{{"a", 2}, {"b", 6}}));
  roster.replace({backend("a")}, kStart);
  roster.replace({backend("a"), backend("b", {.weight = 2})}, kStart + kSecond);
  EXPECT_EQ(roster.weight(1), 2u);
}

TEST(Roster, AWeightThatTheOperatorWantsDoesNotEndASlowStart) {
  RosterRules rules;
  rules.slow_start = base::Millis(10'000);
  Roster roster(rules, several(1));
  roster.replace({backend("a"), backend("b")}, kStart);
  roster.want_weight(1, 4, kStart);
  EXPECT_EQ(roster.member(1).weight, 4u);
  roster.advance(kStart + base::Millis(10'000));
  EXPECT_EQ(roster.member(1).weight, 4u * kWholeWeight);
}

// The table of `source_hash` is made anew, so that each client has a backend whose weight is not 0.
TEST(Roster, EveryPolicyFollowsAWeightOfNothing) {
  using enum balance::PolicyName;
  for (const balance::PolicyName policy :
       {kRoundRobin, kLeastConnections, kRandomTwo, kFastest, kSourceHash, kFirst}) {
    RosterRules rules;
    rules.policy = policy;
    Roster roster(rules, several(3));
    chosen(roster, 10);
    roster.want_weight(0, 0, kStart);
    roster.want_weight(2, 200, kStart);
    EXPECT_EQ(shares(roster, 100).count("a"), 0u) << static_cast<int>(policy);
    roster.want_weight(0, 1, kStart);
    for (const BackendIndex i : {1u, 2u}) roster.want_weight(i, 0, kStart);
    EXPECT_EQ(chosen(roster, 5), "aaaaa") << static_cast<int>(policy);
  }
}

TEST(Roster, ANewWeightDoesNotEndASlowStart) {
  RosterRules rules;
  rules.slow_start = base::Millis(10'000);
  Roster roster(rules, several(1));
  roster.replace({backend("a"), backend("b")}, kStart);
  ASSERT_LT(roster.member(1).weight, kWholeWeight);
  roster.replace({backend("a"), backend("b", {.weight = 4})}, kStart);
  EXPECT_EQ(roster.member(1).weight, 4u);
  roster.advance(kStart + base::Millis(10'000));
  EXPECT_EQ(roster.member(1).weight, 4u * kWholeWeight);
}

TEST(Roster, TakesOverWhyThereIsNoAddress) {
  const auto nameless = [](const std::string& why) {
    BackendIdentity identity;
    identity.name = "app";
    identity.unresolved = why;
    return std::make_shared<Backend>(identity);
  };
  Roster roster({}, {nameless("nobody was asked")});
  EXPECT_EQ(roster.reason(0), "nobody was asked");
  roster.replace({nameless("nobody knows")}, kStart);
  EXPECT_EQ(roster.reason(0), "nobody knows");
  EXPECT_EQ(roster.state(0), BackendState::kDown);
}

TEST(Roster, KeepsWhatHasLeftUntilItsLastSessionGoes) {
  Roster roster({}, several(2));
  EXPECT_EQ(chosen(roster, 2), "ab");
  const auto b = roster.backends()[1];
  roster.replace({roster.backends()[0]}, kStart);
  EXPECT_TRUE(roster.has_left(1));
  EXPECT_EQ(roster.state(1), BackendState::kDrain);
  EXPECT_EQ(roster.reason(1), "it no longer belongs to the pool");
  EXPECT_EQ(roster.find(*b), 1u);
  EXPECT_EQ(chosen(roster, 3), "aaa");
  EXPECT_EQ(roster.total(), 1u);
  roster.connected(1, kStart, base::Micros(5));
  roster.served(1);
  EXPECT_FALSE(roster.failed(1, Failure::kConnect, kStart, "x"));
  roster.leave(1);
  EXPECT_EQ(roster.backends()[1], nullptr);
  EXPECT_EQ(roster.find(*b), std::nullopt);
}

TEST(Roster, GivesAFreePositionToAnother) {
  Roster roster({}, several(2));
  const auto a = roster.backends()[0];
  roster.replace({a}, kStart);
  ASSERT_EQ(roster.backends()[1], nullptr);
  roster.replace({a, backend("c", {.most_sessions = 1})}, kStart);
  ASSERT_EQ(roster.backends().size(), 2u);
  EXPECT_EQ(roster.backends()[1]->name(), "c");
  EXPECT_EQ(shares(roster, 4), (std::map<std::string, int>{{"a", 3}, {"c", 1}}));
}

TEST(Roster, GivesThePositionOfOneThatStillHasSessionsToNobody) {
  Roster roster({}, several(2));
  chosen(roster, 2);
  const auto a = roster.backends()[0];
  roster.replace({a, backend("c")}, kStart);
  EXPECT_EQ(roster.backends()[1]->name(), "b");
  EXPECT_EQ(roster.backends()[2]->name(), "c");
}

TEST(Roster, LetsAStrangerAtAFreePositionBeginWithoutAPast) {
  RosterRules rules = ramped();
  Roster roster(rules, several(2));
  const auto a = roster.backends()[0];
  fail(roster, 1);
  ASSERT_EQ(roster.state(1), BackendState::kEjected);
  roster.replace({a}, kStart);
  EXPECT_FALSE(roster.is_waiting()) << "there is nobody left to wait for";
  roster.replace({a, backend("c")}, kStart);
  EXPECT_EQ(roster.state(1), BackendState::kUp);
  EXPECT_EQ(roster.member(1).weight, 1u) << "it grows to its weight";
}

TEST(Roster, TakesOneBackAsItWasWhenItReturnsBeforeItsLastSessionWent) {
  Roster roster({}, several(2));
  chosen(roster, 2);
  const auto before = roster.backends();
  roster.replace({before[0]}, kStart);
  roster.replace(several(2), kStart);
  EXPECT_EQ(roster.backends(), before);
  EXPECT_EQ(roster.member(1).in_flight, 1u);
  EXPECT_EQ(told(roster), (Texts{"removed b 1/1", "added b 2/2"}));
  EXPECT_EQ(shares(roster, 4), (std::map<std::string, int>{{"a", 2}, {"b", 2}}));
  roster.leave(1);
  EXPECT_NE(roster.backends()[1], nullptr);
}

TEST(Roster, TakesTheSameNameWithAnotherAddressForAnother) {
  Roster roster(checked(), several(1));
  choose(roster);
  roster.check_failed(0, "x");
  told(roster);
  roster.replace({backend("a", {.port = 81})}, kStart);
  EXPECT_EQ(told(roster), (Texts{"added a 1/1", "removed a 1/1"}));
  EXPECT_EQ(roster.state(1), BackendState::kUp);
  NoPick why_not = NoPick::kNone;
  EXPECT_EQ(roster.choose({0, {}}, why_not), 1u);
}

TEST(Roster, TakesOneThatIsNamedTwiceOnce) {
  Roster roster({}, several(1));
  roster.replace({backend("b"), backend("b")}, kStart);
  EXPECT_EQ(roster.total(), 1u);
  EXPECT_EQ(told(roster), (Texts{"added b 1/1", "removed a 1/1"}));
}

TEST(Roster, TellsNothingOfTheEndOfAnEjectionWhenTheBackendHasLeft) {
  Roster roster({}, several(2));
  chosen(roster, 2);
  fail(roster, 1);
  roster.replace({roster.backends()[0]}, kStart);
  told(roster);
  roster.advance(kStart + 30 * kSecond);
  EXPECT_EQ(told(roster), Texts{});
  EXPECT_FALSE(roster.is_waiting());
}

// Those that come back

// Sends all of the roster's backends away but the first.
void keep_only_the_first(Roster& roster, base::TimePoint now = kStart) {
  roster.replace({roster.backends()[0]}, now);
}

TEST(Roster, TakesOneBackAsItWasWhenItLeftWithoutSessions) {
  RosterRules rules = ramped();
  Roster roster(rules, several(4));
  const auto before = roster.backends();
  before[1]->counters().sessions.add();
  roster.check_failed(2, "no answer");
  fail(roster, 3);
  roster.connected(1, kStart, base::Micros(700));
  roster.set_mode(1, BackendMode::kMaintenance, kStart);
  keep_only_the_first(roster);
  ASSERT_EQ(roster.find(*before[1]), std::nullopt);
  // Made anew, in another order, as from an answer of another subset.
  roster.replace({backend("d"), backend("c"), backend("a"), backend("b")}, kStart + 20 * kSecond);
  const auto state_of = [&](std::size_t i) { return roster.state(roster.find(*before[i]).value()); };
  EXPECT_EQ(state_of(0), BackendState::kUp);
  EXPECT_EQ(state_of(1), BackendState::kMaintenance);
  EXPECT_EQ(state_of(2), BackendState::kDown);
  EXPECT_EQ(roster.reason(*roster.find(*before[2])), "no answer");
  EXPECT_EQ(state_of(3), BackendState::kEjected);
  EXPECT_EQ(roster.member(*roster.find(*before[1])).connect_time, 700u);
  EXPECT_EQ(roster.backends()[*roster.find(*before[1])]->counters().sessions.value(), 1u);
  roster.advance(kStart + 29 * kSecond);
  EXPECT_EQ(state_of(3), BackendState::kEjected);
  roster.advance(kStart + 30 * kSecond);
  EXPECT_EQ(state_of(3), BackendState::kUp);
}

TEST(Roster, LetsOneThatWasUpWhenItLeftHaveItsWholeWeightWhenItIsBack) {
  Roster roster(ramped(), several(2));
  const auto b = roster.backends()[1];
  keep_only_the_first(roster);
  roster.replace(several(2), kStart + kSecond);
  EXPECT_EQ(roster.member(*roster.find(*b)).weight, kWholeWeight);
  EXPECT_FALSE(roster.is_waiting());
  // One that is new begins slowly, and goes on with that when it is back.
  roster.replace(several(3), kStart + kSecond);
  const auto c = roster.backends()[2];
  keep_only_the_first(roster, kStart + 2 * kSecond);
  roster.replace(several(3), kStart + 6 * kSecond);
  roster.advance(kStart + 6 * kSecond);
  EXPECT_EQ(roster.member(*roster.find(*c)).weight, kWholeWeight / 2);
}

TEST(Roster, EndsAnEjectionThatIsOverWhenItsBackendComesBack) {
  Roster roster(ramped(), several(4));
  const auto b = roster.backends()[1];
  fail(roster, 1);
  keep_only_the_first(roster);
  told(roster);
  roster.replace(several(4), kStart + 30 * kSecond);
  EXPECT_EQ(roster.state(*roster.find(*b)), BackendState::kUp);
  EXPECT_EQ(roster.member(*roster.find(*b)).weight, 1u) << "it was not up when it left";
  EXPECT_EQ(roster.healthy(), 4u);
  // The time grows with the next one, as it would have without the absence.
  fail(roster, *roster.find(*b), kStart + 31 * kSecond);
  roster.advance(kStart + 31 * kSecond + 59 * kSecond);
  EXPECT_EQ(roster.state(*roster.find(*b)), BackendState::kEjected);
  roster.advance(kStart + 31 * kSecond + 60 * kSecond);
  EXPECT_EQ(roster.state(*roster.find(*b)), BackendState::kUp);
}

TEST(Roster, LetsOneInThatComesBackEjectedWhenTooManyAreOutAlready) {
  Roster roster({}, several(2));
  const auto a = roster.backends()[0];
  const auto b = roster.backends()[1];
  fail(roster, 0);
  roster.replace({b, backend("c")}, kStart);
  fail(roster, *roster.find(*b), kStart + kSecond);
  ASSERT_EQ(roster.state(*roster.find(*b)), BackendState::kEjected);
  roster.replace({a, b}, kStart + 2 * kSecond);
  roster.advance(kStart + 2 * kSecond);
  EXPECT_EQ(roster.state(*roster.find(*b)), BackendState::kEjected);
  EXPECT_EQ(roster.state(*roster.find(*a)), BackendState::kUp) << "half of them may be out";
  EXPECT_EQ(choose(roster), "a");
}

TEST(Roster, TakesOneThatIsBackAfterTenMinutesForANewOne) {
  Roster roster(checked(), several(2));
  roster.check_failed(1, "x");
  const auto b = roster.backends()[1];
  keep_only_the_first(roster);
  roster.replace(several(2), kStart + Roster::kRemembered - base::Millis(1));
  EXPECT_EQ(roster.state(roster.find(*b).value()), BackendState::kDown);
  keep_only_the_first(roster, kStart + Roster::kRemembered);
  roster.replace(several(2), kStart + 2 * Roster::kRemembered);
  EXPECT_EQ(roster.find(*b), std::nullopt);
  EXPECT_EQ(roster.healthy(), 2u);
}

TEST(Roster, RemembersAThousandThatHaveLeft) {
  Backends many;
  for (std::size_t i = 0; i <= Roster::kMostRemembered; ++i)
    many.push_back(backend("backend-" + std::to_string(i)));
  const auto other = backend("other");
  Roster roster({}, many);
  roster.replace({other}, kStart);
  Backends again;
  for (const auto& one : many) again.push_back(backend(one->name()));
  roster.replace(again, kStart);
  EXPECT_EQ(roster.find(*many.front()), std::nullopt) << "the first to go is forgotten";
  for (std::size_t i = 1; i < many.size(); ++i) ASSERT_TRUE(roster.find(*many[i]).has_value()) << i;
  EXPECT_EQ(roster.backends().size(), many.size() + 1) << "free positions are given again";
}

TEST(Roster, KeepsNoPastOfWhatStandsForANameWithoutAnAddress) {
  const auto nameless = [](const std::string& why) {
    BackendIdentity identity;
    identity.name = "app";
    identity.unresolved = why;
    return std::make_shared<Backend>(identity);
  };
  Roster roster({}, {nameless("one")});
  roster.replace(several(1), kStart);
  const auto newer = nameless("other");
  roster.replace({newer}, kStart);
  EXPECT_TRUE(roster.find(*newer).has_value());
}

// Policies over a change

RosterRules by(balance::PolicyName policy) {
  RosterRules rules;
  rules.policy = policy;
  return rules;
}

TEST(Roster, FirstFollowsTheOrderOfTheListWhateverPositionsAreFree) {
  const Wanted one{.most_sessions = 1};
  Roster roster(by(balance::PolicyName::kFirst), several(4, one));
  roster.replace({roster.backends()[1], roster.backends()[3]}, kStart);
  roster.replace({backend("z", one), backend("b", one), backend("y", one), backend("d", one)}, kStart);
  std::string order;
  std::vector<BackendIndex> taken;
  for (int i = 0; i < 4; ++i) order += choose(roster);
  EXPECT_EQ(order, "zbyd");
  for (BackendIndex i = 0; i < roster.backends().size(); ++i) roster.leave(i);
  roster.replace({backend("d", one), backend("y", one), backend("b", one), backend("z", one)}, kStart);
  EXPECT_EQ(chosen(roster, 4), "dybz") << "another order is another list";
}

TEST(Roster, RoundRobinGoesOnWhereItWasOverAnyNumberOfChanges) {
  Roster roster({}, several(3));
  std::map<std::string, int> picks;
  for (int i = 0; i < 300; ++i) {
    // Two others come and go, so that each answer differs from the one before.
    Backends wanted = several(3);
    wanted.insert(wanted.begin() + i % 4, backend(i % 2 == 0 ? "y" : "z"));
    roster.replace(wanted, kStart);
    ++picks[choose(roster)];
  }
  for (const char* name : {"a", "b", "c"}) EXPECT_NEAR(picks[name], 75, 8) << name;
}

TEST(Roster, ChangesNothingWhenTheListIsTheSame) {
  const RosterRules rules = by(balance::PolicyName::kSourceHash);
  Roster roster(rules, several(3));
  const auto before = roster.groundworks();
  ASSERT_NE(before[0].table, nullptr);
  const Roster::Groundworks made = Roster::prepare(rules, several(3), {});
  ASSERT_NE(made[0].table, before[0].table);
  roster.replace(several(3), kStart, made);
  EXPECT_EQ(roster.groundworks()[0].table, before[0].table) << "there was no need for another";
  EXPECT_EQ(Roster::prepare(rules, several(3), before)[0].table, before[0].table);
}

TEST(Roster, TakesATableThatWasPreparedAndMakesItsOwnWhenItDoesNotFit) {
  const RosterRules rules = by(balance::PolicyName::kSourceHash);
  Roster roster(rules, several(3));
  const Roster::Groundworks prepared = Roster::prepare(rules, several(4), roster.groundworks());
  roster.replace(several(4), kStart, prepared);
  EXPECT_EQ(roster.groundworks()[0].table, prepared[0].table);
  roster.replace(several(5), kStart, prepared);
  EXPECT_NE(roster.groundworks()[0].table, prepared[0].table);
  EXPECT_EQ(roster.groundworks()[0].table->by_name().size(), 5u);
}

}  // namespace
}  // namespace weir::pool
