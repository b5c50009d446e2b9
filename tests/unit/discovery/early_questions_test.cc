#include "discovery/early_questions.h"

#include <gtest/gtest.h>

#include <vector>

namespace weir::discovery {
namespace {

using base::Millis;
using base::TimePoint;

const TimePoint kStart = TimePoint() + Millis(5'000'000);

TEST(EarlyQuestions, AsksAtTheFirstFailure) {
  EarlyQuestions early;
  EXPECT_TRUE(early.failed(kStart));
  EXPECT_FALSE(early.failed(kStart));
}

TEST(EarlyQuestions, AsksMoreSeldomTheLongerItGoesOnButNeverStops) {
  EarlyQuestions early;
  std::vector<std::int64_t> seconds;
  for (Millis after{0}; after <= Millis(150'000); after += Millis(200)) {
    if (early.failed(kStart + after)) seconds.push_back(after.count() / 1000);
  }
  EXPECT_EQ(seconds, (std::vector<std::int64_t>{0, 1, 3, 7, 15, 31, 61, 91, 121}));
}

TEST(EarlyQuestions, BeginsAnewAfterAQuietTime) {
  EarlyQuestions early;
  TimePoint now = kStart;
  for (int i = 0; i < 100; ++i, now += Millis(1'000)) static_cast<void>(early.failed(now));
  EXPECT_FALSE(early.failed(now + Millis(1)));
  now += EarlyQuestions::kQuiet + Millis(1);
  EXPECT_TRUE(early.failed(now));
  EXPECT_TRUE(early.failed(now + EarlyQuestions::kFirstWait));
}

TEST(EarlyQuestions, BeginsAnewWithAnotherAnswer) {
  EarlyQuestions early;
  TimePoint now = kStart;
  for (int i = 0; i < 100; ++i, now += Millis(1'000)) static_cast<void>(early.failed(now));
  EXPECT_FALSE(early.failed(now));
  early.reset();
  EXPECT_TRUE(early.failed(now));
}

}  // namespace
}  // namespace weir::discovery
