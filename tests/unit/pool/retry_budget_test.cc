#include "pool/retry_budget.h"

#include <gtest/gtest.h>

#include "unit/pool/backends.h"

namespace weir::pool {
namespace {

int retries_at(RetryBudget& budget, base::TimePoint now) {
  int allowed = 0;
  while (allowed < 100'000 && budget.retry(now)) ++allowed;
  return allowed;
}

TEST(RetryBudget, HasAHundredAtTheStart) {
  RetryBudget budget;
  EXPECT_EQ(retries_at(budget, kStart), 100);
}

TEST(RetryBudget, AllowsHalfAsManyAsThereAreFirstAttempts) {
  RetryBudget budget;
  retries_at(budget, kStart);
  for (int i = 0; i < 100; ++i) budget.first_attempt();
  EXPECT_EQ(retries_at(budget, kStart), 50);
}

TEST(RetryBudget, AllowsTenASecondWhateverTheLoad) {
  RetryBudget budget;
  retries_at(budget, kStart);
  EXPECT_EQ(retries_at(budget, kStart + base::Millis(99)), 0);
  EXPECT_EQ(retries_at(budget, kStart + base::Millis(1'000)), 10);
}

TEST(RetryBudget, SavesUpNoMoreThanAHundred) {
  RetryBudget budget;
  for (int i = 0; i < 10'000; ++i) budget.first_attempt();
  EXPECT_EQ(retries_at(budget, kStart), 100);
  EXPECT_EQ(retries_at(budget, kStart + std::chrono::hours(5)), 100);
}

TEST(RetryBudget, GivesNothingForATimeThatWentBackwards) {
  RetryBudget budget;
  retries_at(budget, kStart);
  EXPECT_EQ(retries_at(budget, kStart - std::chrono::minutes(1)), 0);
  EXPECT_EQ(retries_at(budget, kStart), 0) << "no time has been counted twice";
}

}  // namespace
}  // namespace weir::pool
