#include "pool/smoothed.h"

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Smoothed, KnowsNothingAtFirstAndTheRateFromTheFirstMeasurementOn) {
  Smoothed rate(seconds(10));
  EXPECT_EQ(rate.per_second(), 0.0);
  rate.add(50, milliseconds(500));
  EXPECT_NEAR(rate.per_second(), 100, 1e-9);
  for (int i = 0; i < 100; ++i) rate.add(100, seconds(1));
  EXPECT_NEAR(rate.per_second(), 100, 1e-9);
}

TEST(Smoothed, FollowsAChangeByTwoThirdsWithinItsMemory) {
  Smoothed rate(seconds(10));
  for (int i = 0; i < 200; ++i) rate.add(100, seconds(1));
  for (int i = 0; i < 10; ++i) rate.add(200, seconds(1));
  EXPECT_NEAR(rate.per_second(), 163.2, 0.1);
  for (int i = 0; i < 90; ++i) rate.add(200, seconds(1));
  EXPECT_NEAR(rate.per_second(), 200, 0.1);
}

TEST(Smoothed, DoesNotDependOnHowOftenItIsMeasured) {
  Smoothed seldom(seconds(10));
  Smoothed often(seconds(10));
  for (const double rate : {100.0, -30.0, 700.0}) {
    seldom.add(rate * 5, seconds(5));
    for (int i = 0; i < 50; ++i) often.add(rate / 10, milliseconds(100));
  }
  EXPECT_NEAR(seldom.per_second(), often.per_second(), 1e-9);
}

}  // namespace
}  // namespace weir::pool
