#include "health/excerpt.h"

#include <gtest/gtest.h>

namespace weir::health {
namespace {

TEST(Excerpt, QuotesPlainText) {
  EXPECT_EQ(excerpt("-LOADING data"), "\"-LOADING data\"");
  EXPECT_EQ(excerpt(""), "\"\"");
}

TEST(Excerpt, LetsNoByteThroughThatIsNotPrintableAscii) {
  EXPECT_EQ(excerpt("a\r\n\tb\x1b[0m"), "\"a\\r\\n\\tb\\x1b[0m\"");
  EXPECT_EQ(excerpt("\"\\"), "\"\\\"\\\\\"");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  for (const char c : excerpt(all, all.size())) {
    EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
  }
}

TEST(Excerpt, SaysThatItWasCut) {
  EXPECT_EQ(excerpt("12345", 5), "\"12345\"");
  EXPECT_EQ(excerpt("123456", 5), "\"12345\"...");
}

}  // namespace
}  // namespace weir::health
