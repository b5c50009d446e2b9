#include "balance/source_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "unit/balance/pool_of_policy.h"

namespace weir::balance {
namespace {

class HashPool : public PoolOfPolicy {
 public:
  explicit HashPool(std::vector<Candidate> all, std::optional<double> hash_balance = {})
      : PoolOfPolicy(PolicyName::kSourceHash, std::move(all), {.seed = 0, .hash_balance = hash_balance}) {}
  explicit HashPool(const std::vector<std::uint32_t>& weights, std::optional<double> hash_balance = {})
      : HashPool(candidates_with(weights), hash_balance) {}

  std::optional<BackendIndex> of(std::uint64_t key) { return pick({}, key); }
  std::string name_of(std::uint64_t key) {
    const auto picked = of(key);
    for (const Candidate& candidate : candidates) {
      if (candidate.index == picked) return candidate.name;
    }
    return "";
  }
  std::vector<std::optional<BackendIndex>> of_all(const std::vector<std::uint64_t>& keys) {
    std::vector<std::optional<BackendIndex>> picks;
    for (const std::uint64_t key : keys) picks.push_back(of(key));
    return picks;
  }
};

std::vector<std::uint64_t> random_keys(std::size_t count) {
  std::mt19937_64 random(9);
  std::vector<std::uint64_t> keys(count);
  for (auto& key : keys) key = random();
  return keys;
}

TEST(SourceHash, GivesAClientTheSameBackendWhateverTheLoad) {
  HashPool pool({1, 2, 3, 4});
  const auto keys = random_keys(200);
  const auto before = pool.of_all(keys);
  for (const std::uint64_t key : keys) pool.pick_and_take({}, key);
  EXPECT_EQ(pool.of_all(keys), before);
}

TEST(SourceHash, SharesClientsByWeight) {
  HashPool pool({1, 2, 4, 3});
  std::map<BackendIndex, int> counts;
  for (const std::uint64_t key : random_keys(100'000)) ++counts[*pool.of(key)];
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(counts[index_at(i)], pool.candidates[i].weight * 10'000, 600) << i;
}

TEST(SourceHash, AgreesWithAMachineThatHasTheSamePoolInAnotherOrder) {
  auto candidates = candidates_with({1, 2, 3, 1, 5, 1, 1, 1});
  HashPool one(candidates);
  std::mt19937_64 random(1);
  std::shuffle(candidates.begin(), candidates.end(), random);
  for (std::size_t i = 0; i < candidates.size(); ++i) candidates[i].index = index_at(i + 4);
  HashPool other(candidates);
  const auto keys = random_keys(500);
  // With the first choices, and then with more and more of them down, until only the scan is left.
  for (int down = 0; down < 8; ++down) {
    for (const std::uint64_t key : keys) ASSERT_EQ(one.name_of(key), other.name_of(key)) << down;
    const std::string name = "backend-" + std::to_string(down);
    for (HashPool* pool : {&one, &other}) {
      for (const Candidate& candidate : pool->candidates) {
        if (candidate.name == name) pool->set_usable(candidate.index, false);
      }
    }
  }
  EXPECT_EQ(one.of(keys[0]), std::nullopt);
}

TEST(SourceHash, MovesOnlyTheClientsOfABackendThatIsDownAndTakesThemBack) {
  HashPool pool(std::vector<std::uint32_t>(10, 1));
  const auto keys = random_keys(20'000);
  const auto before = pool.of_all(keys);
  pool.set_usable(index_at(4), false);
  std::map<BackendIndex, int> gained;
  const auto meanwhile = pool.of_all(keys);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (before[i] == index_at(4)) {
      ++gained[*meanwhile[i]];
    } else {
      ASSERT_EQ(meanwhile[i], before[i]);
    }
  }
  EXPECT_EQ(gained.size(), 9u);
  for (const auto& [index, count] : gained) EXPECT_NEAR(count, 2000 / 9, 75) << index;
  pool.set_usable(index_at(4), true);
  EXPECT_EQ(pool.of_all(keys), before);
}

TEST(SourceHash, IsNotMovedByTheWeightOfTheMoment) {
  HashPool pool({10, 10, 10});
  const auto keys = random_keys(300);
  const auto before = pool.of_all(keys);
  pool.members[index_at(1)].weight = 1;  // as in slow start
  pool.policy->members_changed(pool.members);
  EXPECT_EQ(pool.of_all(keys), before);
}

TEST(SourceHash, LetsTheClientsOfAFullBackendWait) {
  HashPool pool({1, 1, 1});
  const auto keys = random_keys(100);
  const auto before = pool.of_all(keys);
  pool.set_most(index_at(1), 0);
  for (std::size_t i = 0; i < keys.size(); ++i)
    ASSERT_EQ(pool.of(keys[i]), before[i] == index_at(1) ? std::nullopt : before[i]);
}

TEST(SourceHash, PassesOverAFullBackendThatWasTriedOrIsDown) {
  HashPool pool({1, 1, 1});
  const auto keys = random_keys(100);
  const auto before = pool.of_all(keys);
  pool.set_most(index_at(1), 0);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (before[i] != index_at(1)) continue;
    ASSERT_TRUE(pool.pick(tried_of({index_at(1)}), keys[i])) << i;
  }
  pool.set_usable(index_at(1), false);
  for (const std::uint64_t key : keys) ASSERT_TRUE(pool.of(key));
}

TEST(SourceHash, RetriesAtTheBackendThatWouldFollowIfTheFirstWereDown) {
  HashPool pool({1, 1, 1, 1, 1});
  for (const std::uint64_t key : random_keys(100)) {
    const BackendIndex own = *pool.of(key);
    const auto retry = pool.pick(tried_of({own}), key);
    pool.set_usable(own, false);
    ASSERT_EQ(pool.of(key), retry);
    pool.set_usable(own, true);
  }
}

TEST(SourceHash, SpreadsClientsOverTheFewThatAreLeftOfMany) {
  HashPool pool(std::vector<std::uint32_t>(1000, 1));
  for (std::size_t i = 0; i < 1000; ++i) pool.members[index_at(i)].usable = i % 250 == 100;
  pool.policy->members_changed(pool.members);
  std::map<BackendIndex, int> counts;
  for (const std::uint64_t key : random_keys(4000)) ++counts[*pool.of(key)];
  EXPECT_EQ(counts.size(), 4u);
  // By name they lie unevenly, so that one follows more of those that are down than another.
  for (const auto& [index, count] : counts) EXPECT_NEAR(count, 1000, 500) << index;
}

class BoundedRun : public testing::TestWithParam<double> {};
INSTANTIATE_TEST_SUITE_P(, BoundedRun, testing::Values(1.01, 1.25, 2.0),
                         [](const auto& one) { return std::to_string(std::lround(one.param * 100)); });

TEST_P(BoundedRun, NeverTakesOneAboveTheBoundNorPassesOverAClientsOwnWithinIt) {
  std::mt19937_64 random(3);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<std::uint32_t> weights(1 + random() % 30);
    for (auto& weight : weights)
      weight = static_cast<std::uint32_t>(1 + random() % (trial % 2 == 0 ? 1 : 256));
    HashPool pool(weights, GetParam());
    HashPool strict(weights);
    std::vector<BackendIndex> taken;
    for (int i = 0; i < 2000; ++i) {
      if (random() % 100 == 0) {
        const BackendIndex index = index_at(random() % weights.size());
        const bool usable = random() % 3 != 0;
        pool.set_usable(index, usable);
        strict.set_usable(index, usable);
      }
      if (random() % 5 < 2 && !taken.empty()) {
        std::swap(taken[random() % taken.size()], taken.back());
        pool.leave(taken.back());
        taken.pop_back();
        continue;
      }
      double in_flight = 0;
      double weight = 0;
      for (const Candidate& candidate : pool.candidates) {
        const Member& member = pool.members[candidate.index];
        if (!member.usable) continue;
        in_flight += member.in_flight;
        weight += member.weight;
      }
      // Few clients with many sessions.
      const std::uint64_t key = mix(random() % 7);
      const auto picked = pool.pick({}, key);
      ASSERT_EQ(picked.has_value(), weight > 0);
      if (!picked) continue;
      // The bound is the ceiling of this; a hair is left for rounding.
      const auto share = [&](BackendIndex index) {
        return GetParam() * (in_flight + 1) * pool.members[index].weight / weight;
      };
      ASSERT_LT(pool.members[*picked].in_flight, share(*picked) + 1e-9)
          << "trial " << trial << ", step " << i;
      const BackendIndex own = *strict.of(key);
      const bool is_within = pool.members[own].in_flight < share(own) - 1e-9;
      ASSERT_TRUE(picked == own || !is_within) << "trial " << trial << ", step " << i;
      pool.take(*picked);
      taken.push_back(*picked);
    }
  }
}

TEST(SourceHash, OverflowsFromAFullBackendWhenLoadsAreBounded) {
  HashPool pool({1, 1, 1}, 1.25);
  const std::uint64_t key = 77;
  pool.set_most(*pool.of(key), 0);
  EXPECT_TRUE(pool.of(key));
}

TEST(SourceHash, ServesAboveTheBoundRatherThanNotAtAll) {
  HashPool pool({1, 1}, 1.25);
  pool.set_most(index_at(0), 0);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(pool.pick_and_take({}, 5), index_at(1)) << i;
}

TEST(SourceHashDeathTest, AFactorThatLeavesNoRoomIsAMistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto candidates = candidates_with({1});
  EXPECT_DEATH(SourceHash(candidates, 1.0), "assertion failed");
}

}  // namespace
}  // namespace weir::balance
