#include "balance/round_robin.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <numeric>
#include <random>
#include <thread>

#include "balance/factory.h"

namespace weir::balance {
namespace {

// Indexes that are not positions, so that one taken for the other shows.
std::vector<Candidate> candidates_with(const std::vector<std::uint32_t>& weights) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    candidates.push_back({static_cast<BackendIndex>(100 + 3 * i), weights[i]});
  }
  return candidates;
}

std::vector<std::uint32_t> random_weights(std::mt19937& random) {
  std::uniform_int_distribution<std::size_t> count(1, 50);
  std::uniform_int_distribution<std::uint32_t> weight(1, 256);
  std::vector<std::uint32_t> weights(count(random));
  for (std::uint32_t& w : weights) w = weight(random);
  return weights;
}

Tried tried_of(std::initializer_list<BackendIndex> indexes) {
  Tried tried;
  for (const BackendIndex index : indexes) tried.add(index);
  return tried;
}

std::int64_t spread_of(const std::map<BackendIndex, std::int64_t>& counts) {
  std::int64_t least = counts.begin()->second;
  std::int64_t most = least;
  for (const auto& [index, count] : counts) {
    least = std::min(least, count);
    most = std::max(most, count);
  }
  return most - least;
}

TEST(SmoothSchedule, GivesEachCandidateExactlyItsTurnsInARound) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const auto candidates = candidates_with(random_weights(random));
    std::uint32_t divisor = 0;
    for (const Candidate& c : candidates) divisor = std::gcd(divisor, c.weight);
    std::map<BackendIndex, std::uint32_t> turns;
    for (const BackendIndex index : smooth_schedule(candidates)) ++turns[index];
    ASSERT_EQ(turns.size(), candidates.size());
    for (const Candidate& c : candidates) ASSERT_EQ(turns[c.index], c.weight / divisor) << trial;
  }
}

TEST(SmoothSchedule, KeepsEveryPrefixWithinOneTurnOfTheExactShare) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 60; ++trial) {
    const auto candidates = candidates_with(random_weights(random));
    const auto schedule = smooth_schedule(candidates);
    const auto total = static_cast<std::int64_t>(
        std::accumulate(candidates.begin(), candidates.end(), 0u,
                        [](unsigned sum, const Candidate& c) { return sum + c.weight; }));
    std::vector<std::int64_t> turns(candidates.size());
    for (std::size_t k = 0; k < schedule.size(); ++k) {
      ++turns[(schedule[k] - 100) / 3];
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        const std::int64_t ahead = turns[i] * total - static_cast<std::int64_t>(k + 1) *
                                                          static_cast<std::int64_t>(candidates[i].weight);
        ASSERT_LT(std::abs(ahead), total) << "trial " << trial << ", prefix " << k + 1 << ", candidate " << i;
      }
    }
  }
}

TEST(SmoothSchedule, GivesEqualWeightsInTheirOrder) {
  EXPECT_EQ(smooth_schedule(candidates_with({1, 1, 1, 1})), (std::vector<BackendIndex>{100, 103, 106, 109}));
  EXPECT_EQ(smooth_schedule(candidates_with({7, 7, 7})), (std::vector<BackendIndex>{100, 103, 106}));
}

TEST(SmoothSchedule, IsNoLongerThanWeightsInLowestTermsNeed) {
  EXPECT_EQ(smooth_schedule(candidates_with({256, 256, 128})).size(), 5u);
  EXPECT_EQ(smooth_schedule(candidates_with({6, 10, 15})).size(), 31u);
  EXPECT_EQ(smooth_schedule(candidates_with({200})), (std::vector<BackendIndex>{100}));
}

TEST(SmoothSchedule, SpreadsAHeavyCandidateInsteadOfRunningItInABlock) {
  const auto schedule = smooth_schedule(candidates_with({5, 1, 1}));
  ASSERT_EQ(schedule.size(), 7u);
  for (std::size_t i = 0; i + 3 < schedule.size(); ++i) {
    EXPECT_FALSE(schedule[i] == schedule[i + 1] && schedule[i] == schedule[i + 2] &&
                 schedule[i] == schedule[i + 3]);
  }
}

TEST(SmoothSchedule, OfNothingIsEmpty) { EXPECT_TRUE(smooth_schedule({}).empty()); }

TEST(RoundRobin, PicksNothingWithoutCandidates) {
  RoundRobin policy({});
  EXPECT_EQ(policy.pick(), std::nullopt);
  EXPECT_EQ(policy.pick_untried({}), std::nullopt);
}

TEST(RoundRobin, RepeatsItsRoundForEver) {
  const auto candidates = candidates_with({3, 2});
  const auto schedule = smooth_schedule(candidates);
  RoundRobin policy(candidates);
  for (std::size_t i = 0; i < 10 * schedule.size(); ++i)
    ASSERT_EQ(policy.pick(), schedule[i % schedule.size()]);
}

TEST(RoundRobin, KeepsCountsWithinOneWhenManyThreadsPick) {
  constexpr int kThreads = 4;
  constexpr int kPicks = 20'003;  // no multiple of the candidates
  const auto candidates = candidates_with({1, 1, 1, 1, 1, 1, 1});
  RoundRobin policy(candidates);
  std::vector<std::map<BackendIndex, std::int64_t>> by_thread(kThreads);
  std::vector<std::thread> threads;
  for (auto& counts : by_thread) {
    threads.emplace_back([&policy, &counts] {
      for (int i = 0; i < kPicks; ++i) ++counts[*policy.pick()];
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::map<BackendIndex, std::int64_t> counts;
  for (const auto& one : by_thread) {
    for (const auto& [index, count] : one) counts[index] += count;
  }
  EXPECT_EQ(counts.size(), candidates.size());
  EXPECT_LE(spread_of(counts), 1);
}

TEST(RoundRobin, RetriesFromManyThreadsStayEven) {
  constexpr int kThreads = 4;
  constexpr int kPicks = 5'001;
  RoundRobin policy(candidates_with({1, 1, 1, 1}));
  std::vector<std::map<BackendIndex, std::int64_t>> by_thread(kThreads);
  std::vector<std::thread> threads;
  for (auto& counts : by_thread) {
    threads.emplace_back([&policy, &counts] {
      const Tried tried = tried_of({100});
      for (int i = 0; i < kPicks; ++i) ++counts[*policy.pick_untried(tried)];
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::map<BackendIndex, std::int64_t> counts;
  for (const auto& one : by_thread) {
    for (const auto& [index, count] : one) counts[index] += count;
  }
  EXPECT_EQ(counts.size(), 3u);
  EXPECT_LE(spread_of(counts), 1);
}

TEST(RoundRobin, NeverRetriesATriedOne) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<std::uint32_t> weights(std::uniform_int_distribution<std::size_t>(1, 12)(random));
    for (auto& w : weights) w = std::uniform_int_distribution<std::uint32_t>(1, 256)(random);
    const auto candidates = candidates_with(weights);
    RoundRobin policy(candidates);
    Tried tried;
    for (std::size_t attempt = 0; attempt < Tried::kMost; ++attempt) {
      const auto picked = policy.pick_untried(tried);
      if (attempt >= candidates.size()) {
        ASSERT_EQ(picked, std::nullopt);
        break;
      }
      ASSERT_TRUE(picked.has_value());
      ASSERT_FALSE(tried.contains(*picked));
      tried.add(*picked);
    }
  }
}

TEST(RoundRobin, SpreadsADeadBackendsShareEvenlyOverTheOthers) {
  RoundRobin policy(candidates_with({1, 1, 1, 1}));
  std::map<BackendIndex, std::int64_t> counts{{100, 0}, {103, 0}, {109, 0}};
  for (int i = 0; i < 1000; ++i) {
    ++counts[*policy.pick_untried(tried_of({106}))];
    ASSERT_LE(spread_of(counts), 1) << i;
  }
  EXPECT_EQ(counts.size(), 3u);
}

TEST(RoundRobin, SpreadsADeadBackendsShareByWeight) {
  RoundRobin policy(candidates_with({10, 1, 2, 3}));
  std::map<BackendIndex, int> counts;
  for (int i = 0; i < 600; ++i) ++counts[*policy.pick_untried(tried_of({100}))];
  EXPECT_NEAR(counts[103], 100, 1);
  EXPECT_NEAR(counts[106], 200, 1);
  EXPECT_NEAR(counts[109], 300, 1);
}

TEST(RoundRobin, SpreadsTheShareOfTwoDeadOnesEvenlyOverTheLiving) {
  RoundRobin policy(candidates_with({1, 1, 1, 1, 1}));
  const auto is_dead = [](BackendIndex index) { return index == 100 || index == 103; };
  std::map<BackendIndex, std::int64_t> counts{{106, 0}, {109, 0}, {112, 0}};
  for (int session = 0; session < 5000; ++session) {
    Tried tried;
    auto picked = policy.pick();
    while (is_dead(*picked)) {
      tried.add(*picked);
      picked = policy.pick_untried(tried);
    }
    ++counts[*picked];
  }
  EXPECT_EQ(counts.size(), 3u);
  EXPECT_LE(spread_of(counts), 3);
}

TEST(RoundRobin, DoesNotFloodABackendThatWasLeftOutForLong) {
  RoundRobin policy(candidates_with({1, 1, 1, 1}));
  for (int i = 0; i < 100'000; ++i) policy.pick_untried(tried_of({106}));
  std::map<BackendIndex, std::int64_t> counts{{103, 0}, {106, 0}, {109, 0}};
  for (int i = 0; i < 300; ++i) {
    ++counts[*policy.pick_untried(tried_of({100}))];
    ASSERT_LE(spread_of(counts), 2) << i;
  }
}

TEST(RoundRobin, RetriesLeaveTheOrderOfFirstPicksAlone) {
  const auto candidates = candidates_with({3, 1, 2});
  const auto schedule = smooth_schedule(candidates);
  RoundRobin policy(candidates);
  std::mt19937 random(4);
  for (std::size_t i = 0; i < 600; ++i) {
    for (auto retries = random() % 4; retries > 0; --retries) policy.pick_untried(tried_of({103}));
    ASSERT_EQ(policy.pick(), schedule[i % schedule.size()]);
  }
}

TEST(Factory, MakesTheRoundRobinThatIsAskedFor) {
  const auto policy = make_policy(PolicyName::kRoundRobin, candidates_with({1, 1}));
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(policy->pick(), 100u);
  EXPECT_EQ(policy->pick(), 103u);
  EXPECT_EQ(policy->pick(), 100u);
}

TEST(TriedDeathTest, RefusesMoreThanItHolds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Tried tried;
  for (BackendIndex i = 0; i < Tried::kMost; ++i) tried.add(i);
  EXPECT_EQ(tried.size(), Tried::kMost);
  EXPECT_DEATH(tried.add(99), "assertion failed");
}

}  // namespace
}  // namespace weir::balance
