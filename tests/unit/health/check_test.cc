#include "health/check.h"

#include <gtest/gtest.h>

namespace weir::health {
namespace {

TEST(StatusPattern, ReadsACodeAHundredAndARange) {
  EXPECT_EQ(parse_status_pattern("204").value(), (StatusPattern{204, 204}));
  EXPECT_EQ(parse_status_pattern("2xx").value(), (StatusPattern{200, 299}));
  EXPECT_EQ(parse_status_pattern("5XX").value(), (StatusPattern{500, 599}));
  EXPECT_EQ(parse_status_pattern("200-399").value(), (StatusPattern{200, 399}));
  EXPECT_EQ(parse_status_pattern("404-404").value(), (StatusPattern{404, 404}));
}

TEST(StatusPattern, RefusesWhatNoFinalAnswerHas) {
  for (const char* text : {"", "2", "20", "2000", "1xx", "6xx", "199", "600", "2x0", "xx", "200-", "-200",
                           "200-600", "100-299", "200 - 299", " 200", "2xx-3xx", "+20", "200-299-300"}) {
    const auto pattern = parse_status_pattern(text);
    ASSERT_FALSE(pattern.has_value()) << text;
    EXPECT_EQ(pattern.error().message(),
              "expected a status from 200 to 599 (\"204\"), a hundred (\"2xx\") or a range (\"200-399\")");
  }
  EXPECT_EQ(parse_status_pattern("299-200").error().message(), "the first status is greater than the last");
}

TEST(StatusPattern, ContainsBothItsEnds) {
  const StatusPattern pattern{200, 204};
  EXPECT_FALSE(pattern.contains(199));
  EXPECT_TRUE(pattern.contains(200));
  EXPECT_TRUE(pattern.contains(204));
  EXPECT_FALSE(pattern.contains(205));
}

TEST(StatusPattern, IsWrittenInTheFormThatIsReadAgain) {
  for (const char* text : {"2xx", "204", "200-204", "300-499"}) {
    EXPECT_EQ(to_string(parse_status_pattern(text).value()), text);
  }
  EXPECT_EQ(to_string(StatusPattern{200, 299}), "2xx");
}

TEST(HttpCheck, KnowsWhatCanStandInARequest) {
  EXPECT_TRUE(is_request_target("/"));
  EXPECT_TRUE(is_request_target("/health?deep=1&x=%20"));
  for (const char* text : {"", "health", "/a b", "/a\r\nX: y", "/\x7f", "/\xc3\xa4"}) {
    EXPECT_FALSE(is_request_target(text)) << text;
  }
  EXPECT_TRUE(is_host_field("app.internal:80"));
  EXPECT_TRUE(is_host_field("[2001:db8::1]:80"));
  for (const char* text : {"", "a b", "a\r\nX: y", "a/b", "user@a", "\xc3\xa4"}) {
    EXPECT_FALSE(is_host_field(text)) << text;
  }
}

}  // namespace
}  // namespace weir::health
