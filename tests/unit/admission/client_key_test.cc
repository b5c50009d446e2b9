#include "admission/client_key.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace weir::admission {
namespace {

base::Address address(const std::string& text) {
  const auto parsed = base::parse_address(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : base::Address();
}

ClientKey key(const std::string& text, ClientPrefix prefix = {}) { return client_key(address(text), prefix); }

TEST(ClientKey, AnIpv4AddressIsAClientAndItsPortIsNot) {
  EXPECT_EQ(key("192.0.2.1:80"), key("192.0.2.1:81"));
  EXPECT_NE(key("192.0.2.1:80"), key("192.0.2.2:80"));
}

TEST(ClientKey, AnIpv6ClientIsItsFirst64Bits) {
  EXPECT_EQ(key("[2001:db8::1]:80"), key("[2001:db8::ffff:ffff:ffff:ffff]:1"));
  EXPECT_NE(key("[2001:db8::1]:80"), key("[2001:db8:0:1::1]:80"));
}

TEST(ClientKey, OtherPrefixesCutWhereTheySay) {
  const ClientPrefix wide{.ipv4_bits = 20, .ipv6_bits = 45};
  EXPECT_EQ(key("10.1.16.0:1", wide), key("10.1.31.255:1", wide));
  EXPECT_NE(key("10.1.15.255:1", wide), key("10.1.16.0:1", wide));
  EXPECT_EQ(key("[2001:db8:8::]:1", wide), key("[2001:db8:f:ffff::]:1", wide));
  EXPECT_NE(key("[2001:db8:7::]:1", wide), key("[2001:db8:8::]:1", wide));
  const ClientPrefix narrow{.ipv4_bits = 32, .ipv6_bits = 128};
  EXPECT_NE(key("[2001:db8::1]:1", narrow), key("[2001:db8::2]:1", narrow));
}

TEST(ClientKey, WithZeroBitsAFamilyIsOneClientAndTheFamiliesAreTwo) {
  const ClientPrefix none{.ipv4_bits = 0, .ipv6_bits = 0};
  EXPECT_EQ(key("0.0.0.1:1", none), key("255.255.255.255:1", none));
  EXPECT_EQ(key("[::1]:1", none), key("[ff00::]:1", none));
  EXPECT_NE(key("0.0.0.1:1", none), key("[::1]:1", none));
}

TEST(ClientKey, AMappedAddressIsTheIpv4ClientWhateverTheIpv6Prefix) {
  for (unsigned bits = 0; bits <= 128; ++bits) {
    const ClientPrefix prefix{.ipv4_bits = 24, .ipv6_bits = bits};
    EXPECT_EQ(key("[::ffff:192.0.2.1]:80", prefix), key("192.0.2.99:1", prefix)) << bits;
  }
}

TEST(ClientKey, NoIpv6PrefixIsTakenForAnIpv4OrUnixClient) {
  for (unsigned bits = 0; bits <= 128; ++bits) {
    const ClientPrefix prefix{.ipv4_bits = 0, .ipv6_bits = bits};
    for (const char* text : {"[::fffe:0:0]:1", "[::fffe:ffff:ffff]:1", "[::]:1", "[::1:0:0:0]:1", "[::1]:1",
                             "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:1"}) {
      EXPECT_NE(key(text, prefix), key("0.0.0.0:1", prefix)) << text << "/" << bits;
      EXPECT_NE(key(text, prefix), client_key(base::Address::unix_path(""), prefix)) << text << "/" << bits;
    }
  }
}

TEST(ClientKey, AllClientsOfUnixSocketsAreOneAndNoOther) {
  const ClientKey unnamed = client_key(base::Address::unix_path(""), {});
  EXPECT_EQ(unnamed, client_key(base::Address::unix_path("/run/client.sock"), {}));
  EXPECT_EQ(unnamed, client_key(base::Address(), {}));
  EXPECT_NE(unnamed, key("0.0.0.0:0"));
  EXPECT_NE(unnamed, key("[::]:0"));
  EXPECT_NE(unnamed, key("255.255.255.255:0"));
}

TEST(ClientKey, AZoneTellsNoClientsApart) {
  in6_addr ip{};
  ip.s6_addr[0] = 0xfe;
  ip.s6_addr[1] = 0x80;
  EXPECT_EQ(client_key(base::Address::ipv6(ip, 1, 2), {}), client_key(base::Address::ipv6(ip, 1, 3), {}));
}

TEST(ClientKeyHash, DependsOnTheKeyAndOnTheSeed) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 256; ++i) {
    const ClientKey k = key("10.0.0." + std::to_string(i) + ":1");
    seen.insert(hash(k, 1));
    seen.insert(hash(k, 2));
  }
  EXPECT_EQ(seen.size(), 512u);
}

}  // namespace
}  // namespace weir::admission
