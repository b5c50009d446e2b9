#include "admission/refusal_samples.h"

#include <gtest/gtest.h>

namespace weir::admission {
namespace {

const base::TimePoint kStart = base::TimePoint(std::chrono::hours(1));

RefusalSample numbered(std::size_t number) {
  return {{}, std::to_string(number), base::Address(), Refusal::kRate, false};
}

TEST(RefusalSamples, KeepsTheLastOnesInTheirOrder) {
  RefusalSamples samples;
  EXPECT_TRUE(samples.read().empty());
  base::TimePoint now = kStart;
  for (std::size_t i = 0; i < 3 * RefusalSamples::kMost; ++i, now += base::Millis(1)) {
    ASSERT_TRUE(samples.wants(now));
    samples.add(numbered(i), now);
  }
  const auto read = samples.read();
  ASSERT_EQ(read.size(), RefusalSamples::kMost);
  for (std::size_t i = 0; i < read.size(); ++i)
    EXPECT_EQ(read[i].listener, std::to_string(2 * RefusalSamples::kMost + i));
}

TEST(RefusalSamples, WantsNoMoreThanOneAMillisecond) {
  RefusalSamples samples;
  samples.add(numbered(1), kStart);
  EXPECT_FALSE(samples.wants(kStart));
  EXPECT_FALSE(samples.wants(kStart + std::chrono::microseconds(999)));
  EXPECT_TRUE(samples.wants(kStart + base::Millis(1)));
}

}  // namespace
}  // namespace weir::admission
