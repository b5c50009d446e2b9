#include "metrics/text_format.h"

#include <gtest/gtest.h>

#include <limits>

namespace weir::metrics {
namespace {

TEST(TextFormat, WritesHelpTypeAndSamplesInTheirOrder) {
  TextFormat out;
  out.family("weir_a_total", FamilyType::kCounter, "What a is.");
  out.sample({{"listener", "web"}, {"reason", "client_end"}}, 7);
  out.sample({{"listener", "api"}}, 0);
  out.family("weir_b", FamilyType::kGauge, "What b is.");
  out.sample(18'446'744'073'709'551'615ull);
  EXPECT_EQ(out.text(),
            "# HELP weir_a_total What a is.\n"
            "# TYPE weir_a_total counter\n"
            "weir_a_total{listener=\"web\",reason=\"client_end\"} 7\n"
            "weir_a_total{listener=\"api\"} 0\n"
            "# HELP weir_b What b is.\n"
            "# TYPE weir_b gauge\n"
            "weir_b 18446744073709551615\n");
}

TEST(TextFormat, EscapesBackslashLineFeedAndQuoteInLabelValues) {
  TextFormat out;
  out.family("weir_x", FamilyType::kGauge, "x");
  out.sample({{"name", "a\\b\nc\"d"}}, 1);
  EXPECT_NE(out.text().find("weir_x{name=\"a\\\\b\\nc\\\"d\"} 1\n"), std::string::npos) << out.text();
}

TEST(TextFormat, LeavesTheQuoteInHelpButEscapesTheRest) {
  TextFormat out;
  out.family("weir_x", FamilyType::kGauge, "a \"word\" \\ and\nmore");
  EXPECT_EQ(out.text(), "# HELP weir_x a \"word\" \\\\ and\\nmore\n# TYPE weir_x gauge\n");
}

TEST(TextFormat, WritesSecondsWithNoMoreDigitsThanTheyTake) {
  TextFormat out;
  out.family("weir_x_seconds", FamilyType::kGauge, "x");
  for (const std::int64_t time :
       {0l, 1l, 2'500l, 1'000'000l, 1'500'000l, -500'000l, -1'000'001l, 1'764'468'000'000'010l}) {
    out.seconds_sample({}, HistogramTime(time));
  }
  EXPECT_EQ(out.text(),
            "# HELP weir_x_seconds x\n# TYPE weir_x_seconds gauge\n"
            "weir_x_seconds 0\n"
            "weir_x_seconds 0.000001\n"
            "weir_x_seconds 0.0025\n"
            "weir_x_seconds 1\n"
            "weir_x_seconds 1.5\n"
            "weir_x_seconds -0.5\n"
            "weir_x_seconds -1.000001\n"
            "weir_x_seconds 1764468000.00001\n");
}

TEST(TextFormat, AddsUpTheBucketsOfAHistogramSoThatTheLastIsTheCount) {
  static constexpr HistogramBounds<2> kTwoBounds{HistogramTime(2'500), HistogramTime(60'000'000)};
  TextFormat out;
  out.family("weir_x_seconds", FamilyType::kHistogram, "x");
  out.histogram({{"pool", "a\"b"}}, {kTwoBounds, {3, 0, 4}, 1'000'250});
  out.histogram({}, {kTwoBounds, {0, 0, 0}, 0});
  EXPECT_EQ(out.text(),
            "# HELP weir_x_seconds x\n# TYPE weir_x_seconds histogram\n"
            "weir_x_seconds_bucket{pool=\"a\\\"b\",le=\"0.0025\"} 3\n"
            "weir_x_seconds_bucket{pool=\"a\\\"b\",le=\"60\"} 3\n"
            "weir_x_seconds_bucket{pool=\"a\\\"b\",le=\"+Inf\"} 7\n"
            "weir_x_seconds_sum{pool=\"a\\\"b\"} 1.00025\n"
            "weir_x_seconds_count{pool=\"a\\\"b\"} 7\n"
            "weir_x_seconds_bucket{le=\"0.0025\"} 0\n"
            "weir_x_seconds_bucket{le=\"60\"} 0\n"
            "weir_x_seconds_bucket{le=\"+Inf\"} 0\n"
            "weir_x_seconds_sum 0\n"
            "weir_x_seconds_count 0\n");
}

TEST(TextFormat, OfNothingIsEmpty) { EXPECT_EQ(TextFormat().text(), ""); }

}  // namespace
}  // namespace weir::metrics
