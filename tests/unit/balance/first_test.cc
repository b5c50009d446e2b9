#include "balance/first.h"

#include <gtest/gtest.h>

#include "unit/balance/pool_of_policy.h"

namespace weir::balance {
namespace {

PoolOfPolicy pool_of(std::size_t count, std::uint32_t most) {
  PoolOfPolicy pool(PolicyName::kFirst, std::vector<std::uint32_t>(count, 1));
  for (std::size_t i = 0; i < count; ++i) pool.set_most(index_at(i), most);
  return pool;
}

TEST(First, FillsOneAfterTheOtherInTheirOrder) {
  PoolOfPolicy pool = pool_of(200, 3);
  for (std::size_t i = 0; i < 600; ++i) ASSERT_EQ(pool.pick_and_take(), index_at(i / 3));
  EXPECT_EQ(pool.pick(), std::nullopt);
}

TEST(First, ComesBackToTheFirstPlaceThatIsGivenBack) {
  PoolOfPolicy pool = pool_of(200, 1);
  for (std::size_t i = 0; i < 150; ++i) pool.pick_and_take();
  pool.leave(index_at(140));
  pool.leave(index_at(3));
  EXPECT_EQ(pool.pick_and_take(), index_at(3));
  EXPECT_EQ(pool.pick_and_take(), index_at(140));
  EXPECT_EQ(pool.pick_and_take(), index_at(150));
}

TEST(First, KeepsTheOrderOfTheConfigurationNotOfTheIndexes) {
  auto candidates = candidates_with({1, 256, 1});
  std::swap(candidates[0], candidates[2]);
  PoolOfPolicy pool(PolicyName::kFirst, candidates);
  EXPECT_EQ(pool.pick_and_take(), index_at(2));
  EXPECT_EQ(pool.pick(tried_of({index_at(2)})), index_at(1));
}

TEST(First, GoesOnToTheNextOneForARetryAndBackForTheNextSession) {
  PoolOfPolicy pool = pool_of(100, 5);
  EXPECT_EQ(pool.pick_and_take(), index_at(0));
  EXPECT_EQ(pool.pick_and_take(tried_of({index_at(0)})), index_at(1));
  EXPECT_EQ(pool.pick_and_take(tried_of({index_at(0), index_at(1)})), index_at(2));
  EXPECT_EQ(pool.pick_and_take(), index_at(0));
}

TEST(First, TakesAnEarlierOneAgainAsSoonAsItIsUsable) {
  PoolOfPolicy pool = pool_of(100, 50);
  pool.set_usable(index_at(0), false);
  EXPECT_EQ(pool.pick_and_take(), index_at(1));
  pool.set_usable(index_at(0), true);
  EXPECT_EQ(pool.pick_and_take(), index_at(0));
}

}  // namespace
}  // namespace weir::balance
