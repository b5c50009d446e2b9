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

TEST(IsHostName, TakesLabelsOfLettersDigitsAndHyphens) {
  EXPECT_TRUE(is_host_name("a.example"));
  EXPECT_TRUE(is_host_name("xn--bcher-kva.example"));
  EXPECT_TRUE(is_host_name("_tls.a-b.0example"));
  EXPECT_TRUE(is_host_name(std::string(63, 'a') + ".example"));
}

TEST(IsHostName, RefusesWhatAMatcherOfNamesWouldReadOtherwise) {
  for (const char* name :
       {"", ".", ".example", "a..example", "a.example.", "*.example", "a example", "b\xc3\x9c"}) {
    EXPECT_FALSE(is_host_name(name)) << name;
  }
  EXPECT_FALSE(is_host_name(std::string_view("a\0.example", 10)));
  EXPECT_FALSE(is_host_name(std::string(64, 'a')));
  EXPECT_FALSE(is_host_name("a" + std::string(126, '.').replace(0, 0, "") + "b"));
  std::string longest;
  while (longest.size() < 254) longest += "a.";
  EXPECT_FALSE(is_host_name(longest + "a"));
}

}  // namespace
}  // namespace weir::base
