#include "pool/roster.h"

#include <gtest/gtest.h>

#include "pool/slow_start.h"
#include "unit/pool/rosters.h"

namespace weir::pool {
namespace {

using balance::BackendIndex;
using balance::Tried;

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
      {BackendState::kEjected, "its sessions fail, the last one: connect_refused"}};
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
  EXPECT_EQ(choose(roster), "nobody");
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
  EXPECT_EQ(choose(roster, tried_of({0, 1})), "nobody");
  for (const BackendIndex i : {0u, 1u}) roster.set_mode(i, BackendMode::kDrain, kStart);
  EXPECT_EQ(choose(roster), "nobody");
  EXPECT_EQ(choose(roster, tried_of({0, 1})), "nobody");
  Roster empty({}, {});
  EXPECT_EQ(choose(empty), "nobody");
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
  EXPECT_EQ(choose(roster, tried_of({0, 1})), "nobody");
}

TEST(Roster, WaitsForOneThatIsFullRatherThanUseABackup) {
  Roster roster({}, {backend("a", {.most_sessions = 1}), backend("spare", {.is_backup = true})});
  EXPECT_EQ(choose(roster), "a");
  EXPECT_EQ(choose(roster), "full");
  EXPECT_FALSE(roster.may_use(1, {0, {}}));
  EXPECT_TRUE(roster.may_use(1, {0, tried_of({0})}));
  EXPECT_TRUE(roster.may_use(0, {0, {}}));
  EXPECT_FALSE(roster.may_use(0, {0, tried_of({0})}));
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
  EXPECT_EQ(choose(roster), "nobody");
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

TEST(Roster, ForgetsASlowStartThatADownHasEnded) {
  Roster roster(ramped(), several(2));
  roster.check_failed(1, "x");
  roster.check_passed(1, kStart);
  ASSERT_LT(roster.weight_ratio(1), 1);
  roster.check_failed(1, "x");
  EXPECT_EQ(roster.weight_ratio(1), 1);
  EXPECT_FALSE(roster.is_waiting());
}

TEST(Roster, LetsOneGrowThatComesBackFromAWeightOfZero) {
  Roster roster(ramped(), several(2));
  roster.want_weight(1, 0, kStart);
  roster.want_weight(1, 2, kStart + 1 * kSecond);
  EXPECT_EQ(roster.member(1).weight, 2u) << "a tenth of it";
  roster.want_weight(1, 3, kStart + 1 * kSecond);
  EXPECT_EQ(roster.member(1).weight, 3u) << "and goes on growing";
  roster.advance(kStart + 11 * kSecond);
  EXPECT_EQ(roster.weight_ratio(1), 1);
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
    bool has_advanced = false;
    const bool stands = roster.backends()[i] != nullptr;
    switch (random(stands ? 8 : 1)) {
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
        roster.failed(i, Failure::kConnect, now, "x");
        break;
      case 4:
        if (random(5) == 0) roster.set_mode(i, static_cast<BackendMode>(random(3)), now);
        break;
      case 5:
        now += kSecond;
        roster.advance(now);
        has_advanced = true;
        break;
      case 6:
        roster.connected(i, now, base::Micros(100));
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
    std::size_t ejected = 0;
    std::size_t passed_over = 0;
    for (BackendIndex k = 0; k < roster.backends().size(); ++k) {
      if (roster.backends()[k] == nullptr || roster.has_left(k)) continue;
      ++total;
      const BackendState stands_so = roster.state(k);
      if (stands_so != BackendState::kDrain && stands_so != BackendState::kMaintenance) ++wanted;
      if (stands_so == BackendState::kEjected) ++ejected;
      if (stands_so != BackendState::kUp) continue;
      if (roster.is_passed_over(k)) {
        ++passed_over;
        continue;
      }
      ++healthy;
      if (roster.backends()[k]->identity().is_backup) ++healthy_backups;
    }
    ASSERT_EQ(roster.total(), total) << step;
    if (has_advanced) {
      ASSERT_LE(2 * ejected, wanted) << step;
    }
    ASSERT_EQ(roster.healthy(), healthy) << step;
    const bool too_few = static_cast<double>(healthy) < 0.4 * static_cast<double>(wanted);
    ASSERT_EQ(roster.in_panic(), too_few && healthy_backups == 0) << step;
    std::size_t usable[2] = {0, 0};
    for (BackendIndex k = 0; k < roster.backends().size(); ++k) {
      const bool there = roster.backends()[k] != nullptr && !roster.has_left(k);
      const bool is_wanted =
          there && roster.state(k) != BackendState::kDrain && roster.state(k) != BackendState::kMaintenance;
      const bool is_sound = is_wanted && roster.state(k) == BackendState::kUp && !roster.is_passed_over(k);
      const bool should_be = is_wanted && (roster.in_panic() || is_sound);
      ASSERT_EQ(roster.member(k).usable, should_be) << step;
      if (should_be) ++usable[roster.backends()[k]->identity().is_backup ? 1 : 0];
    }
    NoPick why_not = NoPick::kNone;
    const auto picked = roster.choose({0, {}}, why_not);
    ASSERT_EQ(picked.has_value(), usable[0] + usable[1] + passed_over > 0) << step;
    if (!picked) continue;
    if (usable[0] + usable[1] == 0) {
      ASSERT_TRUE(roster.is_passed_over(*picked)) << step;
      continue;
    }
    ASSERT_TRUE(roster.member(*picked).usable) << step;
    ASSERT_EQ(roster.backends()[*picked]->identity().is_backup, usable[0] == 0) << step;
  }
}

// Times of connects

TEST(Roster, KeepsAMeanOfTheTimesThatConnectsTake) {
  Roster roster({}, several(1));
  EXPECT_EQ(roster.member(0).connect_time, 0u);
  roster.connected(0, kStart, base::Micros(0));
  EXPECT_EQ(roster.member(0).connect_time, 1u) << "0 would mean that it is not known";
  Roster slower({}, several(1));
  slower.connected(0, kStart, base::Micros(800));
  EXPECT_EQ(slower.member(0).connect_time, 800u);
  slower.connected(0, kStart, base::Micros(1'600));
  EXPECT_EQ(slower.member(0).connect_time, 900u);
  slower.connected(0, kStart, base::Micros(100));
  EXPECT_EQ(slower.member(0).connect_time, 800u);
  slower.connected(0, kStart, std::chrono::hours(10));
  EXPECT_GT(slower.member(0).connect_time, 1'000'000u);
}

TEST(Roster, DoesNotTakeOneThatIsQuickToRefuseForAFastOne) {
  Roster roster({}, several(2));
  roster.connected(0, kStart, base::Micros(500));
  roster.failed(0, Failure::kConnect, kStart, "connect_refused");
  EXPECT_GT(roster.member(0).connect_time, 100'000u);
}

}  // namespace
}  // namespace weir::pool
