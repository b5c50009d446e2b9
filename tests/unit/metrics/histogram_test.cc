#include "metrics/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <thread>
#include <vector>

namespace weir::metrics {
namespace {

using testing::ElementsAre;
using Micros = HistogramTime;

constexpr HistogramBounds<3> kBounds{Micros(10), Micros(100), Micros(1'000)};
using Own = Histogram<kBounds, Counter>;
using Shared = Histogram<kBounds, SharedCounter>;

TEST(Histogram, CountsATimeInTheFirstBucketThatItIsNotAbove) {
  Own histogram;
  for (const int time : {0, 10, 11, 100, 101, 1'000, 1'001, 5'000'000}) histogram.add(Micros(time));
  const HistogramReading reading = histogram.read();
  EXPECT_THAT(reading.buckets, ElementsAre(2u, 2u, 2u, 2u));
  EXPECT_THAT(reading.bounds, ElementsAre(Micros(10), Micros(100), Micros(1'000)));
  EXPECT_EQ(reading.microseconds, 5'002'223u);
}

TEST(Histogram, TakesATimeBelowNothingForNone) {
  Own histogram;
  histogram.add(Micros(-5));
  EXPECT_THAT(histogram.read().buckets, ElementsAre(1u, 0u, 0u, 0u));
  EXPECT_EQ(histogram.read().microseconds, 0u);
}

TEST(Histogram, AddsUpWhatSeveralWritersHaveCounted) {
  Own one;
  Own other;
  one.add(Micros(5));
  other.add(Micros(7));
  other.add(Micros(2'000));
  HistogramReading sum = Own::nothing();
  EXPECT_THAT(sum.buckets, ElementsAre(0u, 0u, 0u, 0u));
  one.add_to(sum);
  other.add_to(sum);
  EXPECT_THAT(sum.buckets, ElementsAre(2u, 0u, 0u, 1u));
  EXPECT_EQ(sum.microseconds, 2'012u);
}

TEST(Histogram, LosesNothingThatManyThreadsCount) {
  Shared histogram;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) histogram.add(Micros(i % 2'000));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const HistogramReading reading = histogram.read();
  EXPECT_THAT(reading.buckets, ElementsAre(4 * 110u, 4 * 900u, 4 * 9'000u, 4 * 9'990u));
  EXPECT_EQ(reading.microseconds, 4u * 10 * (1'999u * 2'000u / 2));
}

TEST(Histogram, NeverShowsLessThanBeforeWhileItMoves) {
  Own histogram;
  std::thread writer([&] {
    for (int i = 0; i < 100'000; ++i) histogram.add(Micros(i % 2'000));
  });
  std::vector<std::uint64_t> before(kBounds.size() + 1);
  bool grows = true;
  for (int i = 0; i < 5'000; ++i) {
    const std::vector<std::uint64_t> now = histogram.read().buckets;
    for (std::size_t at = 0; at < now.size(); ++at) grows = grows && now[at] >= before[at];
    before = now;
  }
  writer.join();
  EXPECT_TRUE(grows);
  const auto all = histogram.read().buckets;
  EXPECT_EQ(std::accumulate(all.begin(), all.end(), std::uint64_t{0}), 100'000u);
}

}  // namespace
}  // namespace weir::metrics
