#include "balance/weighted_draw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "unit/balance/pool_of_policy.h"

namespace weir::balance {
namespace {

class DrawingPool {
 public:
  explicit DrawingPool(const std::vector<std::uint32_t>& weights)
      : candidates_(candidates_with(weights)), members(index_at(weights.size())), draw_(candidates_, 7) {
    for (const Candidate& c : candidates_)
      members[c.index] = {.weight = std::max(c.weight, 1u), .usable = c.weight > 0};
    draw_.members_changed(members);
  }
  WeightedDraw::Drawn two(const Tried& tried = {}) { return draw_.two(members, {0, tried}); }
  void set_most(BackendIndex index, std::uint32_t most) {
    members[index].most = most;
    draw_.load_changed(members, index);
  }

 private:
  std::vector<Candidate> candidates_;

 public:
  std::vector<Member> members;

 private:
  WeightedDraw draw_;
};

TEST(WeightedDraw, DrawsTheFirstInProportionToWeight) {
  constexpr int kDraws = 300'000;
  const std::vector<std::uint32_t> weights{1, 256, 30, 0, 5, 5, 100, 1};
  DrawingPool pool(weights);
  std::map<BackendIndex, int> counts;
  for (int i = 0; i < kDraws; ++i) ++counts[pool.two().indexes[0]];
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double share = weights[i] / 398.0;
    const double deviation = std::sqrt(kDraws * share * (1 - share));
    EXPECT_NEAR(counts[index_at(i)], kDraws * share, 5 * deviation) << i;
  }
}

TEST(WeightedDraw, DrawsTheSecondInProportionAmongTheOthers) {
  DrawingPool pool({1, 2, 3});
  std::map<std::pair<BackendIndex, BackendIndex>, int> counts;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const auto drawn = pool.two();
    ASSERT_EQ(drawn.count, 2u);
    ++counts[{drawn.indexes[0], drawn.indexes[1]}];
  }
  EXPECT_EQ(counts.size(), 6u);
  const auto share = [&](std::size_t a, std::size_t b) {
    return counts[{index_at(a), index_at(b)}] / static_cast<double>(kDraws);
  };
  EXPECT_NEAR(share(0, 2), 1.0 / 6 * 3 / 5, 0.005);
  EXPECT_NEAR(share(1, 0), 2.0 / 6 * 1 / 4, 0.005);
  EXPECT_NEAR(share(2, 1), 3.0 / 6 * 2 / 3, 0.005);
}

TEST(WeightedDraw, FindsTwoDifferentOnesHoweverUnequalTheyAre) {
  DrawingPool pool({~0u, 1});
  for (int i = 0; i < 100; ++i) {
    const auto drawn = pool.two();
    ASSERT_EQ(drawn.count, 2u);
    ASSERT_NE(drawn.indexes[0], drawn.indexes[1]);
  }
}

TEST(WeightedDraw, FindsTheLastOnesWithRoomAmongAThousandFullOnes) {
  std::vector<std::uint32_t> weights(1000, 256);
  weights[123] = weights[789] = 1;
  DrawingPool pool(weights);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (i != 123 && i != 789) pool.set_most(index_at(i), 0);
  }
  for (int i = 0; i < 50; ++i) {
    const auto drawn = pool.two();
    ASSERT_EQ(drawn.count, 2u);
    ASSERT_EQ(drawn.indexes[0] + drawn.indexes[1], index_at(123) + index_at(789));
    const auto other = pool.two(tried_of({index_at(123)}));
    ASSERT_EQ(other.count, 1u);
    ASSERT_EQ(other.indexes[0], index_at(789));
  }
  pool.set_most(index_at(123), 0);
  pool.set_most(index_at(789), 0);
  EXPECT_EQ(pool.two().count, 0u);
}

}  // namespace
}  // namespace weir::balance
