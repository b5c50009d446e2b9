#include "load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace weir::load {
namespace {

using std::chrono::nanoseconds;

TEST(Histogram, OfNothingHasNoQuantile) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.quantile(0.99), nanoseconds(0));
}

TEST(Histogram, KeepsSmallOnesExactly) {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.record(nanoseconds(i));
  EXPECT_EQ(histogram.quantile(0.5), nanoseconds(50));
  EXPECT_EQ(histogram.quantile(0.99), nanoseconds(99));
  EXPECT_EQ(histogram.quantile(1), nanoseconds(100));
}

TEST(Histogram, GivesEachQuantileWithinAPartOfWhatSortingGives) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> latency(11, 3);
  std::vector<std::int64_t> all;
  Histogram histogram;
  for (int i = 0; i < 100'000; ++i) {
    all.push_back(static_cast<std::int64_t>(latency(random)));
    histogram.record(nanoseconds(all.back()));
  }
  std::sort(all.begin(), all.end());
  for (const double quantile : {0.001, 0.5, 0.9, 0.99, 0.999, 0.99999}) {
    const auto at = static_cast<std::size_t>(quantile * 100'000) - 1;
    const double exact = static_cast<double>(all[at]);
    const auto given = static_cast<double>(histogram.quantile(quantile).count());
    EXPECT_GE(given, exact) << quantile;
    EXPECT_LE(given, exact * (1 + 1.0 / 128) + 1) << quantile;
  }
}

TEST(Histogram, TakesWhatIsBeyondItsEndsForTheseEnds) {
  Histogram histogram;
  histogram.record(nanoseconds(-5));
  EXPECT_EQ(histogram.quantile(1), nanoseconds(0));
  histogram.record(std::chrono::hours(100));
  EXPECT_GT(histogram.quantile(1), std::chrono::minutes(18));
  EXPECT_EQ(histogram.count(), 2u);
}

}  // namespace
}  // namespace weir::load
