#include "balance/random_two.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "unit/balance/pool_of_policy.h"

namespace weir::balance {
namespace {

PoolOfPolicy pool_with(const std::vector<std::uint32_t>& weights, std::uint64_t seed = 1) {
  return {PolicyName::kRandomTwo, weights, {.seed = seed, .hash_balance = {}}};
}

TEST(RandomTwo, TakesTheLessLoadedOfTwoByWeight) {
  PoolOfPolicy pool = pool_with({1, 3});
  pool.members[index_at(0)].in_flight = 2;
  for (std::uint32_t in_flight = 0; in_flight < 20; ++in_flight) {
    pool.members[index_at(1)].in_flight = in_flight;
    for (int i = 0; i < 20; ++i) {
      const auto picked = pool.pick();
      if (in_flight + 1 < 9) {
        ASSERT_EQ(picked, index_at(1)) << in_flight;
      } else if (in_flight + 1 > 9) {
        ASSERT_EQ(picked, index_at(0)) << in_flight;
      }
    }
  }
}

TEST(RandomTwo, KeepsAHundredWithinAFewWhileNobodyLeaves) {
  PoolOfPolicy pool = pool_with(std::vector<std::uint32_t>(100, 1));
  for (int i = 0; i < 100 * 200; ++i) pool.pick_and_take();
  for (const Candidate& candidate : pool.candidates) {
    // One draw alone would leave them some 40 apart from the mean.
    EXPECT_NEAR(pool.members[candidate.index].in_flight, 200, 6) << candidate.index;
  }
}

TEST(RandomTwo, KeepsLoadsInProportionToWeights) {
  PoolOfPolicy pool = pool_with({1, 2, 4, 8, 16, 32});
  for (int i = 0; i < 63 * 100; ++i) pool.pick_and_take();
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_NEAR(pool.members[index_at(i)].in_flight / static_cast<double>(1u << i), 100, 8) << i;
}

TEST(RandomTwo, PicksOtherwiseFromAnotherSeed) {
  PoolOfPolicy one = pool_with(std::vector<std::uint32_t>(50, 1), 1);
  PoolOfPolicy other = pool_with(std::vector<std::uint32_t>(50, 1), 2);
  int same = 0;
  for (int i = 0; i < 200; ++i) same += one.pick() == other.pick() ? 1 : 0;
  EXPECT_LT(same, 50);
}

TEST(RandomTwo, DoesNotRunToTheOnlyIdleOne) {
  PoolOfPolicy pool = pool_with(std::vector<std::uint32_t>(20, 1));
  for (std::size_t i = 1; i < 20; ++i) pool.take(index_at(i));
  int idle = 0;
  for (int i = 0; i < 1000; ++i) idle += pool.pick() == index_at(0) ? 1 : 0;
  EXPECT_NEAR(idle, 100, 50);  // it is among two of twenty in a tenth of the draws
}

}  // namespace
}  // namespace weir::balance
