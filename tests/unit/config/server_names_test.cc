#include "config/server_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::config {
namespace {

using testing::HasSubstr;

std::string fault(std::string_view text) {
  const auto name = parse_server_name(text);
  return name ? "" : name.error();
}

TEST(ServerName, IsKeptAsNamesAreCompared) {
  EXPECT_EQ(parse_server_name("www.example.org"), "www.example.org");
  EXPECT_EQ(parse_server_name("WWW.Example.ORG."), "www.example.org");
  EXPECT_EQ(parse_server_name("*.Example.org"), "*.example.org");
  EXPECT_EQ(parse_server_name("localhost"), "localhost");
  EXPECT_EQ(parse_server_name("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(parse_server_name("a_b.example"), "a_b.example") << "container networks have such names";
}

TEST(ServerName, HasAStarOnlyAtItsBeginningAndForAWholeName) {
  for (const char* text : {"a.*.example", "*a.example", "a*.example", "*.*.example", "a.example.*"})
    EXPECT_THAT(fault(text), HasSubstr("has a star in the wrong place")) << text;
  EXPECT_THAT(fault("*"), HasSubstr("a route without server_names is for everybody"));
  EXPECT_THAT(fault("*."), HasSubstr("*"));
}

TEST(ServerName, IsNoAddress) {
  for (const char* text : {"192.0.2.1", "2001:db8::1", "*.192.0.2.1"})
    EXPECT_THAT(fault(text), HasSubstr("clients ask for names only")) << text;
}

TEST(ServerName, IsAHostNameAndSaysWhatIsWrongWithItWhenItIsNot) {
  EXPECT_THAT(fault("b\xc3\xbc"
                    "cher.example"),
              HasSubstr("xn--"));
  EXPECT_THAT(fault(std::string(200, 'a') + "." + std::string(60, 'b')), HasSubstr("253 bytes"));
  for (const char* text :
       {"", ".", "a..example", "-a.example", "a.example:443", "https://a.example", "a b", "a.example/"}) {
    EXPECT_THAT(fault(text), HasSubstr("is not a host name: expected one such as")) << text;
  }
  EXPECT_THAT(fault(std::string(64, 'a') + ".example"), HasSubstr("is not a host name"));
}

TEST(HostName, IsOneNameAsItIsAskedFor) {
  const auto fault_of = [](std::string_view text) {
    const auto name = parse_host_name(text);
    return name ? "" : name.error();
  };
  EXPECT_EQ(parse_host_name("WWW.Example.ORG."), "www.example.org");
  EXPECT_EQ(parse_host_name("localhost"), "localhost");
  EXPECT_THAT(fault_of("*.example.org"), HasSubstr("stands for many names"));
  EXPECT_THAT(fault_of("*"), HasSubstr("stands for many names"));
  EXPECT_THAT(fault_of("192.0.2.1"), HasSubstr("is an address"));
  EXPECT_THAT(fault_of("2001:db8::1"), HasSubstr("is an address"));
  EXPECT_THAT(fault_of("a b"), HasSubstr("is not a host name"));
  EXPECT_THAT(fault_of("\xc3\xbc.example"), HasSubstr("xn--"));
  EXPECT_THAT(fault_of(std::string(254, 'a')), HasSubstr("longer than a host name may be"));
}

}  // namespace
}  // namespace weir::config
