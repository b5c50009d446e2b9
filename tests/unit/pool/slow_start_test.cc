#include "pool/slow_start.h"

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

constexpr base::Millis kRamp{30'000};

TEST(SlowStart, BeginsWithATenthAndEndsWithTheWhole) {
  EXPECT_EQ(slow_start_tenths(base::Millis(0), kRamp), 1u);
  EXPECT_EQ(slow_start_tenths(kRamp - base::Millis(1), kRamp), 9u);
  EXPECT_EQ(slow_start_tenths(kRamp, kRamp), kWholeWeight);
  EXPECT_EQ(slow_start_tenths(std::chrono::hours(24 * 365), kRamp), kWholeWeight);
}

TEST(SlowStart, GrowsByATenthWithEachTenthOfItsTime) {
  for (unsigned tenths = 1; tenths < 10; ++tenths) {
    EXPECT_EQ(slow_start_tenths(kRamp / 10 * tenths, kRamp), tenths);
    EXPECT_EQ(slow_start_tenths(kRamp / 10 * (tenths + 1) - base::Millis(1), kRamp), tenths);
  }
}

TEST(SlowStart, TakesATimeBeforeItsBeginningForTheBeginning) {
  EXPECT_EQ(slow_start_tenths(base::Millis(-5), kRamp), 1u);
}

TEST(SlowStart, KeepsToItsBoundsForTheShortestAndForADayOfRamp) {
  EXPECT_EQ(slow_start_tenths(std::chrono::nanoseconds(1), base::Millis(1)), 1u);
  EXPECT_EQ(slow_start_tenths(base::Millis(1), base::Millis(1)), kWholeWeight);
  EXPECT_EQ(slow_start_tenths(std::chrono::hours(12), std::chrono::hours(24)), 5u);
}

}  // namespace
}  // namespace weir::pool
