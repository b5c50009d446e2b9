#include "relay/throttle.h"

#include <gtest/gtest.h>

#include <random>

namespace weir::relay {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::seconds kSecond{1};
const base::TimePoint kStart = base::TimePoint(std::chrono::hours(1'000));

TEST(TokenBucket, BeginsWithATicksWorth) {
  const TokenBucket bucket({1'000'000, kSecond}, kStart);
  EXPECT_EQ(bucket.available(kStart), 64'000u);
}

TEST(TokenBucket, HoldsThreeTicksWorthHoweverLongItRested) {
  const TokenBucket bucket({1'000'000, kSecond}, kStart);
  EXPECT_EQ(bucket.available(kStart + std::chrono::hours(100)), 192'000u);
}

TEST(TokenBucket, IsReadyWhenATicksWorthIsThere) {
  TokenBucket bucket({1'000'000, kSecond}, kStart);
  bucket.take(64'000, kStart);
  EXPECT_EQ(bucket.available(kStart), 0u);
  const base::TimePoint ready = bucket.ready_at();
  EXPECT_EQ(ready, kStart + base::Millis(64));
  EXPECT_EQ(bucket.available(ready), 64'000u);
}

TEST(TokenBucket, PassesOneByteASecondToo) {
  TokenBucket bucket({1, kSecond}, kStart);
  EXPECT_EQ(bucket.available(kStart), 0u);
  EXPECT_EQ(bucket.available(bucket.ready_at()), 1u);
  bucket.take(1, bucket.ready_at());
  EXPECT_EQ(bucket.available(bucket.ready_at()), 1u);
}

TEST(TokenBucket, StandsTheGreatestRateAndTheSmallest) {
  const base::TimePoint late = kStart + std::chrono::hours(3);
  TokenBucket fast({base::kMostBytesPerSecond * 3600, std::chrono::hours(1)}, kStart);
  EXPECT_EQ(fast.available(late), base::kMostBytesPerSecond * 192 / 1000);
  fast.take(fast.available(late), late);
  EXPECT_LE(fast.available(late), base::kMostBytesPerSecond / 1'000'000'000 + 1);
  TokenBucket slow({1, std::chrono::hours(1)}, kStart);
  EXPECT_EQ(slow.available(late), 2u);
  slow.take(2, late);
  EXPECT_EQ(slow.available(late + std::chrono::minutes(59)), 0u);
  EXPECT_EQ(slow.available(late + std::chrono::minutes(60)), 1u);
}

// Whatever is taken when: in no stretch of time more passes than the rate allows and the bucket holds, and
// whoever takes all there is, often enough, gets the rate within a byte a take.
TEST(TokenBucket, NeverPassesMoreThanItsRateAndNoLessThanThatToWhoAsks) {
  std::mt19937_64 random(7);
  for (const std::uint64_t rate :
       {std::uint64_t{3}, std::uint64_t{1'000}, std::uint64_t{1} << 20, std::uint64_t{9} << 30}) {
    TokenBucket bucket({rate, kSecond}, kStart);
    base::TimePoint now = kStart;
    double taken = 0;
    std::size_t takes = 0;
    for (int i = 0; i < 20'000; ++i) {
      now += nanoseconds(random() % 3'000'000);
      const std::uint64_t available = bucket.available(now);
      const std::uint64_t some = random() % 2 == 0 ? available : random() % (available + 1);
      if (some == 0) continue;
      bucket.take(some, now);
      taken += static_cast<double>(some);
      ++takes;
      const double seconds = std::chrono::duration<double>(now - kStart).count();
      ASSERT_LE(taken, static_cast<double>(rate) * (seconds + 0.064) + 1);
    }
    taken += static_cast<double>(bucket.available(now));
    const double seconds = std::chrono::duration<double>(now - kStart).count();
    EXPECT_GE(taken, static_cast<double>(rate) * (seconds + 0.064 - static_cast<double>(takes) / 1e9) -
                         static_cast<double>(takes) - 1);
  }
}

}  // namespace
}  // namespace weir::relay
