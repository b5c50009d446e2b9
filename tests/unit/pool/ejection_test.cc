#include "pool/ejection.h"

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

constexpr base::TimePoint kStart{std::chrono::hours(1)};
constexpr base::Millis kTime{30'000};
constexpr EjectionRules kRules{
    .consecutive_failures = 3, .eject_time = kTime, .max_ejected = 1, .observe_resets = true};

TEST(Ejection, WantsAsManyFailuresInARowAsTheRulesSay) {
  Ejection ejection;
  EXPECT_FALSE(ejection.failed(kRules));
  EXPECT_FALSE(ejection.failed(kRules));
  EXPECT_TRUE(ejection.failed(kRules));
}

TEST(Ejection, CountsAnewAfterASessionThatWasServed) {
  Ejection ejection;
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(ejection.failed(kRules));
    EXPECT_FALSE(ejection.failed(kRules));
    ejection.served();
  }
  EXPECT_EQ(ejection.failures(), 0u);
}

TEST(Ejection, IsAskedForAgainByEachFailureWhileItMayNotBe) {
  Ejection ejection;
  for (int i = 0; i < 2; ++i) ejection.failed(kRules);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(ejection.failed(kRules));
}

TEST(Ejection, NeverHappensWithZeroFailures) {
  EjectionRules rules = kRules;
  rules.consecutive_failures = 0;
  Ejection ejection;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(ejection.failed(rules));
}

TEST(Ejection, EndsOnceWhenItsTimeIsOverAndNotBefore) {
  Ejection ejection;
  EXPECT_FALSE(ejection.returns(kStart));
  EXPECT_EQ(ejection.eject(kRules, kStart), kTime);
  EXPECT_TRUE(ejection.is_out());
  EXPECT_EQ(ejection.until(), kStart + kTime);
  EXPECT_FALSE(ejection.returns(kStart + kTime - base::Millis(1)));
  EXPECT_TRUE(ejection.returns(kStart + kTime));
  EXPECT_FALSE(ejection.is_out());
  EXPECT_FALSE(ejection.returns(kStart + kTime));
}

TEST(Ejection, DoesNotCountFailuresOfSessionsThatCameBefore) {
  Ejection ejection;
  ejection.eject(kRules, kStart);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(ejection.failed(kRules));
  ejection.returns(kStart + kTime);
  EXPECT_EQ(ejection.failures(), 0u);
}

TEST(Ejection, GrowsWithEachThatFollowsSoonUpToTenTimes) {
  Ejection ejection;
  base::TimePoint now = kStart;
  for (unsigned n = 1; n <= 15; ++n) {
    const base::Millis time = ejection.eject(kRules, now);
    EXPECT_EQ(time, kTime * std::min(n, 10u)) << n;
    now += time;
    EXPECT_TRUE(ejection.returns(now));
    // It fails again a moment before it has made up for it.
    now += time - base::Millis(1);
  }
}

TEST(Ejection, BeginsAnewAfterItStayedInForAsLongAsItWasOut) {
  Ejection ejection;
  ejection.eject(kRules, kStart);
  ejection.returns(kStart + kTime);
  const base::TimePoint soon = kStart + 2 * kTime - base::Millis(1);
  EXPECT_EQ(ejection.eject(kRules, soon), 2 * kTime);
  ejection.returns(soon + 2 * kTime);
  EXPECT_EQ(ejection.eject(kRules, soon + 4 * kTime), kTime);
}

TEST(Ejection, IsForgottenWhole) {
  Ejection ejection;
  ejection.eject(kRules, kStart);
  ejection.forget();
  EXPECT_FALSE(ejection.is_out());
  EXPECT_EQ(ejection.eject(kRules, kStart), kTime);
}

}  // namespace
}  // namespace weir::pool
