// A roster that goes on from one of another process.
#include <gtest/gtest.h>

#include "pool/roster.h"
#include "unit/pool/rosters.h"

namespace weir::pool {
namespace {

using balance::BackendIndex;

constexpr base::Millis kSecond{1'000};

RosterRules with_everything() {
  RosterRules rules = checked();
  rules.slow_start = 10 * kSecond;
  return rules;
}

// The same backends at another time, made anew.
Roster following(const Roster& before, const RosterRules& rules, base::TimePoint now, std::size_t count = 4) {
  Roster roster(rules, several(count));
  roster.go_on_from(before.past(now), now);
  return roster;
}

TEST(RosterOfAnotherProcess, GoesOnFromChecks) {
  Roster before(checked(), several(4));
  before.check_failed(1, "no answer");
  before.check_passed(2, kStart);
  Roster after = following(before, checked(), kStart);
  EXPECT_EQ(after.state(1), BackendState::kDown);
  EXPECT_EQ(after.reason(1), "no answer");
  EXPECT_EQ(after.healthy(), 3u);
  EXPECT_EQ(shares(after, 6), (std::map<std::string, int>{{"a", 2}, {"c", 2}, {"d", 2}}));
  EXPECT_EQ(told(after), Texts{}) << "nothing has happened";
  EXPECT_TRUE(after.check_passed(1, kStart));
  EXPECT_EQ(after.healthy(), 4u);
}

TEST(RosterOfAnotherProcess, DoesNotTakeAFirstStateForAResult) {
  Roster before(checked(), several(4));
  Roster after = following(before, checked(false), kStart);
  EXPECT_EQ(after.state(0), BackendState::kDown) << "no check had told anything";
}

TEST(RosterOfAnotherProcess, KnowsOfNoChecksWhereThereAreNone) {
  Roster before(checked(), several(4));
  before.check_failed(0, "no answer");
  Roster after = following(before, {}, kStart);
  EXPECT_EQ(after.state(0), BackendState::kUp);
}

TEST(RosterOfAnotherProcess, GoesOnWithAnEjectionForTheRestOfItsTime) {
  Roster before({}, several(4));
  fail(before, 3);
  ASSERT_EQ(before.state(3), BackendState::kEjected);
  const base::TimePoint later = kStart + 10 * kSecond;
  Roster after = following(before, {}, later);
  EXPECT_EQ(after.state(3), BackendState::kEjected);
  EXPECT_EQ(after.reason(3), before.reason(3));
  after.advance(kStart + 29 * kSecond);
  EXPECT_EQ(after.state(3), BackendState::kEjected);
  after.advance(kStart + 30 * kSecond);
  EXPECT_EQ(after.state(3), BackendState::kUp);
}

TEST(RosterOfAnotherProcess, PassesOverWhoWasPassedOver) {
  RosterRules rules;
  rules.ejection.max_ejected = 0;
  Roster before(rules, several(4));
  fail(before, 2);
  ASSERT_TRUE(before.is_passed_over(2));
  Roster after = following(before, rules, kStart);
  EXPECT_TRUE(after.is_passed_over(2));
  EXPECT_EQ(shares(after, 6), (std::map<std::string, int>{{"a", 2}, {"b", 2}, {"d", 2}}));
}

TEST(RosterOfAnotherProcess, GoesOnWithASlowStart) {
  Roster before(with_everything(), several(4));
  before.check_failed(0, "x");
  before.check_passed(0, kStart);
  const base::TimePoint later = kStart + 5 * kSecond;
  before.advance(later);
  ASSERT_EQ(before.weight_ratio(0), 0.5);
  Roster after = following(before, with_everything(), later);
  EXPECT_EQ(after.weight_ratio(0), 0.5);
  after.advance(kStart + 10 * kSecond);
  EXPECT_EQ(after.weight_ratio(0), 1);
}

TEST(RosterOfAnotherProcess, KeepsWhatTheOperatorWantedButNotWhatWasConfigured) {
  Roster before({}, {backend("a"), backend("b", {.mode = BackendMode::kDrain})});
  before.set_mode(0, BackendMode::kMaintenance, kStart);
  Roster after = following(before, {}, kStart, 2);
  EXPECT_EQ(after.state(0), BackendState::kMaintenance);
  EXPECT_EQ(after.state(1), BackendState::kUp) << "the configuration says so now";
}

TEST(RosterOfAnotherProcess, CountsABackendAsTheOperatorWantedIt) {
  Roster before({}, several(2));
  before.want_weight(0, 3, kStart);
  Roster after = following(before, {}, kStart, 2);
  EXPECT_EQ(after.weight(0), 3u);
  EXPECT_EQ(shares(after, 8), (std::map<std::string, int>{{"a", 6}, {"b", 2}}));
  Roster third = following(after, {}, kStart, 2);
  EXPECT_EQ(third.weight(0), 3u) << "it goes on from process to process";
  before.want_weight(0, 0, kStart);
  Roster without = following(before, {}, kStart, 2);
  EXPECT_EQ(shares(without, 2), (std::map<std::string, int>{{"b", 2}}));
}

TEST(RosterOfAnotherProcess, TakesWhatTheConfigurationSaysAnewForTheOperatorsWish) {
  Roster before({}, several(2));
  before.want_weight(0, 3, kStart);
  before.set_mode(1, BackendMode::kDrain, kStart);
  Roster after({}, {backend("a", {.weight = 2}), backend("b", {.mode = BackendMode::kMaintenance})});
  after.go_on_from(before.past(kStart), kStart);
  EXPECT_EQ(after.weight(0), 2u);
  EXPECT_EQ(after.state(1), BackendState::kMaintenance);
}

TEST(RosterOfAnotherProcess, CountsABackendInItsSlowStartByTheOperatorsWeight) {
  Roster before(with_everything(), several(2));
  before.want_weight(0, 4, kStart);
  before.check_failed(0, "x");
  before.check_passed(0, kStart);
  const base::TimePoint later = kStart + 5 * kSecond;
  before.advance(later);
  Roster after = following(before, with_everything(), later, 2);
  EXPECT_EQ(after.weight_ratio(0), 0.5);
  EXPECT_EQ(shares(after, 6), (std::map<std::string, int>{{"a", 4}, {"b", 2}})) << "4 by half";
}

TEST(RosterOfAnotherProcess, LeavesAloneWhoWasNotThere) {
  Roster before(checked(), several(2));
  before.check_failed(0, "x");
  Roster after = following(before, checked(), kStart, 4);
  EXPECT_EQ(after.state(0), BackendState::kDown);
  EXPECT_EQ(after.state(3), BackendState::kUp);
  EXPECT_EQ(after.healthy(), 3u);
}

}  // namespace
}  // namespace weir::pool
