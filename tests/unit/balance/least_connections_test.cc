#include "balance/least_connections.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "unit/balance/pool_of_policy.h"

namespace weir::balance {
namespace {

class LeastPool : public PoolOfPolicy {
 public:
  explicit LeastPool(const std::vector<std::uint32_t>& weights)
      : PoolOfPolicy(PolicyName::kLeastConnections, weights) {}

  bool is_least(BackendIndex picked, const Tried& tried) const {
    return std::all_of(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
      const Member& one = members[picked];
      const Member& other = members[candidate.index];
      return !may_be_taken(candidate.index, tried) ||
             (one.in_flight + 1ull) * other.weight <= (other.in_flight + 1ull) * one.weight;
    });
  }
};

TEST(LeastConnections, KeepsEqualWeightsWithinOneWhileNobodyLeaves) {
  LeastPool pool(std::vector<std::uint32_t>(7, 3));
  for (int i = 0; i < 500; ++i) {
    pool.pick_and_take();
    std::uint32_t least = ~0u;
    std::uint32_t most = 0;
    for (const Candidate& candidate : pool.candidates) {
      least = std::min(least, pool.members[candidate.index].in_flight);
      most = std::max(most, pool.members[candidate.index].in_flight);
    }
    ASSERT_LE(most - least, 1u) << i;
  }
}

TEST(LeastConnections, PicksALeastOneWhateverCameAndLeft) {
  std::mt19937_64 random(1);
  for (int trial = 0; trial < 40; ++trial) {
    std::vector<std::uint32_t> weights(1 + random() % 40);
    for (auto& weight : weights)
      weight = static_cast<std::uint32_t>(1 + random() % (trial % 2 == 0 ? 1 : 256));
    LeastPool pool(weights);
    for (int i = 0; i < 1000; ++i) {
      const BackendIndex index = index_at(random() % weights.size());
      Member& member = pool.members[index];
      if (random() % 50 == 0) {
        member.weight = static_cast<std::uint32_t>(1 + random() % 256);
        pool.set_usable(index, random() % 4 != 0);
      } else if (random() % 3 == 0) {
        if (member.in_flight > 0) pool.leave(index);
      } else {
        const Tried tried = random() % 4 == 0 ? tried_of({index}) : Tried{};
        const auto picked = pool.pick(tried);
        if (!picked) continue;
        ASSERT_TRUE(pool.is_least(*picked, tried)) << "trial " << trial << ", step " << i;
        pool.take(*picked);
      }
    }
  }
}

TEST(LeastConnections, ComparesExactlyAtTheGreatestNumbers) {
  LeastPool pool({~0u, ~0u});
  pool.members[index_at(0)].in_flight = ~0u - 1;
  pool.members[index_at(1)].in_flight = ~0u - 2;
  pool.policy->members_changed(pool.members);
  EXPECT_EQ(pool.pick(), index_at(1));
}

TEST(LeastConnections, SpreadsAnIdlePoolLikeARoundRobin) {
  LeastPool pool({2, 2, 2, 2, 2});
  std::vector<BackendIndex> picked;
  for (int i = 0; i < 50; ++i) {
    picked.push_back(pool.pick_and_take().value());
    pool.leave(picked.back());
  }
  EXPECT_EQ(std::set(picked.begin(), picked.begin() + 5).size(), 5u);
  for (std::size_t i = 5; i < picked.size(); ++i) EXPECT_EQ(picked[i], picked[i - 5]) << i;
}

TEST(LeastConnections, RemembersWhoWasPickedLongestAgoWhenTheSetChanges) {
  LeastPool pool({1, 1, 1});
  pool.leave(pool.pick_and_take().value());
  const BackendIndex second = pool.pick_and_take().value();
  pool.leave(second);
  pool.set_usable(second, false);
  const BackendIndex third = pool.pick_and_take().value();
  pool.leave(third);
  pool.set_usable(second, true);
  const BackendIndex fourth = pool.pick_and_take().value();
  pool.leave(fourth);
  EXPECT_EQ((std::set{second, third, fourth}.size()), 3u);
  EXPECT_EQ(pool.pick(), second);
}

TEST(LeastConnections, TakesTheNextOneWhenSeveralOfTheLeastWereTried) {
  LeastPool pool(std::vector<std::uint32_t>(100, 1));
  for (std::size_t i = 0; i < 100; ++i) {
    for (std::size_t taken = 0; taken < i; ++taken) pool.take(index_at(i));
  }
  Tried tried;
  for (std::size_t i = 0; i < Tried::kMost; ++i) {
    ASSERT_EQ(pool.pick(tried), index_at(i));
    tried.add(index_at(i));
  }
  EXPECT_EQ(pool.pick(tried), index_at(Tried::kMost));
}

}  // namespace
}  // namespace weir::balance
