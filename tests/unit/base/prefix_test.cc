#include "base/prefix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace weir::base {
namespace {

using namespace std::string_view_literals;

// "10.0.0.0/8", with " (host bits)" when there were some, or "error: ...".
std::string read(std::string_view text) {
  const auto parsed = parse_prefix(text);
  if (!parsed) return "error: " + parsed.error().message();
  return parsed->prefix.to_string() + (parsed->has_host_bits ? " (host bits)" : "");
}

Prefix prefix(std::string_view text) {
  const auto parsed = parse_prefix(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message());
  return parsed ? parsed->prefix : Prefix::of(Address::ipv4({}, 0), 0);
}

Address host(std::string_view ip) {
  const bool is_ipv6 = ip.find(':') != std::string_view::npos;
  return *parse_address(is_ipv6 ? "[" + std::string(ip) + "]:80" : std::string(ip) + ":80");
}

TEST(ParsePrefix, NetworksOfBothFamiliesArePrintedAsTheyAreWritten) {
  for (const char* text : {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "128.0.0.0/1", "2001:db8::/32", "::/0",
                           "::1/128", "8000::/1", "2001:db8:0:0:1::/80", "fe80::/10"}) {
    EXPECT_EQ(read(text), text);
  }
}

TEST(ParsePrefix, AnAddressAloneIsOneHost) {
  EXPECT_EQ(read("10.1.2.3"), "10.1.2.3/32");
  EXPECT_EQ(read("::1"), "::1/128");
  EXPECT_EQ(read("2001:DB8:0:0::1"), "2001:db8::1/128");
}

TEST(ParsePrefix, BitsBeyondTheLengthAreCutOffAndTold) {
  EXPECT_EQ(read("10.1.2.3/8"), "10.0.0.0/8 (host bits)");
  EXPECT_EQ(read("10.1.2.3/31"), "10.1.2.2/31 (host bits)");
  EXPECT_EQ(read("0.0.0.1/0"), "0.0.0.0/0 (host bits)");
  EXPECT_EQ(read("2001:db8::1/32"), "2001:db8::/32 (host bits)");
  EXPECT_EQ(read("2001:db8:0:1::/63"), "2001:db8::/63 (host bits)");
  EXPECT_EQ(read("2001:db8:0:0:8000::/64"), "2001:db8::/64 (host bits)");
  EXPECT_EQ(read("2001:db8:0:0:8000::/65"), "2001:db8:0:0:8000::/65");
  EXPECT_EQ(read("::1/127"), "::/127 (host bits)");
}

TEST(ParsePrefix, WhatIsWrittenAsMappedIsIpv4) {
  EXPECT_EQ(read("::ffff:10.0.0.0/104"), "10.0.0.0/8");
  EXPECT_EQ(read("::ffff:10.1.2.3"), "10.1.2.3/32");
  EXPECT_EQ(read("::ffff:a01:203/128"), "10.1.2.3/32");
  EXPECT_EQ(read("::ffff:0:0/96"), "0.0.0.0/0");
  EXPECT_EQ(read("::ffff:10.1.0.0/104"), "10.0.0.0/8 (host bits)");
  EXPECT_EQ(prefix("::ffff:10.0.0.0/104"), prefix("10.0.0.0/8"));
}

TEST(ParsePrefix, AMappedNetworkThatIsWiderThanIpv4IsRefused) {
  EXPECT_EQ(
      read("::ffff:10.0.0.0/8"),
      "error: an IPv4 address in IPv6 form needs a prefix length from 96 to 128; if IPv4 is meant, write "
      "\"10.0.0.0/8\"");
  EXPECT_EQ(read("::ffff:10.0.0.0/95"),
            "error: an IPv4 address in IPv6 form needs a prefix length from 96 to 128");
}

TEST(ParsePrefix, NeighboursOfTheMappedNetworkAreIpv6) {
  EXPECT_EQ(read("::fffe:0:0/96"), "::fffe:0:0/96");
  EXPECT_EQ(read("::1:0:0:0/96"), "::1:0:0:0/96");
  EXPECT_EQ(read("::/80"), "::/80");
  EXPECT_EQ(prefix("::10.0.0.0/104").family(), AF_INET6);
}

TEST(ParsePrefix, ALengthIsDigitsWithoutLeadingZeroUpToTheFamilysMost) {
  for (const char* length :
       {"", "33", "08", "00", "-1", "+8", " 8", "8 ", "8/8", "0x8", "255.0.0.0", "4294967304"}) {
    EXPECT_EQ(read("10.0.0.0/" + std::string(length)),
              "error: expected a prefix length from 0 to 32 after the \"/\"")
        << length;
  }
  for (const char* length : {"", "129", "032", "-1", "64::"}) {
    EXPECT_EQ(read("2001:db8::/" + std::string(length)),
              "error: expected a prefix length from 0 to 128 after the \"/\"")
        << length;
  }
}

TEST(ParsePrefix, WhatIsNoAddressIsRefused) {
  for (const std::string_view text : {""sv,
                                      "/"sv,
                                      "/8"sv,
                                      "10"sv,
                                      "10/8"sv,
                                      "10.0.0/24"sv,
                                      "10.0.0.0.0"sv,
                                      "10.0.0.01"sv,
                                      "010.0.0.0/8"sv,
                                      "256.0.0.0/8"sv,
                                      " 10.0.0.0/8"sv,
                                      "10.0.0.0 /8"sv,
                                      "10.0.0.0:80"sv,
                                      "10.0.0.*"sv,
                                      "10.0.0.1-10.0.0.9"sv,
                                      "localhost"sv,
                                      "unix"sv,
                                      "any"sv,
                                      ":"sv,
                                      ":::"sv,
                                      "1::2::3"sv,
                                      "12345::"sv,
                                      "2001:db8"sv,
                                      "::ffff:1.2.3"sv,
                                      "::g"sv,
                                      "10.0.0.0\0/8"sv,
                                      "::1\0"sv,
                                      "0000:0000:0000:0000:0000:ffff:0255.255.255.255/32"sv}) {
    EXPECT_EQ(read(text).rfind("error: expected an IPv4 or IPv6 address or network", 0), 0u) << text;
  }
}

TEST(ParsePrefix, TheCommonMistakesAreNamed) {
  EXPECT_EQ(read("fe80::1%eth0"), "error: expected an address without a scope (\"%...\")");
  EXPECT_EQ(read("fe80::%1/64"), "error: expected an address without a scope (\"%...\")");
  EXPECT_EQ(read("[::1]:80"), "error: expected an address without brackets and port");
  EXPECT_EQ(read("web"),
            "error: expected an IPv4 or IPv6 address or network, e.g. \"10.0.0.0/8\", \"192.0.2.1\" or "
            "\"2001:db8::/32\"");
}

TEST(ParsePrefix, TheErrorNeverRepeatsTheText) {
  EXPECT_EQ(read("\x1b[2J"sv).find('\x1b'), std::string::npos);
  EXPECT_EQ(read("10.0.0.0/\x1b"sv).find('\x1b'), std::string::npos);
}

TEST(Prefix, HoldsItsFirstAndLastAddressAndNoNeighbour) {
  const Prefix ipv4 = prefix("10.4.0.0/14");
  EXPECT_TRUE(ipv4.contains(host("10.4.0.0")));
  EXPECT_TRUE(ipv4.contains(host("10.7.255.255")));
  EXPECT_FALSE(ipv4.contains(host("10.3.255.255")));
  EXPECT_FALSE(ipv4.contains(host("10.8.0.0")));
  const Prefix ipv6 = prefix("2001:db8:0:0:4000::/66");
  EXPECT_TRUE(ipv6.contains(host("2001:db8:0:0:4000::")));
  EXPECT_TRUE(ipv6.contains(host("2001:db8::7fff:ffff:ffff:ffff")));
  EXPECT_FALSE(ipv6.contains(host("2001:db8::3fff:ffff:ffff:ffff")));
  EXPECT_FALSE(ipv6.contains(host("2001:db8:0:0:8000::")));
}

TEST(Prefix, OfLengthZeroHoldsItsWholeFamilyAndNothingElse) {
  EXPECT_TRUE(prefix("0.0.0.0/0").contains(host("255.255.255.255")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(host("::")));
  EXPECT_TRUE(prefix("::/0").contains(host("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
  EXPECT_FALSE(prefix("::/0").contains(host("0.0.0.0")));
  for (const Address& other : {Address(), Address::unix_path(""), Address::unix_path("/run/a")}) {
    EXPECT_FALSE(prefix("0.0.0.0/0").contains(other));
    EXPECT_FALSE(prefix("::/0").contains(other));
  }
}

TEST(Prefix, TakesAMappedAddressForItsIpv4Form) {
  EXPECT_TRUE(prefix("10.0.0.0/8").contains(host("::ffff:10.1.2.3")));
  EXPECT_FALSE(prefix("::/0").contains(host("::ffff:10.1.2.3")));
  EXPECT_EQ(Prefix::of(host("::ffff:10.1.2.3"), 8), prefix("10.0.0.0/8"));
}

TEST(Prefix, OfAnAddressIsTheNetworkItIsIn) {
  EXPECT_EQ(Prefix::of(host("2001:db8:1:2:3::4"), 64).to_string(), "2001:db8:1:2::/64");
  EXPECT_EQ(Prefix::of(host("2001:db8:1:2:3::4"), 128).first_address().to_string(), "[2001:db8:1:2:3::4]:0");
  EXPECT_EQ(Prefix::of(host("192.0.2.77"), 24).first_address().to_string(), "192.0.2.0:0");
}

TEST(Prefix, SortsByFamilyThenAddressThenTheWiderFirst) {
  const std::vector<std::string> sorted{"0.0.0.0/0",     "10.0.0.0/8",    "10.0.0.0/9",
                                        "10.128.0.0/9",  "255.0.0.0/8",   "::/0",
                                        "2001:db8::/32", "2001:db8::/64", "2001:db8::1/128"};
  std::vector<Prefix> prefixes;
  for (const std::string& text : sorted) prefixes.push_back(prefix(text));
  EXPECT_TRUE(std::is_sorted(prefixes.begin(), prefixes.end()));
  EXPECT_NE(prefixes[1], prefixes[2]);
}

TEST(IpBits, OfIpv4AreLeftAlignedAndOfMappedTheSame) {
  EXPECT_EQ(ip_bits(host("192.0.2.1")), (IpBits{AF_INET, 0xc0000201ull << 32, 0}));
  EXPECT_EQ(ip_bits(host("::ffff:192.0.2.1")), ip_bits(host("192.0.2.1")));
  EXPECT_EQ(ip_bits(host("2001:db8::1")), (IpBits{AF_INET6, 0x20010db800000000ull, 1}));
  EXPECT_EQ(ip_bits(Address::unix_path("/run/a")), IpBits{});
  EXPECT_EQ(ip_bits(Address()), IpBits{});
}

}  // namespace
}  // namespace weir::base
