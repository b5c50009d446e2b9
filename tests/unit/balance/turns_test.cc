#include "balance/turns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <random>

namespace weir::balance {
namespace {

std::vector<std::uint32_t> random_weights(std::mt19937& random, std::uint32_t greatest) {
  std::vector<std::uint32_t> weights(std::uniform_int_distribution<std::size_t>(1, 50)(random));
  for (auto& weight : weights) weight = std::uniform_int_distribution<std::uint32_t>(1, greatest)(random);
  return weights;
}

std::vector<std::uint32_t> sequence(const std::vector<std::uint32_t>& weights, std::size_t turns) {
  Turns order(weights.size());
  order.restart(weights);
  std::vector<std::uint32_t> sequence(turns);
  for (auto& turn : sequence) turn = order.next();
  return sequence;
}

// Shares that were due and turns that were had, over any number of changes.
class Account {
 public:
  explicit Account(std::size_t count) : due_(count), had_(count) {}

  void add(const std::vector<std::uint32_t>& weights, std::uint32_t turn) {
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (std::size_t i = 0; i < weights.size(); ++i) due_[i] += weights[i] / total;
    ++had_[turn];
  }
  double due(std::size_t position) const { return due_[position]; }
  double ahead(std::size_t position) const { return had_[position] - due_[position]; }

 private:
  std::vector<double> due_;
  std::vector<double> had_;
};

TEST(Turns, GoOnInAnotherOrderWithWhatEachWasOwed) {
  Turns before(3);
  before.restart(std::vector<std::uint32_t>{1, 1, 1});
  EXPECT_EQ(before.next(), 0u);
  EXPECT_EQ(before.next(), 1u);
  // The second has gone, the third is first, the first last, and there is a new one between them.
  Turns after(3);
  after.go_on_from(before, std::vector<std::uint32_t>{2, ~0u, 0});
  after.restart(std::vector<std::uint32_t>{1, 1, 1});
  EXPECT_EQ(after.next(), 0u) << "its turn is owed";
  EXPECT_EQ(after.next(), 1u);
  EXPECT_EQ(after.next(), 2u) << "it had one";
}

TEST(Turns, BeginAfterTheLastOneThatIsStillHere) {
  Turns before(4);
  before.restart(std::vector<std::uint32_t>{1, 1, 1, 1});
  for (int i = 0; i < 7; ++i) before.next();
  Turns after(2);
  // The first two stay; the third, which came last, does not.
  after.go_on_from(before, std::vector<std::uint32_t>{0, 1, ~0u, ~0u});
  after.restart(std::vector<std::uint32_t>{1, 1});
  EXPECT_EQ(after.next(), 0u);
}

TEST(Turns, KeepEachWithinOneOfItsExactShareAfterAnyNumber) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 100; ++trial) {
    const auto weights = random_weights(random, trial % 3 == 0 ? 5 : trial % 3 == 1 ? 256 : ~0u);
    const auto total = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
    std::vector<std::int64_t> turns(weights.size());
    std::int64_t all = 0;
    for (const std::uint32_t turn : sequence(weights, 3000)) {
      ++turns[turn];
      ++all;
      for (std::size_t i = 0; i < weights.size(); ++i)
        ASSERT_LT(std::abs(turns[i] * total - all * weights[i]), total)
            << "trial " << trial << ", turn " << all;
    }
  }
}

TEST(Turns, OfEqualWeightsComeInTheOrderOfTheList) {
  EXPECT_EQ(sequence({7, 7, 7, 7}, 9), sequence({1, 1, 1, 1}, 9));
  const auto four = sequence({1, 1, 1, 1}, 8);
  for (std::size_t i = 1; i < four.size(); ++i) EXPECT_EQ(four[i], (four[i - 1] + 1) % 4) << i;
}

TEST(Turns, RepeatTheirRoundForEver) {
  const auto turns = sequence({3, 2, 7}, 12 * 50);
  for (std::size_t i = 12; i < turns.size(); ++i) ASSERT_EQ(turns[i], turns[i - 12]) << i;
}

TEST(Turns, OfAHeavyOneAreSpreadInsteadOfRunInABlock) {
  const auto turns = sequence({5, 1, 1}, 70);
  std::size_t in_a_row = 0;
  for (const std::uint32_t turn : turns) {
    in_a_row = turn == 0 ? in_a_row + 1 : 0;
    ASSERT_LT(in_a_row, 5u);
  }
}

TEST(Turns, AreNotHadByAWeightOfZero) {
  for (const std::uint32_t turn : sequence({0, 3, 0, 1, 0}, 100)) ASSERT_TRUE(turn == 1 || turn == 3);
}

TEST(Turns, NeedNoWholeRoundBeforehand) {
  std::mt19937 random(3);
  std::vector<std::uint32_t> weights(10'000);
  for (auto& weight : weights) weight = std::uniform_int_distribution<std::uint32_t>(1, ~0u)(random);
  const auto turns = sequence(weights, 20'000);
  std::vector<int> had(weights.size());
  for (const std::uint32_t turn : turns) ++had[turn];
  EXPECT_LE(*std::max_element(had.begin(), had.end()), 5);  // twice the mean share is 4
}

TEST(Turns, OfEqualWeightsGoOnWhereTheyWereWhenStartedAnew) {
  const std::vector<std::uint32_t> weights(5, 1);
  Turns order(weights.size());
  order.restart(weights);
  std::uint32_t last = order.next();
  for (int i = 0; i < 100; ++i) {
    if (i % 3 != 0) order.restart(weights);
    const std::uint32_t next = order.next();
    ASSERT_EQ(next, (last + 1) % 5) << i;
    last = next;
  }
}

TEST(Turns, BeginAfterTheLastOneWhereNothingIsOwed) {
  Turns order(3);
  order.restart(std::vector<std::uint32_t>{0, 1, 0});
  EXPECT_EQ(order.next(), 1u);
  order.restart(std::vector<std::uint32_t>{1, 1, 1});
  EXPECT_EQ(order.next(), 2u);
  order.restart(std::vector<std::uint32_t>{0, 0, 1});
  order.restart(std::vector<std::uint32_t>{2, 2, 5});
  EXPECT_NE(order.next(), 2u);
}

TEST(Turns, StayWithinTwoWhenStartedAnewAllTheTime) {
  std::mt19937 random(4);
  for (int trial = 0; trial < 40; ++trial) {
    const auto weights = random_weights(random, 256);
    Turns order(weights.size());
    Account account(weights.size());
    for (int i = 0; i < 3000; ++i) {
      if (i == 0 || random() % 2 == 0) order.restart(weights);
      account.add(weights, order.next());
      for (std::size_t p = 0; p < weights.size(); ++p) ASSERT_LT(std::abs(account.ahead(p)), 2) << trial;
    }
  }
}

// Slow start changes weights all the time, a flapping backend the set.
TEST(Turns, GiveNobodyMoreOrLessWhileTheOthersComeAndGo) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 20; ++trial) {
    const std::vector<std::uint32_t> configured{5, 1, 1, 2, 1, 3};
    std::vector<std::uint32_t> weights = configured;
    Turns order(weights.size());
    Account account(weights.size());
    for (int i = 0; i < 20'000; ++i) {
      const std::size_t other = 2 + random() % 4;
      if (trial % 2 == 0) {
        weights[other] = weights[other] == 0 ? configured[other] : 0;
      } else {
        weights[other] = static_cast<std::uint32_t>(1 + random() % 9);
      }
      order.restart(weights);
      account.add(weights, order.next());
    }
    for (std::size_t p = 0; p < weights.size(); ++p) {
      EXPECT_LT(std::abs(account.ahead(p)), 4) << "trial " << trial << ", position " << p;
    }
  }
}

}  // namespace
}  // namespace weir::balance
