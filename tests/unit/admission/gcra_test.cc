#include "admission/gcra.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace weir::admission {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr base::TimePoint at(nanoseconds since_boot) { return base::TimePoint(since_boot); }

// All the periods, the extremes, and rates whose interval is no whole number of nanoseconds.
const std::vector<base::Rate> kRates{
    {1, hours(1)},      {7, hours(1)},         {1, minutes(1)},         {10, minutes(1)},
    {1, seconds(1)},    {3, seconds(1)},       {999, seconds(1)},       {2000, seconds(1)},
    {7777, seconds(1)}, {999'983, seconds(1)}, {9'999'991, seconds(1)}, {10'000'000, seconds(1)}};

long double per_ns(base::Rate rate) {
  return static_cast<long double>(rate.count) / (static_cast<long double>(rate.period.count()) * 1e9L);
}

TEST(Gcra, LetsABurstInAtOnceAndThenOneAnInterval) {
  const Gcra rule({10, seconds(1)}, 3);
  Ticks arrival = 0;
  const auto admits = [&](nanoseconds t) { return rule.admit(arrival, rule.at(at(t))); };
  const nanoseconds start = hours(5);
  EXPECT_TRUE(admits(start));
  EXPECT_TRUE(admits(start));
  EXPECT_TRUE(admits(start));
  EXPECT_FALSE(admits(start));
  EXPECT_FALSE(admits(start + milliseconds(99)));
  EXPECT_TRUE(admits(start + milliseconds(101)));
  EXPECT_FALSE(admits(start + milliseconds(101)));
  EXPECT_TRUE(admits(start + milliseconds(201)));
  EXPECT_FALSE(admits(start + milliseconds(201)));
}

TEST(Gcra, ARefusalLeavesTheStateAsItWas) {
  const Gcra rule({1, minutes(1)}, 1);
  Ticks arrival = 0;
  ASSERT_TRUE(rule.admit(arrival, rule.at(at(seconds(10)))));
  const Ticks before = arrival;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(rule.admit(arrival, rule.at(at(seconds(11)))));
  EXPECT_EQ(arrival, before);
}

TEST(Gcra, SaysHowMuchOfItsBurstIsLacking) {
  const Gcra rule({10, seconds(1)}, 3);
  Ticks arrival = 0;
  const nanoseconds start = hours(5);
  EXPECT_EQ(rule.lacking(arrival, at(start)), 0u);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(rule.admit(arrival, rule.at(at(start))));
    EXPECT_EQ(rule.lacking(arrival, at(start)), i);
  }
  EXPECT_FALSE(rule.admit(arrival, rule.at(at(start))));
  EXPECT_EQ(rule.lacking(arrival, at(start)), 3u) << "a refusal takes nothing";
  EXPECT_EQ(rule.lacking(arrival, at(start + milliseconds(99))), 3u) << "one in part is one";
  EXPECT_EQ(rule.lacking(arrival, at(start + milliseconds(101))), 2u);
  EXPECT_EQ(rule.lacking(arrival, at(start + milliseconds(301))), 0u);
  EXPECT_EQ(rule.lacking(arrival, at(start - seconds(9))), 3u) << "never more than all";
}

TEST(Gcra, TheBurstIsWholeAgainAfterTheTimeItStandsForAndGrowsNoFurther) {
  const Gcra rule({1000, seconds(1)}, 50);
  Ticks arrival = 0;
  const auto admitted_at = [&](nanoseconds t) {
    int admitted = 0;
    while (rule.admit(arrival, rule.at(at(t)))) ++admitted;
    return admitted;
  };
  EXPECT_EQ(admitted_at(seconds(1)), 50);
  EXPECT_EQ(admitted_at(seconds(1) + milliseconds(51)), 50);
  EXPECT_EQ(admitted_at(hours(1)), 50);
}

TEST(Gcra, KeepsEveryRateWithinTwoParts1e9OverTwentyYears) {
  for (const base::Rate& rate : kRates) {
    const Gcra rule(rate, 1);
    for (const nanoseconds t :
         {nanoseconds(hours(1)), nanoseconds(hours(24)), nanoseconds(hours(24 * 365 * 20))}) {
      const long double wanted = static_cast<long double>(t.count()) * per_ns(rate) * Gcra::kInterval;
      const long double error = static_cast<long double>(rule.at(at(t))) - wanted;
      EXPECT_LE(std::fabs(error), 1.0L + wanted * 2e-9L)
          << to_string(rate) << " after " << t.count() << " ns";
    }
  }
}

TEST(Gcra, TicksDoNotOverflowWithin57YearsAtTheFastestRate) {
  const Gcra rule({base::kMostEventsPerSecond, seconds(1)}, Gcra::kMostBurst);
  const nanoseconds last = hours(24 * 365 * 57);
  EXPECT_GT(rule.at(at(last)), rule.at(at(last - microseconds(1))));
  Ticks arrival = 0;
  EXPECT_TRUE(rule.admit(arrival, rule.at(at(last))));
  EXPECT_TRUE(rule.admit(arrival, rule.at(at(last))));
}

TEST(Gcra, TheLargestBurstAtTheSlowestRateIsExact) {
  const Gcra rule({1, hours(1)}, Gcra::kMostBurst);
  const Ticks now = rule.at(at(hours(100)));
  // As if all of the burst but one had come already.
  Ticks arrival = now + (Gcra::kMostBurst - 1) * Gcra::kInterval;
  EXPECT_TRUE(rule.admit(arrival, now));
  EXPECT_FALSE(rule.admit(arrival, now));
}

TEST(Gcra, OverAnyWindowAdmitsNoMoreThanBurstAndRateAllow) {
  std::mt19937_64 random(1);
  for (const base::Rate& rate : kRates) {
    for (const std::uint64_t burst : {1, 2, 10, 1000}) {
      const Gcra rule(rate, burst);
      const auto interval = static_cast<std::int64_t>(1 / per_ns(rate));
      std::int64_t t = static_cast<std::int64_t>(random() % 1'000'000'000'000);
      Ticks arrival = 0;
      // In a window from admission i to admission j: (j - i + 1) <= burst + rate * (t_j - t_i) + 1/1024. With
      // excess_k = k - rate * t_k this is excess_j - (the least before it) <= burst - 1 + 1/1024.
      std::int64_t admitted = 0;
      long double least = 0;
      for (int step = 0; step < 3000; ++step) {
        // Pauses from none to several bursts, most of them short.
        const auto longest = static_cast<std::uint64_t>(interval) * (random() % 50 == 0 ? 3 * burst : 2);
        if (random() % 3 == 0) t += static_cast<std::int64_t>(random() % (longest + 1));
        if (!rule.admit(arrival, rule.at(at(nanoseconds(t))))) continue;
        const long double excess =
            static_cast<long double>(admitted) - static_cast<long double>(t) * per_ns(rate) * (1 + 2e-9L);
        least = admitted == 0 ? excess : std::min(least, excess);
        ++admitted;
        ASSERT_LE(excess - least, static_cast<long double>(burst) - 1 + 1.0L / 1024 + 1e-6L)
            << to_string(rate) << " burst " << burst << " step " << step;
      }
      EXPECT_GE(admitted, static_cast<std::int64_t>(std::min<std::uint64_t>(burst, 100)));
    }
  }
}

TEST(Gcra, OfferedEnoughAdmitsNoLessThanTheRate) {
  std::mt19937_64 random(2);
  for (const base::Rate& rate : kRates) {
    for (const std::uint64_t burst : {2, 10, 1000}) {
      const Gcra rule(rate, burst);
      std::int64_t t = static_cast<std::int64_t>(random() % 1'000'000'000'000);
      Ticks arrival = 0;
      while (rule.admit(arrival, rule.at(at(nanoseconds(t))))) {
      }
      const std::int64_t start = t;
      std::int64_t admitted = 0;
      // Never so long a pause that the burst would be whole again and something be lost.
      const auto longest = static_cast<std::uint64_t>(static_cast<long double>(burst - 1) / per_ns(rate));
      for (int step = 0; step < 300; ++step) {
        t += static_cast<std::int64_t>(random() % (longest + 1));
        while (rule.admit(arrival, rule.at(at(nanoseconds(t))))) ++admitted;
        const long double wanted = static_cast<long double>(t - start) * per_ns(rate) * (1 - 2e-9L);
        ASSERT_GE(static_cast<long double>(admitted), wanted - 1) << to_string(rate) << " burst " << burst;
      }
    }
  }
}

TEST(Gcra, AnAdmissionGivenBackAtOnceChangesNoLaterOutcome) {
  std::mt19937_64 random(3);
  const Gcra rule({1000, seconds(1)}, 5);
  Ticks plain = 0;
  Ticks with_undone = 0;
  std::int64_t t = 1'000'000'000;
  int undone = 0;
  for (int step = 0; step < 20'000; ++step) {
    t += static_cast<std::int64_t>(random() % (step % 100 == 0 ? 20'000'000 : 1'000'000));
    const Ticks now = rule.at(at(nanoseconds(t)));
    if (random() % 2 == 0 && rule.admit(with_undone, now)) {
      Gcra::give_back(with_undone);
      ++undone;
    }
    ASSERT_EQ(rule.admit(plain, now), rule.admit(with_undone, now)) << step;
  }
  EXPECT_GT(undone, 1000);
}

TEST(Gcra, WhoseArrivalHasPassedIsServedLikeANewcomer) {
  std::mt19937_64 random(4);
  const Gcra rule({100, seconds(1)}, 4);
  for (int round = 0; round < 200; ++round) {
    Ticks known = 0;
    std::int64_t t = 1'000'000'000;
    for (int i = 0; i < 10; ++i) {
      static_cast<void>(rule.admit(known, rule.at(at(nanoseconds(t)))));
      t += static_cast<std::int64_t>(random() % 10'000'000);
    }
    while (!Gcra::is_past(known, rule.at(at(nanoseconds(t))))) t += 1'000'000;
    Ticks newcomer = 0;
    for (int i = 0; i < 20; ++i) {
      const Ticks now = rule.at(at(nanoseconds(t)));
      ASSERT_EQ(rule.admit(known, now), rule.admit(newcomer, now));
      t += static_cast<std::int64_t>(random() % 10'000'000);
    }
  }
}

TEST(Gcra, WhoHasUsedSomeOfTheBurstIsNotPast) {
  const Gcra rule({1, seconds(1)}, 2);
  Ticks arrival = 0;
  EXPECT_TRUE(Gcra::is_past(arrival, rule.at(at(seconds(0)))));
  ASSERT_TRUE(rule.admit(arrival, rule.at(at(seconds(10)))));
  EXPECT_FALSE(Gcra::is_past(arrival, rule.at(at(milliseconds(10'990)))));
  EXPECT_TRUE(Gcra::is_past(arrival, rule.at(at(milliseconds(11'001)))));
}

TEST(Gcra, TimeThatGoesBackwardsAdmitsNoMore) {
  std::mt19937_64 random(5);
  const Gcra rule({1000, seconds(1)}, 10);
  Ticks arrival = 0;
  std::int64_t latest = 1'000'000'000;
  const std::int64_t start = latest;
  ASSERT_TRUE(rule.admit(arrival, rule.at(at(nanoseconds(start)))));
  std::int64_t admitted = 1;
  for (int step = 0; step < 50'000; ++step) {
    latest += static_cast<std::int64_t>(random() % 100'000);
    const auto lag = static_cast<std::int64_t>(random() % 5'000'000);
    if (rule.admit(arrival, rule.at(at(nanoseconds(latest - lag))))) ++admitted;
    ASSERT_LE(admitted, 10 + (latest - start) / 1'000'000 + 1);
  }
  EXPECT_GT(admitted, 1000);
}

// How many may come at once at `now`.
int at_once(const Gcra& rule, Ticks arrival, base::TimePoint now) {
  int admitted = 0;
  while (rule.admit(arrival, rule.at(now))) ++admitted;
  return admitted;
}

TEST(Gcra, WhatABurstLacksIsCarriedOverToAnotherRule) {
  const base::TimePoint now(std::chrono::hours(1));
  const Gcra slow({10, std::chrono::seconds(1)}, 20);
  const Gcra fast({5'000, std::chrono::seconds(1)}, 20);
  const Gcra small({10, std::chrono::seconds(1)}, 5);
  Ticks arrival = 0;
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(slow.admit(arrival, slow.at(now)));
  EXPECT_EQ(at_once(slow, arrival, now), 8);
  EXPECT_EQ(at_once(fast, fast.carried_over(slow, arrival, now), now), 8);
  EXPECT_EQ(at_once(slow, slow.carried_over(fast, fast.carried_over(slow, arrival, now), now), now), 8);
  EXPECT_EQ(at_once(small, small.carried_over(slow, arrival, now), now), 0) << "it has used more than that";
}

TEST(Gcra, NobodyWaitsForLongerThanAnIntervalWhateverBurstWasUsedUpBefore) {
  const base::TimePoint now(std::chrono::hours(1));
  const Gcra large({10'000, std::chrono::seconds(1)}, 10'000);
  const Gcra small({10, std::chrono::seconds(1)}, 10);
  Ticks arrival = 0;
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(large.admit(arrival, large.at(now)));
  Ticks carried = small.carried_over(large, arrival, now);
  EXPECT_FALSE(small.admit(carried, small.at(now)));
  EXPECT_TRUE(small.admit(carried, small.at(now + base::Millis(101))));
}

TEST(Gcra, WhoseBurstIsWholeBeginsFreshByAnotherRule) {
  const base::TimePoint now(std::chrono::hours(1));
  const Gcra slow({10, std::chrono::seconds(1)}, 20);
  const Gcra fast({5'000, std::chrono::seconds(1)}, 20);
  Ticks arrival = 0;
  ASSERT_TRUE(slow.admit(arrival, slow.at(now)));
  EXPECT_EQ(fast.carried_over(slow, arrival, now + std::chrono::seconds(1)), 0u);
  EXPECT_EQ(fast.carried_over(slow, 0, now), 0u);
}

TEST(Gcra, NothingIsGivenBackToOneWhoHasTakenNothing) {
  Ticks arrival = 0;
  Gcra::give_back(arrival);
  EXPECT_EQ(arrival, 0u);
}

}  // namespace
}  // namespace weir::admission
