#include "balance/factory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "balance/random.h"
#include "unit/balance/pool_of_policy.h"

namespace weir::balance {
namespace {

struct Case {
  const char* word;
  PolicyName name;
  std::optional<double> hash_balance{};
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.word; }

// What every policy has to keep, whatever its choice is.
class EveryPolicy : public testing::TestWithParam<Case> {
 protected:
  PoolOfPolicy pool_with(std::vector<Candidate> candidates, std::uint64_t seed = 1) const {
    return {GetParam().name, std::move(candidates), {.seed = seed, .hash_balance = GetParam().hash_balance}};
  }
  bool is_strict() const { return GetParam().name == PolicyName::kSourceHash && !GetParam().hash_balance; }
};

// The next policy of a pool, for other candidates.
void change(PoolOfPolicy& pool, const Case& of, std::vector<Candidate> candidates, std::uint64_t seed) {
  PoolOfPolicy next(of.name, std::move(candidates), {.seed = seed, .hash_balance = of.hash_balance});
  for (std::size_t i = 0; i < std::min(pool.members.size(), next.members.size()); ++i) {
    next.members[i].in_flight = pool.members[i].in_flight;
  }
  next.policy = make_policy(of.name, next.candidates, {.seed = seed, .hash_balance = of.hash_balance});
  next.policy->go_on_from(*pool.policy);
  next.policy->members_changed(next.members);
  pool.candidates = std::move(next.candidates);
  pool.members = std::move(next.members);
  pool.policy = std::move(next.policy);
}

TEST_P(EveryPolicy, GoesOnAsBeforeOverChangesThatChangeNothing) {
  const std::vector<Candidate> all = candidates_with({1, 2, 1, 3, 1});
  PoolOfPolicy left_alone = pool_with(all, 7);
  PoolOfPolicy changed = pool_with(all, 7);
  std::vector<int> more(all.size());
  Random keys(3);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t key = keys.next();
    const auto one = left_alone.pick_and_take({}, key);
    const auto other = changed.pick_and_take({}, key);
    ASSERT_TRUE(one.has_value() && other.has_value());
    ++more[position_of(*other)];
    --more[position_of(*one)];
    // A turn of a round robin may change places with another one; the shares stay.
    if (GetParam().name != PolicyName::kRoundRobin) {
      ASSERT_EQ(one, other) << i;
    }
    if (i % 3 == 0) change(changed, GetParam(), all, 7);
  }
  for (const int difference : more) EXPECT_LE(std::abs(difference), 1);
}

TEST_P(EveryPolicy, PicksOnlyNewCandidatesAfterAChange) {
  PoolOfPolicy pool = pool_with(candidates_with({1, 2, 1, 3, 1}), 7);
  Random keys(3);
  for (int i = 0; i < 20; ++i) pool.pick_and_take({}, keys.next());
  std::vector<Candidate> others = candidates_with({1, 1, 1, 1, 1, 1, 1});
  others.erase(others.begin() + 1, others.begin() + 3);
  std::reverse(others.begin(), others.end());
  change(pool, GetParam(), others, 7);
  for (int i = 0; i < 100; ++i) {
    const auto picked = pool.pick_and_take({}, keys.next());
    ASSERT_TRUE(picked.has_value());
    ASSERT_NE(position_of(*picked), 1u);
    ASSERT_NE(position_of(*picked), 2u);
  }
}

INSTANTIATE_TEST_SUITE_P(, EveryPolicy,
                         testing::Values(Case{"round_robin", PolicyName::kRoundRobin},
                                         Case{"least_connections", PolicyName::kLeastConnections},
                                         Case{"random_two", PolicyName::kRandomTwo},
                                         Case{"fastest", PolicyName::kFastest},
                                         Case{"source_hash", PolicyName::kSourceHash},
                                         Case{"source_hash_bounded", PolicyName::kSourceHash, 1.25},
                                         Case{"first", PolicyName::kFirst}),
                         [](const auto& one) { return std::string(one.param.word); });

// A pool whose members, loads, limits and times change at random.
class RandomRun {
 public:
  RandomRun(PoolOfPolicy& pool, std::mt19937_64& random, bool is_strict)
      : pool_(pool), random_(random), is_strict_(is_strict) {}

  void step() {
    const std::uint64_t what = random_() % 100;
    const BackendIndex index = any();
    Member& member = pool_.members[index];
    if (what < 60) {
      pick();
    } else if (what < 85) {
      leave();
    } else if (what < 90) {
      pool_.set_most(index, random_() % 3 == 0 ? Member::kNoMost : static_cast<std::uint32_t>(random_() % 6));
    } else if (what < 94) {
      pool_.set_connect_time(index, static_cast<std::uint32_t>(random_() % 4 * 1000));
    } else if (what < 97) {
      member.usable = random_() % 3 != 0;
      member.weight = static_cast<std::uint32_t>(1 + random_() % 256);
      pool_.policy->members_changed(pool_.members);
    } else {
      // Somebody of another tier.
      pool_.members[index + 1].in_flight = static_cast<std::uint32_t>(random_() % 5);
      pool_.policy->load_changed(pool_.members, index + 1);
    }
  }

 private:
  BackendIndex any() { return pool_.candidates[random_() % pool_.candidates.size()].index; }

  void pick() {
    Tried tried;
    for (std::uint64_t count = random_() % 4; count > 0; --count) {
      const BackendIndex index = any();
      if (!tried.contains(index)) tried.add(index);
    }
    const auto picked = pool_.pick(tried, random_());
    if (picked) {
      ASSERT_TRUE(std::any_of(pool_.candidates.begin(), pool_.candidates.end(),
                              [&](const Candidate& c) { return c.index == *picked; }))
          << *picked << " is no candidate";
      ASSERT_TRUE(pool_.may_be_taken(*picked, tried)) << *picked;
      pool_.take(*picked);
      taken_.push_back(*picked);
      return;
    }
    for (const Candidate& candidate : pool_.candidates) {
      if (pool_.may_be_taken(candidate.index, tried)) {
        // Strict affinity only: the client's own is full.
        ASSERT_TRUE(is_strict_) << candidate.index << " was free";
        ASSERT_TRUE(std::any_of(pool_.candidates.begin(), pool_.candidates.end(), [&](const Candidate& c) {
          const Member& member = pool_.members[c.index];
          return member.usable && !member.has_room() && !tried.contains(c.index);
        }));
      }
    }
  }

  void leave() {
    if (taken_.empty()) return;
    std::swap(taken_[random_() % taken_.size()], taken_.back());
    pool_.leave(taken_.back());
    taken_.pop_back();
  }

  PoolOfPolicy& pool_;
  std::mt19937_64& random_;
  bool is_strict_;
  std::vector<BackendIndex> taken_;
};

TEST_P(EveryPolicy, TakesOnlyWhatMayBeTakenAndFindsItWhateverHappens) {
  std::mt19937_64 random(11);
  for (int trial = 0; trial < 60; ++trial) {
    std::vector<std::uint32_t> weights(1 + random() % (trial % 10 == 0 ? 150 : 10));
    for (auto& weight : weights)
      weight = static_cast<std::uint32_t>(random() % 4 == 0 ? 256 : 1 + random() % 3);
    auto candidates = candidates_with(weights);
    std::shuffle(candidates.begin(), candidates.end(), random);
    PoolOfPolicy pool = pool_with(std::move(candidates), random());
    RandomRun run(pool, random, is_strict());
    for (int step = 0; step < 3000; ++step) {
      ASSERT_NO_FATAL_FAILURE(run.step()) << "trial " << trial << ", step " << step;
    }
  }
}

TEST_P(EveryPolicy, TriesEachOnceAndThenNoMore) {
  PoolOfPolicy pool = pool_with(candidates_with({1, 2, 256, 1, 1}));
  Tried tried;
  for (std::size_t i = 0; i < pool.candidates.size(); ++i) {
    const auto picked = pool.pick_and_take(tried, 99);
    ASSERT_TRUE(picked);
    ASSERT_FALSE(tried.contains(*picked)) << *picked;
    tried.add(*picked);
  }
  EXPECT_EQ(pool.pick(tried, 99), std::nullopt);
}

TEST_P(EveryPolicy, PicksNothingWithoutCandidates) {
  PoolOfPolicy pool = pool_with({});
  EXPECT_EQ(pool.pick(), std::nullopt);
  EXPECT_EQ(pool.pick(tried_of({0})), std::nullopt);
  pool.policy->load_changed(pool.members, 0);
  EXPECT_EQ(pool.pick(), std::nullopt);
}

TEST_P(EveryPolicy, PicksNothingWhileNobodyIsUsable) {
  PoolOfPolicy pool = pool_with(candidates_with({1, 5}));
  for (const Candidate& candidate : pool.candidates) pool.set_usable(candidate.index, false);
  EXPECT_EQ(pool.pick(), std::nullopt);
  EXPECT_EQ(pool.pick(tried_of({index_at(0)})), std::nullopt);
  pool.set_usable(index_at(1), true);
  EXPECT_EQ(pool.pick(), index_at(1));
}

TEST_P(EveryPolicy, NeverPicksAConfiguredWeightOfZero) {
  PoolOfPolicy pool = pool_with(candidates_with({0, 1, 0}));
  for (std::uint64_t key = 0; key < 50; ++key) ASSERT_EQ(pool.pick_and_take({}, key * kGolden), index_at(1));
}

TEST_P(EveryPolicy, PicksTheOnlyOneUntilItIsFull) {
  PoolOfPolicy pool = pool_with(candidates_with({7}));
  pool.set_most(index_at(0), 3);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(pool.pick_and_take(), index_at(0));
  EXPECT_EQ(pool.pick(), std::nullopt);
  pool.leave(index_at(0));
  EXPECT_EQ(pool.pick_and_take(), index_at(0));
  EXPECT_EQ(pool.pick(), std::nullopt);
}

TEST_P(EveryPolicy, PicksTheSameAgainFromTheSameSeed) {
  PoolOfPolicy one = pool_with(candidates_with({3, 1, 256, 9, 1}), 5);
  PoolOfPolicy other = pool_with(candidates_with({3, 1, 256, 9, 1}), 5);
  for (std::uint64_t i = 0; i < 500; ++i)
    ASSERT_EQ(one.pick_and_take({}, i * kGolden), other.pick_and_take({}, i * kGolden));
}

TEST_P(EveryPolicy, OutlivesTheListItWasMadeFrom) {
  PoolOfPolicy pool = pool_with(candidates_with({1, 2, 1}));
  pool.candidates = {};
  for (std::uint64_t i = 0; i < 20; ++i) {
    const auto picked = pool.pick_and_take({}, i * kGolden);
    ASSERT_TRUE(picked);
    ASSERT_LE(position_of(*picked), 2u);
  }
}

TEST(Tried, HoldsWhatWasAddedOnly) {
  const Tried tried = tried_of({4, 9});
  EXPECT_TRUE(tried.contains(4));
  EXPECT_TRUE(tried.contains(9));
  EXPECT_FALSE(tried.contains(0));
  EXPECT_EQ(tried.size(), 2u);
}

TEST(TriedDeathTest, RefusesMoreThanItHolds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Tried tried;
  for (BackendIndex i = 0; i < Tried::kMost; ++i) tried.add(i);
  EXPECT_EQ(tried.size(), Tried::kMost);
  EXPECT_DEATH(tried.add(99), "assertion failed");
}

TEST(FactoryDeathTest, TwoCandidatesOfOneIndexAreAMistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::vector<Candidate> twice{{3, 1, "a"}, {3, 1, "b"}};
  EXPECT_DEATH(make_policy(PolicyName::kFirst, twice, {}), "assertion failed");
}

}  // namespace
}  // namespace weir::balance
