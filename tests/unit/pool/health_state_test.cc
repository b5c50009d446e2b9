#include "pool/health_state.h"

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

constexpr HealthRules kChecked{.is_checked = true, .rise = 2, .fall = 3, .initially_up = true};

HealthState down_at_first() {
  HealthRules rules = kChecked;
  rules.initially_up = false;
  return HealthState(rules);
}

TEST(HealthState, IsUpWithoutChecksWhateverItShouldBeAtFirst) {
  HealthRules rules;
  rules.initially_up = false;
  EXPECT_TRUE(HealthState(rules).up());
}

TEST(HealthState, StandsAtFirstAsConfiguredAndHasNothingTold) {
  const HealthState up(kChecked);
  EXPECT_TRUE(up.up());
  EXPECT_TRUE(up.is_untold());
  EXPECT_FALSE(up.changing());
  EXPECT_FALSE(down_at_first().up());
}

TEST(HealthState, GoesDownWithTheFailureThatMakesEnoughInARow) {
  HealthState health(kChecked);
  EXPECT_FALSE(health.failed("one"));
  EXPECT_FALSE(health.failed("two"));
  EXPECT_TRUE(health.up());
  EXPECT_TRUE(health.failed("three"));
  EXPECT_FALSE(health.up());
  EXPECT_FALSE(health.failed("four")) << "it is down already";
}

TEST(HealthState, CountsFailuresAnewAfterAPass) {
  HealthState health(kChecked);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(health.failed("one"));
    EXPECT_FALSE(health.failed("two"));
    EXPECT_FALSE(health.passed());
  }
  EXPECT_TRUE(health.up());
}

TEST(HealthState, ComesUpWithThePassThatMakesEnoughInARow) {
  HealthState health = down_at_first();
  EXPECT_FALSE(health.passed());
  EXPECT_FALSE(health.failed("between"));
  EXPECT_FALSE(health.passed());
  EXPECT_FALSE(health.up());
  EXPECT_TRUE(health.passed());
  EXPECT_TRUE(health.up());
  EXPECT_FALSE(health.passed()) << "it is up already";
}

TEST(HealthState, IsChangingWhileTheLastOutcomesSpeakAgainstIt) {
  HealthState health(kChecked);
  health.failed("one");
  EXPECT_TRUE(health.changing());
  health.passed();
  EXPECT_FALSE(health.changing());
  for (int i = 0; i < 3; ++i) health.failed("down");
  EXPECT_FALSE(health.changing());
  health.passed();
  EXPECT_TRUE(health.changing());
}

TEST(HealthState, KeepsTheLastReasonUntilItIsUp) {
  HealthState health(kChecked);
  for (const char* reason : {"one", "two", "three", "four"}) health.failed(reason);
  EXPECT_EQ(health.reason(), "four");
  health.passed();
  EXPECT_EQ(health.reason(), "four") << "still down";
  health.passed();
  EXPECT_EQ(health.reason(), "");
  health.failed("five");
  health.passed();
  EXPECT_EQ(health.reason(), "");
}

TEST(HealthState, IsToldByItsFirstOutcome) {
  HealthState health = down_at_first();
  EXPECT_TRUE(health.is_untold());
  health.passed();
  EXPECT_FALSE(health.is_untold());
}

}  // namespace
}  // namespace weir::pool
