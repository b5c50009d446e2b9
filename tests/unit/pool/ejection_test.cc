#include "pool/ejection.h"

#include <gtest/gtest.h>

#include "unit/pool/backends.h"

namespace weir::pool {
namespace {

constexpr base::Millis kTime{30'000};
constexpr EjectionRules kRules{
    .consecutive_failures = 3, .eject_time = kTime, .max_ejected = 1, .observe_resets = true};

TEST(Ejection, WantsAsManyFailuresInARowAsTheRulesSay) {
  Ejection ejection;
  EXPECT_FALSE(ejection.failed(kRules, Failure::kConnect));
  EXPECT_FALSE(ejection.failed(kRules, Failure::kConnect));
  EXPECT_TRUE(ejection.failed(kRules, Failure::kConnect));
}

TEST(Ejection, CountsAnewAfterASessionThatWasServed) {
  Ejection ejection;
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(ejection.failed(kRules, Failure::kConnect));
    EXPECT_FALSE(ejection.failed(kRules, Failure::kConnect));
    ejection.served();
  }
}

TEST(Ejection, CountsConnectsAnewAfterOneThatStoodAndResetsNot) {
  Ejection ejection;
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(ejection.failed(kRules, Failure::kConnect));
    EXPECT_FALSE(ejection.failed(kRules, Failure::kConnect));
    ejection.connected();
    EXPECT_FALSE(ejection.failed(kRules, Failure::kReset));
  }
  EXPECT_TRUE(ejection.failed(kRules, Failure::kReset));
}

TEST(Ejection, IsAskedForAgainByEachFailureWhileItMayNotBe) {
  Ejection ejection;
  for (int i = 0; i < 2; ++i) ejection.failed(kRules, Failure::kConnect);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(ejection.failed(kRules, Failure::kConnect));
}

TEST(Ejection, NeverHappensWithZeroFailures) {
  EjectionRules rules = kRules;
  rules.consecutive_failures = 0;
  Ejection ejection;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(ejection.failed(rules, Failure::kConnect));
}

TEST(Ejection, EndsOnceWhenItsTimeIsOverAndNotBefore) {
  Ejection ejection;
  EXPECT_FALSE(ejection.returns(kRules, kStart));
  EXPECT_EQ(ejection.eject(kRules, kStart), kTime);
  EXPECT_TRUE(ejection.is_out());
  EXPECT_EQ(ejection.until(), kStart + kTime);
  EXPECT_FALSE(ejection.returns(kRules, kStart + kTime - base::Millis(1)));
  EXPECT_TRUE(ejection.returns(kRules, kStart + kTime));
  EXPECT_FALSE(ejection.is_out());
  EXPECT_FALSE(ejection.returns(kRules, kStart + kTime));
}

TEST(Ejection, DoesNotCountFailuresOfSessionsThatCameBefore) {
  Ejection ejection;
  ejection.eject(kRules, kStart);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(ejection.failed(kRules, Failure::kConnect));
  ejection.returns(kRules, kStart + kTime);
  ejection.served();
  EXPECT_FALSE(ejection.failed(kRules, Failure::kConnect));
}

TEST(Ejection, IsAskedForByTheFirstFailureAfterTheLastOne) {
  for (const Failure how : {Failure::kConnect, Failure::kReset}) {
    Ejection ejection;
    ejection.eject(kRules, kStart);
    ejection.returns(kRules, kStart + kTime);
    EXPECT_TRUE(ejection.failed(kRules, how));
  }
}

TEST(Ejection, EndsWhenItIsCutShort) {
  Ejection ejection;
  ejection.eject(kRules, kStart);
  ejection.cut_short(kStart + base::Millis(1));
  EXPECT_FALSE(ejection.returns(kRules, kStart));
  EXPECT_TRUE(ejection.returns(kRules, kStart + base::Millis(1)));
}

TEST(Ejection, GrowsWithEachThatFollowsSoonUpToTenTimes) {
  Ejection ejection;
  base::TimePoint now = kStart;
  for (unsigned n = 1; n <= 15; ++n) {
    const base::Millis time = ejection.eject(kRules, now);
    EXPECT_EQ(time, kTime * std::min(n, 10u)) << n;
    now += time;
    EXPECT_TRUE(ejection.returns(kRules, now));
    // It fails again a moment before it has made up for it.
    now += time - base::Millis(1);
  }
}

TEST(Ejection, BeginsAnewAfterItStayedInForAsLongAsItWasOut) {
  Ejection ejection;
  ejection.eject(kRules, kStart);
  ejection.returns(kRules, kStart + kTime);
  const base::TimePoint soon = kStart + 2 * kTime - base::Millis(1);
  EXPECT_EQ(ejection.eject(kRules, soon), 2 * kTime);
  ejection.returns(kRules, soon + 2 * kTime);
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
