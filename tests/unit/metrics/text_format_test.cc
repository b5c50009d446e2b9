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

TEST(TextFormat, OfNothingIsEmpty) { EXPECT_EQ(TextFormat().text(), ""); }

}  // namespace
}  // namespace weir::metrics
