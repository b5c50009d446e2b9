#include "health/schedule.h"

#include <gtest/gtest.h>

namespace weir::health {
namespace {

using base::Millis;

constexpr double kMost = 0.999999;

Check check_every(Millis interval, double jitter = 0.0) {
  Check check;
  check.interval = interval;
  check.jitter = jitter;
  return check;
}

TEST(Schedule, ProbesForTheFirstTimeWithinTheIntervalOrASecond) {
  EXPECT_EQ(first_delay(check_every(Millis(60'000)), 0.0), Millis(0));
  EXPECT_EQ(first_delay(check_every(Millis(60'000)), 0.5), Millis(500));
  EXPECT_LT(first_delay(check_every(Millis(60'000)), kMost), Millis(1000));
  EXPECT_LT(first_delay(check_every(Millis(200)), kMost), Millis(200));
  EXPECT_GE(first_delay(check_every(Millis(200)), kMost), Millis(190));
}

TEST(Schedule, KeepsTheIntervalWithinTheJitter) {
  const Check check = check_every(Millis(2000), 0.1);
  EXPECT_EQ(next_delay(check, Pace::kSteady, 0.0), Millis(1800));
  EXPECT_EQ(next_delay(check, Pace::kSteady, 0.5), Millis(2000));
  EXPECT_LE(next_delay(check, Pace::kSteady, kMost), Millis(2200));
  EXPECT_GE(next_delay(check, Pace::kSteady, kMost), Millis(2190));
}

TEST(Schedule, ProbesFourTimesAsOftenWhileChanging) {
  EXPECT_EQ(next_delay(check_every(Millis(2000)), Pace::kChanging, 0.3), Millis(500));
  EXPECT_EQ(next_delay(check_every(Millis(2000), 0.1), Pace::kChanging, 0.0), Millis(450));
}

TEST(Schedule, KeepsADistanceWhileChangingUnlessTheIntervalIsShorter) {
  EXPECT_EQ(next_delay(check_every(Millis(200)), Pace::kChanging, 0.5), Millis(100));
  EXPECT_EQ(next_delay(check_every(Millis(50)), Pace::kChanging, 0.5), Millis(50));
}

TEST(Schedule, NeverProbesWithoutAnyPause) {
  EXPECT_EQ(next_delay(check_every(Millis(1), 1.0), Pace::kChanging, 0.0), Millis(1));
  EXPECT_EQ(next_delay(check_every(Millis(5000), 1.0), Pace::kSteady, 0.0), Millis(1));
}

}  // namespace
}  // namespace weir::health
