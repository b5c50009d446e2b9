#include "tls/same_secret.h"

#include <gtest/gtest.h>

namespace weir::tls {
namespace {

TEST(SameSecret, IsTheSameOnlyWhereEveryByteIs) {
  EXPECT_TRUE(is_same_secret("", ""));
  EXPECT_TRUE(is_same_secret("0123456789abcdef", "0123456789abcdef"));
  EXPECT_TRUE(is_same_secret(std::string_view("a\0b", 3), std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_same_secret("0123456789abcdef", "0123456789abcdeF"));
  EXPECT_FALSE(is_same_secret("0123456789abcdef", "1123456789abcdef"));
  EXPECT_FALSE(is_same_secret("0123456789abcdef", "0123456789abcde"));
  EXPECT_FALSE(is_same_secret("", "0"));
  EXPECT_FALSE(is_same_secret(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}

}  // namespace
}  // namespace weir::tls
