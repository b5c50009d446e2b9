#include "pool/roster.h"

#include <gtest/gtest.h>

#include "pool/slow_start.h"
#include "unit/pool/backends.h"

namespace weir::pool {
namespace {

using balance::BackendIndex;
using balance::Tried;

constexpr base::Millis kSecond{1'000};

RosterRules checked(bool initially_up = true) {
  RosterRules rules;
  rules.health = {.is_checked = true, .rise = 1, .fall = 1, .initially_up = initially_up};
  return rules;
}

// The session's name for where it goes, or why it goes nowhere. Takes the place when there is one.
std::string choose(Roster& roster, const Tried& tried = {}) {
  NoPick why_not = NoPick::kNone;
  const auto index = roster.choose({0, tried}, why_not);
  if (index) {
    EXPECT_EQ(why_not, NoPick::kNone);
    roster.enter(*index);
    return roster.backends()[*index]->name();
  }
  switch (why_not) {
    case NoPick::kNone:
      return "?";
    case NoPick::kFull:
      return "full";
    case NoPick::kAllTried:
      return "all tried";
    case NoPick::kNoneUsable:
      return "none usable";
  }
  return "?";
}

std::string chosen(Roster& roster, int times) {
  std::string names;
  for (int i = 0; i < times; ++i) names += choose(roster);
  return names;
}

std::map<std::string, int> shares(Roster& roster, int times) {
  std::map<std::string, int> picks;
  for (int i = 0; i < times; ++i) ++picks[choose(roster)];
  return picks;
}

Tried tried_of(std::initializer_list<BackendIndex> indexes) {
  Tried tried;
  for (const BackendIndex index : indexes) tried.add(index);
  return tried;
}

constexpr std::string_view word(Change change) {
  constexpr std::string_view kWords[] = {"down",  "up",      "ejected", "returned", "mode",
                                         "added", "removed", "panic",   "calm"};
  return kWords[static_cast<std::size_t>(change)];
}

// "down a 2/3" for each event: what, whose, healthy of total.
std::vector<std::string> told(Roster& roster) {
  std::vector<std::string> texts;
  for (const PoolEvent& event : roster.take_events()) {
    std::string text(word(event.change));
    if (event.backend != nullptr) text += " " + event.backend->name();
    texts.push_back(text + " " + std::to_string(event.healthy) + "/" + std::to_string(event.total));
  }
  return texts;
}

using Texts = std::vector<std::string>;

void fail(Roster& roster, BackendIndex index, base::TimePoint now = kStart, int times = 5) {
  for (int i = 0; i < times; ++i) roster.connect_failed(index, now, "connect_refused");
}

TEST(Roster, GivesNewSessionsToThoseThatAreUpOnly) {
  Roster roster(
      {}, {backend("up"), backend("drain", {.mode = BackendMode::kDrain}),
           backend("maintenance", {.mode = BackendMode::kMaintenance}), backend("light", {.weight = 0})});
  EXPECT_EQ(shares(roster, 10), (std::map<std::string, int>{{"up", 10}}));
  EXPECT_EQ(roster.total(), 4u);
  EXPECT_EQ(roster.healthy(), 1u);
}

TEST(Roster, SaysHowEachStandsAndWhy) {
  BackendIdentity nameless;
  nameless.name = "nameless";
  nameless.unresolved = "app.internal: no such name";
  RosterRules rules = checked();
  Roster roster(rules, {backend("a"), backend("b", {.mode = BackendMode::kDrain}),
                        backend("c", {.mode = BackendMode::kMaintenance}), backend("d", {.weight = 0}),
                        std::make_shared<Backend>(nameless), backend("e"), backend("f")});
  roster.check_failed(5, "connect: refused");
  fail(roster, 6);
  const std::vector<std::pair<BackendState, std::string>> expected{
      {BackendState::kUp, ""},
      {BackendState::kDrain, "configured"},
      {BackendState::kMaintenance, "configured"},
      {BackendState::kDrain, "its weight is 0"},
      {BackendState::kDown, "app.internal: no such name"},
      {BackendState::kDown, "connect: refused"},
      {BackendState::kEjected, "5 sessions in a row failed, the last one: connect_refused"}};
  for (BackendIndex i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(roster.state(i), expected[i].first) << i;
    EXPECT_EQ(roster.reason(i), expected[i].second) << i;
  }
}

TEST(Roster, SaysOfOneThatIsDownAtFirstThatChecksAreMissing) {
  RosterRules rules = checked(false);
  rules.health.rise = 2;
  Roster roster(rules, {backend("a")});
  EXPECT_EQ(roster.state(0), BackendState::kDown);
  EXPECT_EQ(roster.reason(0), "no check has passed yet");
  EXPECT_EQ(choose(roster), "none usable");
  roster.check_passed(0, kStart);
  EXPECT_EQ(roster.reason(0), "too few checks have passed yet");
  roster.check_passed(0, kStart);
  EXPECT_EQ(choose(roster), "a");
}

TEST(Roster, LeavesOneOutWhileItsChecksFail) {
  Roster roster(checked(), several(3));
  EXPECT_FALSE(roster.check_passed(1, kStart));
  EXPECT_TRUE(roster.check_failed(1, "no answer"));
  EXPECT_EQ(shares(roster, 10), (std::map<std::string, int>{{"a", 5}, {"c", 5}}));
  EXPECT_TRUE(roster.check_passed(1, kStart));
  EXPECT_EQ(shares(roster, 9), (std::map<std::string, int>{{"a", 3}, {"b", 3}, {"c", 3}}));
  EXPECT_EQ(told(roster), (Texts{"down b 2/3", "up b 3/3"}));
  EXPECT_EQ(told(roster), Texts{});
}

TEST(Roster, SaysWhyThereIsNoBackend) {
  Roster roster({}, {backend("a", {.most_sessions = 1}), backend("b", {.most_sessions = 1})});
  chosen(roster, 2);
  EXPECT_EQ(choose(roster), "full");
  EXPECT_EQ(choose(roster, tried_of({0})), "full") << "b may come free";
  EXPECT_EQ(choose(roster, tried_of({0, 1})), "all tried");
  for (const BackendIndex i : {0u, 1u}) roster.set_mode(i, BackendMode::kDrain, kStart);
  EXPECT_EQ(choose(roster), "none usable");
  EXPECT_EQ(choose(roster, tried_of({0, 1})), "none usable");
  Roster empty({}, {});
  EXPECT_EQ(choose(empty), "none usable");
}

TEST(Roster, UsesBackupsOnlyWhenNoOtherIsUsable) {
  Roster roster(checked(), {backend("spare", {.is_backup = true}), backend("a"), backend("b")});
  EXPECT_EQ(shares(roster, 10), (std::map<std::string, int>{{"a", 5}, {"b", 5}}));
  roster.check_failed(1, "x");
  EXPECT_EQ(choose(roster), "b");
  roster.check_failed(2, "x");
  EXPECT_EQ(choose(roster), "spare");
  roster.check_passed(1, kStart);
  EXPECT_EQ(choose(roster), "a");
}

TEST(Roster, GivesASessionABackupWhenItHasTriedAllOthers) {
  Roster roster({}, {backend("a"), backend("spare", {.is_backup = true})});
  EXPECT_EQ(choose(roster, tried_of({0})), "spare");
  EXPECT_EQ(choose(roster, tried_of({0, 1})), "all tried");
}

TEST(Roster, WaitsForOneThatIsFullRatherThanUseABackup) {
  Roster roster({}, {backend("a", {.most_sessions = 1}), backend("spare", {.is_backup = true})});
  EXPECT_EQ(choose(roster), "a");
  EXPECT_EQ(choose(roster), "full");
  EXPECT_FALSE(roster.may_use(1, {}));
  EXPECT_TRUE(roster.may_use(1, tried_of({0})));
  EXPECT_TRUE(roster.may_use(0, {}));
  EXPECT_FALSE(roster.may_use(0, tried_of({0})));
  roster.leave(0);
  EXPECT_EQ(choose(roster), "a");
}

TEST(Roster, UsesAPoolOfBackupsOnly) {
  Roster roster({}, several(2, {.is_backup = true}));
  EXPECT_EQ(shares(roster, 10), (std::map<std::string, int>{{"a", 5}, {"b", 5}}));
}

TEST(Roster, GivesNoBackendMoreThanItMayHave) {
  Roster roster({}, {backend("a", {.most_sessions = 2}), backend("b", {.most_sessions = 3})});
  EXPECT_EQ(shares(roster, 6), (std::map<std::string, int>{{"a", 2}, {"b", 3}, {"full", 1}}));
  roster.leave(0);
  EXPECT_EQ(choose(roster), "a");
}

TEST(Roster, FollowsTheOperatorsWish) {
  Roster roster({}, several(2));
  roster.set_mode(0, BackendMode::kDrain, kStart);
  EXPECT_EQ(chosen(roster, 3), "bbb");
  roster.set_mode(0, BackendMode::kMaintenance, kStart);
  EXPECT_EQ(roster.state(0), BackendState::kMaintenance);
  EXPECT_EQ(chosen(roster, 3), "bbb");
  roster.set_mode(0, BackendMode::kMaintenance, kStart);
  roster.set_mode(0, BackendMode::kUp, kStart);
  EXPECT_EQ(shares(roster, 4), (std::map<std::string, int>{{"a", 2}, {"b", 2}}));
  EXPECT_EQ(told(roster), (Texts{"mode a 1/2", "mode a 1/2", "mode a 2/2"})) << "no change, no event";
}

TEST(Roster, ShowsTheOperatorsWishBeforeWhatChecksAndSessionsSay) {
  Roster roster(checked(), several(4));
  roster.check_failed(0, "x");
  fail(roster, 1);
  for (const BackendIndex i : {0u, 1u}) {
    roster.set_mode(i, BackendMode::kDrain, kStart);
    EXPECT_EQ(roster.state(i), BackendState::kDrain);
    roster.set_mode(i, BackendMode::kUp, kStart);
  }
  EXPECT_EQ(roster.state(0), BackendState::kDown);
  EXPECT_EQ(roster.state(1), BackendState::kEjected);
}

// Panic

RosterRules with_panic(double threshold) {
  RosterRules rules = checked();
  rules.panic_threshold = threshold;
  return rules;
}

TEST(Roster, UsesAllWhenTooFewAreHealthyAndSaysSo) {
  Roster roster(with_panic(0.5), several(4));
  roster.check_failed(0, "x");
  roster.check_failed(1, "x");
  EXPECT_FALSE(roster.in_panic()) << "half of them is not less than half";
  roster.check_failed(2, "x");
  EXPECT_TRUE(roster.in_panic());
  EXPECT_EQ(shares(roster, 8), (std::map<std::string, int>{{"a", 2}, {"b", 2}, {"c", 2}, {"d", 2}}));
  EXPECT_EQ(roster.state(0), BackendState::kDown) << "panic makes nobody healthy";
  roster.check_passed(2, kStart);
  EXPECT_FALSE(roster.in_panic());
  EXPECT_EQ(shares(roster, 8), (std::map<std::string, int>{{"c", 4}, {"d", 4}}));
  EXPECT_EQ(told(roster),
            (Texts{"down a 3/4", "down b 2/4", "down c 1/4", "panic 1/4", "up c 2/4", "calm 2/4"}));
}

TEST(Roster, DoesNotPanicWhileABackupIsHealthy) {
  Roster roster(with_panic(0.9), {backend("a"), backend("b"), backend("c", {.is_backup = true})});
  roster.check_failed(0, "x");
  roster.check_failed(1, "x");
  EXPECT_FALSE(roster.in_panic());
  NoPick why_not = NoPick::kNone;
  EXPECT_EQ(roster.choose({0, {}}, why_not), 2u) << "not one that is known to fail";
  roster.check_failed(2, "x");
  EXPECT_TRUE(roster.in_panic());
  EXPECT_EQ(roster.choose({0, {}}, why_not).value_or(2), 0u);
}

TEST(Roster, NeverPanicsWithoutAThreshold) {
  Roster roster(with_panic(0), several(2));
  for (const BackendIndex i : {0u, 1u}) roster.check_failed(i, "x");
  EXPECT_FALSE(roster.in_panic());
  EXPECT_EQ(choose(roster), "none usable");
}

TEST(Roster, TakesAShareForTheNumberThatItIs) {
  // 0.55 * 20 is a little more than 11 in binary.
  Roster roster(with_panic(0.55), several(20));
  for (BackendIndex i = 0; i < 9; ++i) roster.check_failed(i, "x");
  EXPECT_FALSE(roster.in_panic());
  roster.check_failed(9, "x");
  EXPECT_TRUE(roster.in_panic());
}

TEST(Roster, CountsNoneForPanicThatTheOperatorDoesNotWant) {
  Roster roster(with_panic(0.5), several(4));
  for (const BackendIndex i : {0u, 1u}) roster.set_mode(i, BackendMode::kMaintenance, kStart);
  EXPECT_FALSE(roster.in_panic());
  roster.check_failed(2, "x");
  EXPECT_FALSE(roster.in_panic());
  roster.check_failed(3, "x");
  EXPECT_TRUE(roster.in_panic());
  EXPECT_EQ(shares(roster, 4), (std::map<std::string, int>{{"c", 2}, {"d", 2}}))
      << "nor uses what is in maintenance";
}

TEST(Roster, PanicsAtTheStartWhenAllAreDownAtFirst) {
  RosterRules rules = with_panic(0.5);
  rules.health.initially_up = false;
  Roster roster(rules, several(2));
  EXPECT_EQ(told(roster), (Texts{"panic 0/2"}));
  EXPECT_EQ(choose(roster), "a");
}

TEST(Roster, UsesWhatIsEjectedInPanicToo) {
  RosterRules rules = with_panic(1);
  rules.ejection.max_ejected = 1;
  Roster roster(rules, several(2));
  fail(roster, 0);
  EXPECT_EQ(roster.state(0), BackendState::kEjected);
  EXPECT_EQ(shares(roster, 4), (std::map<std::string, int>{{"a", 2}, {"b", 2}}));
}

// Ejection

TEST(Roster, EjectsOneWhoseSessionsFailAndTakesItBack) {
  Roster roster({}, several(2));
  fail(roster, 0, kStart, 4);
  EXPECT_EQ(roster.state(0), BackendState::kUp);
  EXPECT_FALSE(roster.is_waiting());
  EXPECT_TRUE(roster.connect_failed(0, kStart, "connect_timeout"));
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
  EXPECT_EQ(events[0].reason, "5 sessions in a row failed, the last one: connect_timeout; for 30s");
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
    EXPECT_EQ(roster.healthy(), c.backends - c.out) << c.share << " of " << c.backends;
  }
}

TEST(Roster, EjectsAnotherOnceOneIsBack) {
  Roster roster({}, several(2));
  fail(roster, 0);
  fail(roster, 1);
  EXPECT_EQ(roster.state(1), BackendState::kUp);
  roster.advance(kStart + 30 * kSecond);
  EXPECT_TRUE(roster.connect_failed(1, kStart + 31 * kSecond, "x"));
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

// Slow start

RosterRules ramped() {
  RosterRules rules = checked();
  rules.slow_start = 10 * kSecond;
  return rules;
}

TEST(Roster, LetsOneThatIsBackGrowToItsWeight) {
  Roster roster(ramped(), {backend("a"), backend("b", {.weight = 3})});
  EXPECT_EQ(roster.member(0).weight, kWholeWeight) << "nobody ramps at the start";
  EXPECT_FALSE(roster.is_waiting());
  roster.check_failed(1, "x");
  roster.check_passed(1, kStart);
  EXPECT_EQ(roster.member(1).weight, 3u);
  EXPECT_EQ(shares(roster, 13), (std::map<std::string, int>{{"a", 10}, {"b", 3}}));
  for (unsigned second = 0; second <= 10; ++second) {
    EXPECT_TRUE(roster.is_waiting());
    roster.advance(kStart + second * kSecond);
    EXPECT_EQ(roster.member(1).weight, 3 * std::max(second, 1u));
  }
  EXPECT_FALSE(roster.is_waiting());
  EXPECT_EQ(shares(roster, 40), (std::map<std::string, int>{{"a", 10}, {"b", 30}}));
}

TEST(Roster, LetsOneGrowAfterAnEjectionAndAfterTheOperatorHadItOut) {
  Roster roster(ramped(), several(4));
  fail(roster, 0);
  roster.advance(kStart + 30 * kSecond);
  EXPECT_EQ(roster.member(0).weight, 1u);
  roster.set_mode(1, BackendMode::kDrain, kStart);
  roster.set_mode(1, BackendMode::kUp, kStart + 30 * kSecond);
  EXPECT_EQ(roster.member(1).weight, 1u);
  roster.advance(kStart + 40 * kSecond);
  EXPECT_EQ(roster.member(0).weight, kWholeWeight);
  EXPECT_EQ(roster.member(1).weight, kWholeWeight);
}

// Change of the backends

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
  roster.connected(1, base::Micros(5));
  roster.served(1);
  EXPECT_FALSE(roster.connect_failed(1, kStart, "x"));
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

TEST(Roster, KnowsWhereAllStandAfterManyRandomChanges) {
  RosterRules rules = ramped();
  rules.panic_threshold = 0.4;
  rules.ejection.consecutive_failures = 2;
  rules.ejection.eject_time = 3 * kSecond;
  Backends all = several(12);
  for (std::size_t i = 8; i < 12; ++i) all[i] = backend(all[i]->name(), {.is_backup = true});
  Roster roster(rules, all);
  std::uint64_t state = 7;
  const auto random = [&state](std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  base::TimePoint now = kStart;
  for (int step = 0; step < 20'000; ++step) {
    const auto i = static_cast<BackendIndex>(random(roster.backends().size()));
    const bool stands = roster.backends()[i] != nullptr;
    switch (random(stands ? 7 : 1)) {
      case 0: {
        Backends wanted;
        if (random(10) != 0) break;
        for (const auto& one : all) {
          if (random(4) != 0) wanted.push_back(one);
        }
        roster.replace(wanted, now);
        break;
      }
      case 1:
        roster.check_failed(i, "x");
        break;
      case 2:
        roster.check_passed(i, now);
        break;
      case 3:
        roster.connect_failed(i, now, "x");
        break;
      case 4:
        if (random(5) == 0) roster.set_mode(i, static_cast<BackendMode>(random(3)), now);
        break;
      case 5:
        now += kSecond;
        roster.advance(now);
        break;
      default:
        if (roster.member(i).in_flight > 0) {
          roster.leave(i);
        } else if (!roster.has_left(i)) {
          roster.enter(i);
        }
    }
    std::size_t healthy = 0;
    std::size_t healthy_backups = 0;
    std::size_t wanted = 0;
    std::size_t total = 0;
    for (BackendIndex k = 0; k < roster.backends().size(); ++k) {
      if (roster.backends()[k] == nullptr || roster.has_left(k)) continue;
      ++total;
      const BackendState stands_so = roster.state(k);
      if (stands_so != BackendState::kDrain && stands_so != BackendState::kMaintenance) ++wanted;
      if (stands_so != BackendState::kUp) continue;
      ++healthy;
      if (roster.backends()[k]->identity().is_backup) ++healthy_backups;
    }
    ASSERT_EQ(roster.total(), total) << step;
    ASSERT_EQ(roster.healthy(), healthy) << step;
    const bool too_few = static_cast<double>(healthy) < 0.4 * static_cast<double>(wanted);
    ASSERT_EQ(roster.in_panic(), too_few && healthy_backups == 0) << step;
    std::size_t usable[2] = {0, 0};
    for (BackendIndex k = 0; k < roster.backends().size(); ++k) {
      const bool there = roster.backends()[k] != nullptr && !roster.has_left(k);
      const bool is_wanted =
          there && roster.state(k) != BackendState::kDrain && roster.state(k) != BackendState::kMaintenance;
      const bool should_be = is_wanted && (roster.in_panic() || roster.state(k) == BackendState::kUp);
      ASSERT_EQ(roster.member(k).usable, should_be) << step;
      if (should_be) ++usable[roster.backends()[k]->identity().is_backup ? 1 : 0];
    }
    NoPick why_not = NoPick::kNone;
    const auto picked = roster.choose({0, {}}, why_not);
    ASSERT_EQ(picked.has_value(), usable[0] + usable[1] > 0) << step;
    if (!picked) continue;
    ASSERT_TRUE(roster.member(*picked).usable) << step;
    ASSERT_EQ(roster.backends()[*picked]->identity().is_backup, usable[0] == 0) << step;
  }
}

// Times of connects

TEST(Roster, KeepsAMeanOfTheTimesThatConnectsTake) {
  Roster roster({}, several(1));
  EXPECT_EQ(roster.member(0).connect_time, 0u);
  roster.connected(0, base::Micros(0));
  EXPECT_EQ(roster.member(0).connect_time, 1u) << "0 would mean that it is not known";
  Roster slower({}, several(1));
  slower.connected(0, base::Micros(800));
  EXPECT_EQ(slower.member(0).connect_time, 800u);
  slower.connected(0, base::Micros(1'600));
  EXPECT_EQ(slower.member(0).connect_time, 900u);
  slower.connected(0, base::Micros(100));
  EXPECT_EQ(slower.member(0).connect_time, 800u);
  slower.connected(0, std::chrono::hours(10));
  EXPECT_GT(slower.member(0).connect_time, 1'000'000u);
}

TEST(Roster, DoesNotTakeOneThatIsQuickToRefuseForAFastOne) {
  Roster roster({}, several(2));
  roster.connected(0, base::Micros(500));
  roster.connect_failed(0, kStart, "connect_refused");
  EXPECT_GT(roster.member(0).connect_time, 100'000u);
}

}  // namespace
}  // namespace weir::pool
