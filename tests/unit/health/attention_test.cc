#include "health/attention.h"

#include <gtest/gtest.h>

namespace weir::health {
namespace {

using base::Millis;

constexpr base::TimePoint kStart{std::chrono::hours(1)};

// Runs timers that each fire `late` after their time; returns when the limit was used up.
base::TimePoint end_of(Millis limit, Millis late) {
  Attention attention;
  base::TimePoint now = kStart;
  attention.start(now, limit);
  for (int i = 0; i < 1000; ++i) {
    now += attention.wait(now) + late;
    if (attention.is_used_up(now)) return now;
  }
  ADD_FAILURE() << "the limit is never used up";
  return now;
}

TEST(Attention, EndsAfterTheLimitWhenEveryTimerIsOnTime) {
  for (const int limit : {1, 2, 7, 8, 9, 10, 100, 999, 1000, 60'000}) {
    const auto taken = end_of(Millis(limit), Millis(0)) - kStart;
    EXPECT_GE(taken, Millis(limit));
    EXPECT_LE(taken, Millis(limit + limit / Attention::kPieces + 1)) << limit;
  }
}

TEST(Attention, EndsThoughEveryTimerIsMuchTooLate) {
  const Millis late(5000);
  const auto taken = end_of(Millis(1000), late) - kStart;
  EXPECT_GE(taken, late * Attention::kPieces);
  EXPECT_LE(taken, (late + Millis(125)) * (Attention::kPieces + Attention::kForgiven));
}

TEST(Attention, CountsTimersThatAreALittleLate) {
  EXPECT_LE(end_of(Millis(1000), Millis(5)) - kStart, Millis(1000 + 5 * Attention::kPieces));
}

TEST(Attention, ForgivesTheTimeInWhichTheLoopWasHeldUp) {
  Attention attention;
  attention.start(kStart, Millis(800));
  base::TimePoint now = kStart + Millis(5000);
  EXPECT_FALSE(attention.is_used_up(now));
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(attention.wait(now), Millis(100));
    now += Millis(100);
    EXPECT_FALSE(attention.is_used_up(now)) << i;
  }
  EXPECT_TRUE(attention.is_used_up(now + Millis(100)));
}

TEST(Attention, IsNotMovedByATimerThatFiresTooEarly) {
  Attention attention;
  attention.start(kStart, Millis(8));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(attention.is_used_up(kStart + base::Micros(900)));
  EXPECT_EQ(attention.wait(kStart + base::Micros(900)), Millis(1));
}

TEST(Attention, BeginsAnew) {
  Attention attention;
  attention.start(kStart, Millis(1));
  EXPECT_TRUE(attention.is_used_up(kStart + Millis(1)));
  attention.start(kStart + Millis(1), Millis(800));
  EXPECT_FALSE(attention.is_used_up(kStart + Millis(101)));
}

}  // namespace
}  // namespace weir::health
