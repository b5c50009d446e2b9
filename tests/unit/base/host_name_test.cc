#include "base/host_name.h"

#include <gtest/gtest.h>

namespace weir::base {
namespace {

TEST(PlainHostName, IsInSmallLettersAndWithoutItsLastDot) {
  EXPECT_EQ(plain_host_name("WWW.Example.ORG."), "www.example.org");
  EXPECT_EQ(plain_host_name("a.."), "a.") << "only one, which makes no name of it";
  EXPECT_EQ(plain_host_name("."), "");
  EXPECT_EQ(plain_host_name(""), "");
}

TEST(PlainHostName, LeavesOtherLettersAlone) { EXPECT_EQ(plain_host_name("B\xc3\x9c"), "b\xc3\x9c"); }

}  // namespace
}  // namespace weir::base
