#include "balance/fastest.h"

#include <gtest/gtest.h>

#include <array>

#include "unit/balance/pool_of_policy.h"

namespace weir::balance {
namespace {

// Two backends, so that both are drawn each time.
class TwoBackends : public PoolOfPolicy {
 public:
  TwoBackends(std::uint32_t first_time, std::uint32_t second_time,
              std::vector<std::uint32_t> weights = {1, 1})
      : PoolOfPolicy(PolicyName::kFastest, weights, {.seed = 3, .hash_balance = {}}) {
    set_connect_time(index_at(0), first_time);
    set_connect_time(index_at(1), second_time);
  }
  void set_in_flight(std::uint32_t first, std::uint32_t second) {
    members[index_at(0)].in_flight = first;
    members[index_at(1)].in_flight = second;
    policy->load_changed(members, index_at(0));
    policy->load_changed(members, index_at(1));
  }
  // The one that all picks take but those that measure anew, or nothing.
  std::optional<BackendIndex> steady_pick() {
    constexpr std::uint32_t kRounds = 2;
    std::array<std::uint32_t, 2> picks{};
    for (std::uint32_t i = 0; i < kRounds * Fastest::kMeasuredAgain; ++i)
      ++picks[pick() == index_at(0) ? 0 : 1];
    if (picks[1] <= kRounds) return index_at(0);
    if (picks[0] <= kRounds) return index_at(1);
    return std::nullopt;
  }
};

TEST(Fastest, WeighsTheConnectTimeWithTheLoad) {
  TwoBackends pool(1000, 3100);
  EXPECT_EQ(pool.steady_pick(), index_at(0));
  pool.set_in_flight(2, 0);
  EXPECT_EQ(pool.steady_pick(), index_at(0));
  pool.set_in_flight(3, 0);
  EXPECT_EQ(pool.steady_pick(), index_at(1));
}

TEST(Fastest, LetsAGreaterWeightTakeMore) {
  TwoBackends pool(1000, 1000, {4, 1});
  pool.set_in_flight(2, 0);
  EXPECT_EQ(pool.steady_pick(), index_at(0));
  pool.set_in_flight(4, 0);
  EXPECT_EQ(pool.steady_pick(), index_at(1));
}

TEST(Fastest, ComparesExactlyAtTheGreatestNumbers) {
  TwoBackends pool(~0u, ~0u, {~0u, ~0u});
  pool.set_in_flight(~0u - 1, ~0u - 2);
  EXPECT_EQ(pool.steady_pick(), index_at(1));
  pool.set_in_flight(~0u - 3, ~0u - 2);
  EXPECT_EQ(pool.steady_pick(), index_at(0));
}

TEST(Fastest, TriesAnUnknownOneThatHasNoMoreToDo) {
  TwoBackends pool(1, 0);
  EXPECT_EQ(pool.pick(), index_at(1));
  pool.set_in_flight(3, 3);
  EXPECT_EQ(pool.pick(), index_at(1));
  pool.set_in_flight(2, 3);
  EXPECT_EQ(pool.pick(), index_at(0));
}

TEST(Fastest, DoesNotFloodAnUnknownOneThatAnswersNothing) {
  TwoBackends pool(1, 0);
  pool.set_in_flight(1000, 0);
  for (std::uint32_t i = 0; i < Fastest::kMostUnanswered; ++i)
    ASSERT_EQ(pool.pick_and_take(), index_at(1)) << i;
  constexpr std::uint32_t kRounds = 4;
  std::uint32_t others = 0;
  for (std::uint32_t i = 0; i < kRounds * Fastest::kMeasuredAgain; ++i) {
    if (pool.pick_and_take() != index_at(0)) ++others;
  }
  EXPECT_LE(others, kRounds) << "but for picks that measure anew";
}

TEST(Fastest, GoesOnTryingAnUnknownOneAsItsSessionsEnd) {
  TwoBackends pool(1, 0);
  pool.set_in_flight(1000, 0);
  for (std::uint32_t i = 0; i < Fastest::kMostUnanswered; ++i) pool.pick_and_take();
  pool.leave(index_at(1));
  EXPECT_EQ(pool.pick_and_take(), index_at(1));
  EXPECT_EQ(pool.pick_and_take(), index_at(0));
}

TEST(Fastest, ComparesByTimeOnceItIsKnown) {
  TwoBackends pool(1000, 0);
  pool.set_in_flight(20, 0);
  for (std::uint32_t i = 0; i < Fastest::kMostUnanswered; ++i) pool.pick_and_take();
  pool.set_connect_time(index_at(1), 1000);
  EXPECT_EQ(pool.steady_pick(), index_at(1));
  pool.set_connect_time(index_at(1), 3000);
  EXPECT_EQ(pool.steady_pick(), index_at(0));
}

TEST(Fastest, TriesAnUnknownOneWhenNobodyElseMayBeTaken) {
  TwoBackends pool(1, 0);
  pool.set_most(index_at(0), 0);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(pool.pick_and_take(), index_at(1)) << i;
}

TEST(Fastest, TakesTheLessLoadedOfTwoUnknownOnes) {
  TwoBackends pool(0, 0);
  pool.set_in_flight(4, 3);
  EXPECT_EQ(pool.steady_pick(), index_at(1));
  pool.set_in_flight(2, 3);
  EXPECT_EQ(pool.steady_pick(), index_at(0));
}

// Its time was bad and nothing but a connect can show that it is good again.
TEST(Fastest, ComesBackToOneThatWasSlowOrFailed) {
  TwoBackends pool(1, 1'000'000);
  std::uint32_t picks = 0;
  for (std::uint32_t i = 0; i < 20 * Fastest::kMeasuredAgain; ++i)
    picks += pool.pick() == index_at(1) ? 1 : 0;
  EXPECT_GE(picks, 1u);
  EXPECT_LE(picks, 20u);
}

TEST(Fastest, GivesASlowOneOfManyLessThanAHalfOfItsShare) {
  std::vector<std::uint32_t> weights(10, 1);
  PoolOfPolicy pool(PolicyName::kFastest, weights);
  for (std::size_t i = 0; i < weights.size(); ++i) pool.set_connect_time(index_at(i), i == 4 ? 50'000 : 500);
  for (int i = 0; i < 1000; ++i) pool.pick_and_take();
  EXPECT_LT(pool.members[index_at(4)].in_flight, 50u);
}

}  // namespace
}  // namespace weir::balance
