#include "pool/pool.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "unit/pool/pools.h"
#include "unit/pool/waiting.h"

namespace weir::pool {
namespace {

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

TEST(Pool, ChangesSettingsAndBackendsAtOnce) {
  const auto pool = pool_of(several(2));
  Slot old = pick(*pool);
  const auto before = pool->settings();
  PoolSettings settings = *before;
  settings.connect_timeout = kSecond;
  pool->change(settings, {backend("c")}, kStart);
  EXPECT_EQ(pool->settings()->connect_timeout, kSecond);
  EXPECT_NE(before->connect_timeout, kSecond) << "who has taken the old ones keeps them";
  NoPick why_not = NoPick::kNone;
  std::shared_ptr<const PoolSettings> taken = before;
  const Slot slot = pool->pick({0, {}}, why_not, &taken);
  EXPECT_EQ(name_of(slot), "c");
  EXPECT_EQ(taken, pool->settings());
  EXPECT_EQ(in_flight(*pool, "a"), 1u) << "of the session that was there before";
  old.release();
  EXPECT_EQ(pool->view().backends.size(), 1u);
}

TEST(Pool, AWeightThatTheOperatorWantsServesThoseWhoWait) {
  Bell bell;
  const auto pool = pool_of({backend("a", {.most_sessions = 1}), backend("b", {.weight = 0})});
  const Slot holder = pick(*pool);
  Guest guest(bell);
  ASSERT_TRUE(guest.come(*pool));
  ASSERT_FALSE(guest.slot);
  pool->want_weight(*pool->backends()[1], 1, kStart);
  bell.deliver();
  EXPECT_EQ(guest.at(), "b");
  pool->want_weight(*backend("stranger"), 5, kStart);
  EXPECT_EQ(name_of(pick(*pool)), "b") << "nobody's weight has changed";
}

TEST(Pool, GivesTheSettingsThatBelongToAPlaceToWhoWaitedForIt) {
  Bell bell;
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  Slot holder = pick(*pool);
  Guest guest(bell);
  ASSERT_TRUE(guest.come(*pool));
  ASSERT_FALSE(guest.slot);
  PoolSettings settings = *pool->settings();
  settings.connect_timeout = kSecond;
  pool->change(settings, {backend("a", {.most_sessions = 2})}, kStart);
  bell.deliver();
  EXPECT_EQ(guest.at(), "a") << "there is room by now";
  EXPECT_EQ(guest.settings, pool->settings());
}

TEST(Pool, WithAFallbackAtLastThoseWhoWaitGoThere) {
  Bell bell;
  const auto pool = pool_of({backend("a", {.most_sessions = 1})});
  const auto a = pool->backends()[0];
  Slot holder = pick(*pool);
  for (int i = 0; i < 5; ++i) holder.connect_failed(kStart, "connect_refused");
  Guest guest(bell);
  ASSERT_TRUE(guest.come(*pool)) << "it is passed over, and there is no better";
  pool->set_fallback(pool_of(several(1)));
  bell.deliver();
  EXPECT_TRUE(guest.was_told);
  EXPECT_FALSE(guest.slot);
  EXPECT_NE(pool->fallback(), nullptr);
}

// Each place goes with the settings of its backend, whatever changes meanwhile: a session must not speak TLS
// to a backend that was plain.
TEST(Pool, NeverGivesAPlaceWithTheSettingsOfAnotherTime) {
  const auto pool = pool_of({backend("even")});
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> picks{0};
  std::thread changes([&] {
    // On a busy machine all changes may be done before the other thread has picked once.
    for (unsigned i = 1; i <= 2'000 || (picks < 100 && i < 10'000'000); ++i) {
      PoolSettings settings = *pool->settings();
      settings.retries = i % 2;
      pool->change(settings, {backend(i % 2 == 0 ? "even" : "odd")}, kStart);
    }
    stop = true;
  });
  PoolSettings first = *pool->settings();
  std::shared_ptr<const PoolSettings> settings;
  std::uint64_t wrong = 0;
  while (!stop) {
    NoPick why_not = NoPick::kNone;
    const Slot slot = pool->pick({0, {}}, why_not, &settings);
    // The pool was made with other retries.
    if (!slot || settings->retries == first.retries) continue;
    ++picks;
    if ((name_of(slot) == "odd") != (settings->retries == 1)) ++wrong;
  }
  changes.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_GE(picks, 100u);
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
  EXPECT_EQ(why_not, NoPick::kNobody);
}

TEST(Pool, HasTheWordsOfTheLogForStates) {
  EXPECT_EQ(word(BackendState::kUp), "up");
  EXPECT_EQ(word(BackendState::kDrain), "drain");
  EXPECT_EQ(word(BackendState::kMaintenance), "maintenance");
  EXPECT_EQ(word(BackendState::kEjected), "ejected");
  EXPECT_EQ(word(BackendState::kDown), "down");
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

TEST(Pool, TellsThatRetriesWereDeniedOnceAMinute) {
  const auto pool = pool_of(several(2));
  EXPECT_TRUE(pool->advance(kStart).empty());
  const auto deny = [&](base::TimePoint now) {
    while (pool->may_retry(now)) {
    }
  };
  deny(kStart);
  deny(kStart);
  auto events = pool->advance(kStart);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].change, Change::kRetriesDenied);
  EXPECT_EQ(events[0].backend, nullptr);
  EXPECT_EQ(events[0].reason.substr(0, 24), "2 retries were denied: s");
  EXPECT_EQ(events[0].healthy, 2u);
  deny(kStart + 30 * kSecond);
  EXPECT_TRUE(pool->advance(kStart + 59 * kSecond).empty());
  events = pool->advance(kStart + 60 * kSecond);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].reason.substr(0, 2), "1 ");
  EXPECT_TRUE(pool->advance(kStart + 600 * kSecond).empty()) << "no others since";
}

TEST(Pool, AsksItsKeeperOnceForAllThatHasHappened) {
  const auto backends = several(2);
  const auto pool = pool_of(backends);
  int asked = 0;
  pool->set_keeper([&asked] { ++asked; });
  pick(*pool);
  EXPECT_EQ(asked, 0) << "nothing has happened";
  for (const auto& backend : backends) pool->set_mode(*backend, BackendMode::kMaintenance, kStart);
  EXPECT_EQ(asked, 1) << "it has not come yet";
  EXPECT_EQ(pool->advance(kStart).size(), 2u);
  pool->set_mode(*backends[0], BackendMode::kUp, kStart);
  EXPECT_EQ(asked, 2);
}

TEST(Pool, AsksItsKeeperForWhatHappenedBeforeThereWasOne) {
  const auto backends = several(2);
  const auto pool = pool_of(backends);
  pool->set_mode(*backends[0], BackendMode::kMaintenance, kStart);
  int asked = 0;
  pool->set_keeper([&asked] { ++asked; });
  EXPECT_EQ(asked, 1);
  pool->advance(kStart);
  pool->set_keeper({});
  pool->set_mode(*backends[0], BackendMode::kUp, kStart);
  EXPECT_EQ(asked, 1);
}

TEST(Pool, WaitsUntilDeniedRetriesAreToldOf) {
  const auto pool = pool_of(several(2));
  int asked = 0;
  pool->set_keeper([&asked] { ++asked; });
  const auto deny = [&](base::TimePoint now) {
    while (pool->may_retry(now)) {
    }
  };
  EXPECT_FALSE(pool->is_waiting());
  deny(kStart);
  deny(kStart);
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(pool->is_waiting());
  pool->advance(kStart);
  EXPECT_FALSE(pool->is_waiting());
  deny(kStart + kSecond);
  pool->advance(kStart + kSecond);
  EXPECT_TRUE(pool->is_waiting()) << "they are told of once a minute";
  pool->advance(kStart + 60 * kSecond);
  EXPECT_FALSE(pool->is_waiting());
}

TEST(Pool, KeepsABackendThatIsPassedOverForThoseForWhomTheFallbackHasNothing) {
  const auto pool = pool_of(several(1));
  const auto fail = [&] {
    for (int i = 0; i < 5; ++i) pick(*pool).connect_failed(kStart, "connect_refused");
  };
  fail();
  EXPECT_FALSE(pool->pick_passed_over(nullptr)) << "without a fallback it is picked like any other";
  pool->set_fallback(pool_of(several(1)));
  EXPECT_FALSE(pick(*pool));
  Slot last_resort = pool->pick_passed_over(nullptr);
  ASSERT_TRUE(last_resort);
  EXPECT_EQ(in_flight(*pool, "a"), 1u);
  last_resort.connected(kStart, base::Micros(1));
  EXPECT_FALSE(pool->pick_passed_over(nullptr)) << "it stood, so nobody is left out";
  EXPECT_TRUE(pick(*pool));
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
  PoolOptions options;
  options.roster.health = {.is_checked = true, .rise = 2, .fall = 2};
  const auto pool = pool_of(several(1), options);
  const auto a = pool->backends()[0];
  EXPECT_TRUE(pool->check_failed(*a, "x"));
  EXPECT_FALSE(pool->check_failed(*a, "x")) << "now it is down";
  EXPECT_TRUE(pool->check_passed(*a, kStart));
  EXPECT_FALSE(pool->check_passed(*a, kStart));
}

TEST(Pool, HearsNothingOfABackendThatHasLeftOrNeverCame) {
  PoolOptions options;
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
  PoolOptions options;
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

TEST(Pool, ShowsItsBackendsInTheOrderOfTheList) {
  const auto pool = pool_of({backend("a"), backend("b")});
  const Slot held = pick(*pool);
  pool->replace({backend("c"), backend("b"), backend("d")}, kStart);
  pool->replace({backend("d"), backend("c"), backend("e")}, kStart);
  std::string names;
  for (const BackendView& view : pool->view().backends) names += view.backend->name();
  EXPECT_EQ(names, "dcea") << "those that have left are last";
}

TEST(Pool, ShowsHowFarASlowStartHasCome) {
  PoolOptions options;
  options.roster = checked();
  options.roster.slow_start = 10 * kSecond;
  const auto pool = pool_of({backend("a", {.weight = 3})}, options);
  EXPECT_EQ(pool->view().backends[0].weight_ratio, 1);
  EXPECT_EQ(pool->view().backends[0].reason, "");
  pool->check_failed(*pool->backends()[0], "x");
  pool->check_passed(*pool->backends()[0], kStart);
  pool->advance(kStart + 4 * kSecond);
  EXPECT_EQ(pool->view().backends[0].weight_ratio, 0.4);
  EXPECT_EQ(pool->view().backends[0].weight, 3u);
  EXPECT_EQ(pool->view().backends[0].reason, "slow start: 0.4 of its weight");
  pool->advance(kStart + 10 * kSecond);
  EXPECT_EQ(pool->view().backends[0].weight_ratio, 1);
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

}  // namespace
}  // namespace weir::pool
