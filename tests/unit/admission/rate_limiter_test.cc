#include "admission/rate_limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

namespace weir::admission {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr int kThreads = 4;

base::TimePoint at(nanoseconds since_boot) { return base::TimePoint(since_boot); }

// Runs `body(thread)` on several threads at once.
template <class Body>
void on_threads(Body body) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      ready.fetch_add(1);
      while (ready.load() < kThreads) std::this_thread::yield();
      body(t);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(RateLimiter, SaysHowMuchOfItsBurstIsUsedUp) {
  RateLimiter limiter(Gcra({10, seconds(1)}, 5));
  const base::TimePoint now = at(seconds(1'000));
  EXPECT_EQ(limiter.used(now), 0u);
  ASSERT_TRUE(limiter.admit(now));
  ASSERT_TRUE(limiter.admit(now));
  EXPECT_EQ(limiter.used(now), 2u);
  limiter.give_back();
  EXPECT_EQ(limiter.used(now), 1u);
  EXPECT_EQ(limiter.used(now + milliseconds(101)), 0u);
}

TEST(RateLimiter, GoesOnFromHowFarAnotherProcessIsAhead) {
  const Gcra rule({10, seconds(1)}, 5);
  const base::TimePoint now = at(seconds(1'000));
  RateLimiter before(rule);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(before.admit(now));
  const nanoseconds ahead = before.ahead(now);
  EXPECT_NEAR(static_cast<double>(ahead.count()), 3e8, 1e5);
  RateLimiter same(rule);
  same.go_on_from(ahead, now);
  EXPECT_TRUE(same.admit(now));
  EXPECT_TRUE(same.admit(now));
  EXPECT_FALSE(same.admit(now));
  EXPECT_EQ(before.ahead(now + seconds(1)), nanoseconds(0));
  // Another rule lacks no more than all of its burst.
  RateLimiter smaller(Gcra({10, seconds(1)}, 1));
  smaller.go_on_from(seconds(3'600), now);
  EXPECT_FALSE(smaller.admit(now));
  EXPECT_TRUE(smaller.admit(now + milliseconds(101)));
}

TEST(RateLimiter, AdmitsTheBurstThenTheRate) {
  RateLimiter limiter(Gcra({1000, seconds(1)}, 20));
  int admitted = 0;
  for (int ms = 1000; ms <= 2000; ++ms) {
    for (int i = 0; i < 50; ++i) admitted += limiter.admit(at(milliseconds(ms))) ? 1 : 0;
  }
  EXPECT_GE(admitted, 20 + 1000 - 1);
  EXPECT_LE(admitted, 20 + 1000);
}

TEST(RateLimiter, WhatIsGivenBackCanBeHadAgain) {
  RateLimiter limiter(Gcra({1, seconds(1)}, 2));
  const base::TimePoint now = at(seconds(10));
  EXPECT_TRUE(limiter.admit(now));
  EXPECT_TRUE(limiter.admit(now));
  EXPECT_FALSE(limiter.admit(now));
  limiter.give_back();
  EXPECT_TRUE(limiter.admit(now));
  EXPECT_FALSE(limiter.admit(now));
}

TEST(RateLimiter, HasACacheLineOfItsOwn) {
  EXPECT_EQ(alignof(RateLimiter), 64u);
  EXPECT_EQ(sizeof(RateLimiter), 64u);
}

// Every thread offers more than the rate at each of the same points of time: which thread gets how many is
// chance, the sum is not.
TEST(RateLimiter, ThreadsTogetherAreAdmittedExactlyWhatOneWouldBe) {
  const Gcra rule({7777, seconds(1)}, 100);
  RateLimiter alone(rule);
  RateLimiter shared(rule);
  std::mt19937_64 random(1);
  nanoseconds now = seconds(1);
  for (int round = 0; round < 60; ++round) {
    int wanted = 0;
    while (alone.admit(at(now))) ++wanted;
    std::atomic<int> admitted{0};
    on_threads([&](int) {
      for (int i = 0; i < 150; ++i) {
        if (shared.admit(at(now))) admitted.fetch_add(1);
      }
    });
    ASSERT_EQ(admitted.load(), wanted) << "round " << round;
    now += nanoseconds(random() % 10'000'000);
  }
}

// Threads read one running clock at different moments, so that it goes backwards between them.
TEST(RateLimiter, ThreadsOnARunningClockAreAdmittedNoMoreThanBurstAndRateAllow) {
  constexpr std::int64_t kStep = 2000;  // ns a reading
  constexpr int kOffers = 50'000;
  RateLimiter limiter(Gcra({100'000, seconds(1)}, 50));
  const std::int64_t start = 1'000'000'000;
  std::atomic<std::int64_t> clock{start};
  std::atomic<std::int64_t> admitted{0};
  on_threads([&](int) {
    for (int i = 0; i < kOffers; ++i) {
      const std::int64_t now = clock.fetch_add(kStep);
      if (limiter.admit(at(nanoseconds(now)))) admitted.fetch_add(1);
    }
  });
  const std::int64_t by_rate = (clock.load() - start) / 10'000;
  EXPECT_LE(admitted.load(), 50 + by_rate + 1);
  // Five offers to one admission: some are lost to a clock that lags, but not the most.
  EXPECT_GE(admitted.load(), by_rate / 2);
}

TEST(RateLimiter, WhatThreadsGiveBackIsNeitherLostNorDoubled) {
  const Gcra rule({1, seconds(1)}, 1000);
  RateLimiter limiter(rule);
  const base::TimePoint now = at(seconds(10));
  std::atomic<int> kept{0};
  on_threads([&](int thread) {
    for (int i = 0; i < 5000; ++i) {
      if (!limiter.admit(now)) continue;
      if (kept.load() < 600 && i % 10 == thread) {
        kept.fetch_add(1);
      } else {
        limiter.give_back();
      }
    }
  });
  int left = 0;
  while (limiter.admit(now)) ++left;
  EXPECT_GT(kept.load(), 0);
  EXPECT_EQ(kept.load() + left, 1000);
}

TEST(RateLimiter, InThePlaceOfAnotherLacksWhatThatOneLacked) {
  const base::TimePoint now = at(seconds(100));
  RateLimiter before(Gcra({10, seconds(1)}, 20));
  for (int i = 0; i < 15; ++i) ASSERT_TRUE(before.admit(now));
  RateLimiter after(Gcra({1000, seconds(1)}, 20));
  after.go_on_from(before, now);
  int admitted = 0;
  while (after.admit(now)) ++admitted;
  EXPECT_EQ(admitted, 5);
}

TEST(RateLimiter, GivesNothingBackThatItHasNot) {
  RateLimiter limiter(Gcra({10, seconds(1)}, 2));
  limiter.give_back();
  EXPECT_TRUE(limiter.admit(at(seconds(100))));
  EXPECT_TRUE(limiter.admit(at(seconds(100))));
  EXPECT_FALSE(limiter.admit(at(seconds(100))));
}

}  // namespace
}  // namespace weir::admission
