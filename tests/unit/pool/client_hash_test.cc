#include "pool/client_hash.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::pool {
namespace {

constexpr ClientHashRules kWhole;
constexpr ClientHashRules kNetworks{.ipv4_bits = 24, .ipv6_bits = 64};

std::uint64_t hash_of(std::string_view text, const ClientHashRules& rules = kWhole) {
  const base::Address address = *base::parse_address(text);
  return client_hash({address}, rules);
}

std::uint64_t hash_of_unix(const std::string& path, const ClientHashRules& rules) {
  const base::Address address = base::Address::unix_path(path);
  return client_hash({address}, rules);
}

// Worked out by hand from XXH3 over 24 bytes: the family, then the address's halves, all little-endian. They
// must not change: several Weirs send a client to the same backend.
TEST(ClientHash, IsTheSameNumberOnAnyMachine) {
  EXPECT_EQ(hash_of("192.0.2.1:80"), 0x0830db108cbde4ecu);
  EXPECT_EQ(hash_of("192.0.2.1:80", kNetworks), 0xc4b2867cc766bb4fu);
  EXPECT_EQ(hash_of("[2001:db8:0:1::1]:80"), 0x0ced8f8d1e7b8e2du);
  EXPECT_EQ(hash_of("[2001:db8:0:1::1]:80", kNetworks), 0x24f474c2f036896au);
  EXPECT_EQ(hash_of_unix("", kWhole), 0x743df94ee4c78a2au);
}

TEST(ClientHash, LeavesThePortOut) {
  EXPECT_EQ(hash_of("192.0.2.1:80"), hash_of("192.0.2.1:81"));
  EXPECT_EQ(hash_of("[2001:db8::1]:80"), hash_of("[2001:db8::1]:81"));
}

TEST(ClientHash, TellsEveryAddressOfANetworkFromTheOthers) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 256; ++i) seen.insert(hash_of("192.0.2." + std::to_string(i) + ":1"));
  EXPECT_EQ(seen.size(), 256u);
}

TEST(ClientHash, TakesANetworkForOneClientWhereThatIsAskedFor) {
  EXPECT_EQ(hash_of("192.0.2.1:80", kNetworks), hash_of("192.0.2.255:80", kNetworks));
  EXPECT_NE(hash_of("192.0.2.1:80", kNetworks), hash_of("192.0.3.1:80", kNetworks));
  EXPECT_EQ(hash_of("[2001:db8::1]:1", kNetworks), hash_of("[2001:db8::ffff:0:0:1]:1", kNetworks));
  EXPECT_NE(hash_of("[2001:db8::1]:1", kNetworks), hash_of("[2001:db8:0:1::1]:1", kNetworks));
}

TEST(ClientHash, CountsAMappedAddressAsTheIpv4OneThatItIs) {
  for (const ClientHashRules& rules : {kWhole, kNetworks})
    EXPECT_EQ(hash_of("[::ffff:192.0.2.1]:80", rules), hash_of("192.0.2.1:80", rules));
}

TEST(ClientHash, GivesClientsWithoutAnAddressOneNumber) {
  EXPECT_EQ(hash_of_unix("/run/a", kWhole), hash_of_unix("", kNetworks));
  EXPECT_NE(hash_of_unix("", kWhole), hash_of("0.0.0.0:1"));
}

TEST(ClientHash, GoesByTheNameWhereThatIsAskedForAndKnown) {
  const base::Address one = *base::parse_address("192.0.2.1:80");
  const base::Address other = *base::parse_address("192.0.2.2:80");
  constexpr ClientHashRules kNames{.by_server_name = true};
  EXPECT_EQ(client_hash({one, "a.example"}, kNames), client_hash({other, "a.example"}, kNames));
  EXPECT_NE(client_hash({one, "a.example"}, kNames), client_hash({one, "b.example"}, kNames));
  EXPECT_EQ(client_hash({one, "a.example"}, kWhole), client_hash({one}, kWhole));
  EXPECT_EQ(client_hash({one}, kNames), client_hash({one}, kWhole)) << "a client without a name";
  EXPECT_EQ(client_hash({one, "a.example"}, kNames), 0x9ec428c465056f88u) << "the same on any machine";
}

}  // namespace
}  // namespace weir::pool
