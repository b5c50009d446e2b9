#include "net/local_ports.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/namespaces.h"
#include "unit/support.h"

namespace weir::net {
namespace {

TEST(ParseLocalPorts, CountsTheRangeWithBothItsEnds) {
  const auto ports = parse_local_ports("32768\t60999\n", "\n");
  ASSERT_TRUE(ports.has_value());
  EXPECT_EQ(*ports, (LocalPorts{32768, 60999, 0}));
  EXPECT_EQ(ports->usable(), 28232u);
  EXPECT_EQ(*ports, LocalPorts());
  EXPECT_EQ(parse_local_ports("40000 40000", "")->usable(), 1u);
  EXPECT_EQ(parse_local_ports("1 65535", "")->usable(), 65535u);
}

TEST(ParseLocalPorts, TakesTheReservedOnesOfTheRangeAway) {
  struct Case {
    const char* reserved;
    unsigned usable;
  };
  for (const Case c :
       {Case{"8080,9000-9010", 1'000}, Case{"10000", 999}, Case{"10999\n", 999}, Case{"11000", 1'000},
        Case{"9990-10009", 990}, Case{"10990-20000", 990}, Case{"0-65535", 0}, Case{"10000-10001,10005", 997},
        Case{"10001-10002,10002-10003", 997}, Case{"10000,10000", 999}}) {
    const auto ports = parse_local_ports("10000 10999", c.reserved);
    ASSERT_TRUE(ports.has_value()) << c.reserved;
    EXPECT_EQ(ports->usable(), c.usable) << c.reserved;
  }
}

TEST(ParseLocalPorts, RefusesWhatIsNoRange) {
  for (const char* text : {"", "\n", "32768", "32768-60999", "60999 32768", "0 60999", "-1 60999", "1 65536",
                           "1 4294967297", "a b", "1 2 3", "1 2x", "32768,60999", "99999999999999999999 1"}) {
    EXPECT_EQ(parse_local_ports(text, ""), std::nullopt) << text;
  }
}

TEST(ParseLocalPorts, RefusesWhatIsNoListOfReservedPorts) {
  for (const char* text : {",", "1,", ",1", "1,,2", "1-", "-1", "2-1", "1-2-3", "x", "1 2", "1, 2", "65536",
                           "1-65536", "1;2", "99999999999999999999"}) {
    EXPECT_EQ(parse_local_ports("10000 10999", text), std::nullopt) << text;
  }
}

TEST(LocalPorts, SpanTheirEndsAndWhatIsBetween) {
  const LocalPorts ports{10, 12, 0};
  EXPECT_FALSE(ports.spans(9));
  EXPECT_TRUE(ports.spans(10));
  EXPECT_TRUE(ports.spans(12));
  EXPECT_FALSE(ports.spans(13));
}

TEST(LoadLocalPorts, ReadsTheKernelsFilesInTheNamespaceOfTheThread) {
  EXPECT_TRUE(load_local_ports().has_value());
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::NetworkNamespace here;
  here.set("net.ipv4.ip_local_port_range", "20000 20999");
  here.set("net.ipv4.ip_local_reserved_ports", "20100-20199,8080,20500");
  EXPECT_EQ(here.run([] { return load_local_ports(); }), (LocalPorts{20000, 20999, 101}));
}

TEST(LoadLocalPorts, DoesWithoutTheFileOfReservedPortsButNotWithoutTheRange) {
  const test::TempFolder folder;
  std::filesystem::create_directory(folder.file("ipv4"));
  EXPECT_EQ(load_local_ports(folder.path()), std::nullopt);
  std::ofstream(folder.file("ipv4/ip_local_port_range")) << "100 199\n";
  EXPECT_EQ(load_local_ports(folder.path()), (LocalPorts{100, 199, 0}));
  std::ofstream(folder.file("ipv4/ip_local_reserved_ports")) << "150\n";
  EXPECT_EQ(load_local_ports(folder.path()), (LocalPorts{100, 199, 1}));
}

}  // namespace
}  // namespace weir::net
