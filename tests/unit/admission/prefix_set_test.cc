#include "admission/prefix_set.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <initializer_list>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::admission {
namespace {

using Entry = PrefixSet::Entry;
using base::Address;
using base::Prefix;

constexpr PrefixMatch kNone = PrefixMatch::kNone;
constexpr PrefixMatch kAllow = PrefixMatch::kAllow;
constexpr PrefixMatch kDeny = PrefixMatch::kDeny;

Prefix prefix(std::string_view text) {
  const auto parsed = base::parse_prefix(text);
  EXPECT_TRUE(parsed) << text;
  return parsed->prefix;
}

Address host(std::string_view text) { return prefix(text).first_address().with_port(443); }

PrefixSet set_of(std::initializer_list<std::pair<std::string_view, PrefixMatch>> list) {
  std::vector<Entry> entries;
  for (const auto& [text, verdict] : list) entries.push_back({prefix(text), verdict});
  return PrefixSet::build(std::move(entries));
}

TEST(PrefixSet, TheEmptyOneMatchesNothing) {
  for (const PrefixSet& set : {PrefixSet(), PrefixSet::build({})}) {
    EXPECT_EQ(set.size(), 0u);
    for (const char* text : {"0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
      EXPECT_EQ(set.match(host(text)), kNone) << text;
    }
  }
}

TEST(PrefixSet, TheLongestMatchWinsWhateverTheOrder) {
  const PrefixSet set =
      set_of({{"10.1.2.3", kAllow}, {"10.0.0.0/8", kAllow}, {"10.1.2.0/24", kDeny}, {"10.1.0.0/16", kAllow}});
  EXPECT_EQ(set.match(host("10.200.0.1")), kAllow);
  EXPECT_EQ(set.match(host("10.1.3.1")), kAllow);
  EXPECT_EQ(set.match(host("10.1.2.2")), kDeny);
  EXPECT_EQ(set.match(host("10.1.2.3")), kAllow);
  EXPECT_EQ(set.match(host("10.1.2.4")), kDeny);
  EXPECT_EQ(set.match(host("11.0.0.0")), kNone);
  EXPECT_EQ(set.match(host("9.255.255.255")), kNone);
}

TEST(PrefixSet, ATieDenies) {
  const PrefixSet set = set_of({{"10.0.0.0/8", kAllow},
                                {"10.0.0.0/8", kDeny},
                                {"10.0.0.0/8", kAllow},
                                {"2001:db8::/32", kDeny},
                                {"2001:db8::/32", kAllow}});
  EXPECT_EQ(set.match(host("10.0.0.1")), kDeny);
  EXPECT_EQ(set.match(host("2001:db8::1")), kDeny);
  EXPECT_EQ(set.size(), 2u);
}

TEST(PrefixSet, TheWholeOfAFamilyLeavesTheOtherAlone) {
  const PrefixSet set = set_of({{"0.0.0.0/0", kDeny}});
  EXPECT_EQ(set.match(host("0.0.0.0")), kDeny);
  EXPECT_EQ(set.match(host("255.255.255.255")), kDeny);
  EXPECT_EQ(set.match(host("::")), kNone);
  const PrefixSet other = set_of({{"::/0", kAllow}});
  EXPECT_EQ(other.match(host("::")), kAllow);
  EXPECT_EQ(other.match(host("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), kAllow);
  EXPECT_EQ(other.match(host("0.0.0.0")), kNone);
}

TEST(PrefixSet, TheFirstAndTheLastAddressMayBeListedAlone) {
  const PrefixSet set = set_of({{"0.0.0.0", kDeny},
                                {"255.255.255.255", kAllow},
                                {"::", kAllow},
                                {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", kDeny}});
  EXPECT_EQ(set.match(host("0.0.0.0")), kDeny);
  EXPECT_EQ(set.match(host("0.0.0.1")), kNone);
  EXPECT_EQ(set.match(host("255.255.255.254")), kNone);
  EXPECT_EQ(set.match(host("255.255.255.255")), kAllow);
  EXPECT_EQ(set.match(host("::")), kAllow);
  EXPECT_EQ(set.match(host("::1")), kNone);
  EXPECT_EQ(set.match(host("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")), kNone);
  EXPECT_EQ(set.match(host("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")), kDeny);
}

TEST(PrefixSet, NetworksThatEndTogetherEndTogether) {
  const PrefixSet set =
      set_of({{"10.0.0.0/8", kAllow}, {"10.255.0.0/16", kDeny}, {"10.255.255.255", kAllow}});
  EXPECT_EQ(set.match(host("10.254.255.255")), kAllow);
  EXPECT_EQ(set.match(host("10.255.255.254")), kDeny);
  EXPECT_EQ(set.match(host("10.255.255.255")), kAllow);
  EXPECT_EQ(set.match(host("11.0.0.0")), kNone);
}

TEST(PrefixSet, AdjacentNetworksKeepTheirOwnVerdicts) {
  const PrefixSet set = set_of(
      {{"10.0.0.0/25", kAllow}, {"10.0.0.128/25", kDeny}, {"10.0.1.0/24", kDeny}, {"10.0.2.0/24", kAllow}});
  EXPECT_EQ(set.match(host("10.0.0.127")), kAllow);
  EXPECT_EQ(set.match(host("10.0.0.128")), kDeny);
  EXPECT_EQ(set.match(host("10.0.1.255")), kDeny);
  EXPECT_EQ(set.match(host("10.0.2.0")), kAllow);
  EXPECT_EQ(set.match(host("10.0.3.0")), kNone);
}

TEST(PrefixSet, AMappedAddressIsItsIpv4Form) {
  const PrefixSet set = set_of({{"10.0.0.0/8", kDeny}, {"::/0", kAllow}});
  in6_addr mapped{};
  ASSERT_EQ(::inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped), 1);
  EXPECT_EQ(set.match(Address::ipv6(mapped, 443)), kDeny);
}

TEST(PrefixSet, WhatHasNoIpMatchesNothing) {
  const PrefixSet set = set_of({{"0.0.0.0/0", kAllow}, {"::/0", kAllow}});
  EXPECT_EQ(set.match(Address()), kNone);
  EXPECT_EQ(set.match(Address::unix_path("")), kNone);
}

// What the set must say, looked up the plain way.
PrefixMatch longest_match(const std::vector<Entry>& entries, const Address& address) {
  const Entry* best = nullptr;
  for (const Entry& entry : entries) {
    if (!entry.prefix.contains(address)) continue;
    if (best == nullptr || entry.prefix.length() > best->prefix.length() ||
        (entry.prefix.length() == best->prefix.length() && entry.verdict == kDeny)) {
      best = &entry;
    }
  }
  return best == nullptr ? kNone : best->verdict;
}

// Random networks that nest, repeat and touch each other: each is near one that is already there, or new.
class RandomNetworks {
 public:
  explicit RandomNetworks(unsigned seed) : random_(seed) {}

  Address address(int family) {
    if (family == AF_INET) return Address::ipv4({static_cast<in_addr_t>(random_())}, 80);
    in6_addr ip{};
    for (auto& byte : ip.s6_addr) byte = static_cast<std::uint8_t>(random_());
    return Address::ipv6(ip, 80);
  }

  std::vector<Entry> entries(std::size_t count) {
    std::vector<Entry> entries;
    while (entries.size() < count) {
      Address at = address(pick(2) == 0 ? AF_INET : AF_INET6);
      if (!entries.empty() && pick(4) > 0) at = near(entries[pick(entries.size())].prefix);
      const unsigned most = at.family() == AF_INET ? Prefix::kMostIpv4 : Prefix::kMostIpv6;
      entries.push_back(
          {Prefix::of(at, static_cast<unsigned>(pick(most + 1))), pick(2) == 0 ? kAllow : kDeny});
    }
    return entries;
  }

  // The first or last address of `prefix`, the one before or after, or any within.
  Address near(const Prefix& prefix) {
    std::array<std::uint8_t, 16> bytes = bytes_of(prefix.first_address());
    const std::size_t bits = prefix.family() == AF_INET ? 32 : 128;
    const std::size_t place = pick(5);
    for (std::size_t bit = prefix.length(); bit < bits; ++bit) {
      const bool is_set = place == 1 || place == 3 || (place == 4 && pick(2) == 0);
      if (is_set) bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | 0x80 >> bit % 8);
    }
    // Around the ends, so that the last address of a family is followed by the first.
    if (place == 2) step<-1>(bytes, bits / 8);
    if (place == 3) step<1>(bytes, bits / 8);
    return address_of(bytes, prefix.family());
  }

  std::size_t pick(std::size_t count) { return static_cast<std::size_t>(random_() % count); }

 private:
  static std::array<std::uint8_t, 16> bytes_of(const Address& address) {
    std::array<std::uint8_t, 16> bytes{};
    sockaddr_storage storage{};
    address.to_sockaddr(storage);
    if (address.family() == AF_INET) {
      std::memcpy(bytes.data(), &reinterpret_cast<sockaddr_in&>(storage).sin_addr, 4);
    } else {
      std::memcpy(bytes.data(), &reinterpret_cast<sockaddr_in6&>(storage).sin6_addr, 16);
    }
    return bytes;
  }

  static Address address_of(const std::array<std::uint8_t, 16>& bytes, int family) {
    in_addr ipv4{};
    in6_addr ipv6{};
    std::memcpy(&ipv4, bytes.data(), sizeof(ipv4));
    std::memcpy(&ipv6, bytes.data(), sizeof(ipv6));
    return family == AF_INET ? Address::ipv4(ipv4, 80) : Address::ipv6(ipv6, 80);
  }

  template <int by>
  static void step(std::array<std::uint8_t, 16>& bytes, std::size_t count) {
    for (std::size_t i = count; i-- > 0;) {
      bytes[i] = static_cast<std::uint8_t>(bytes[i] + by);
      if (bytes[i] != (by > 0 ? 0x00 : 0xff)) return;
    }
  }

  std::mt19937_64 random_;
};

TEST(PrefixSetProperty, SaysWhatThePlainSearchForTheLongestMatchSays) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    RandomNetworks random(seed);
    const std::vector<Entry> entries = random.entries(1 + random.pick(seed < 250 ? 30 : 400));
    const PrefixSet set = PrefixSet::build(entries);
    for (int i = 0; i < 400; ++i) {
      const Address address = i % 4 == 0 ? random.address(i % 8 == 0 ? AF_INET : AF_INET6)
                                         : random.near(entries[random.pick(entries.size())].prefix);
      ASSERT_EQ(set.match(address), longest_match(entries, address))
          << "seed " << seed << ", " << address.to_string();
    }
  }
}

TEST(PrefixSetProperty, OrderAndRepetitionChangeNothing) {
  for (unsigned seed = 1000; seed < 1040; ++seed) {
    RandomNetworks random(seed);
    std::vector<Entry> entries = random.entries(50);
    const PrefixSet set = PrefixSet::build(entries);
    const std::vector<Entry> again = entries;
    entries.insert(entries.end(), again.rbegin(), again.rend());
    const PrefixSet other = PrefixSet::build(entries);
    EXPECT_EQ(set.size(), other.size());
    for (int i = 0; i < 200; ++i) {
      const Address address = random.near(again[random.pick(again.size())].prefix);
      ASSERT_EQ(set.match(address), other.match(address)) << "seed " << seed << ", " << address.to_string();
    }
  }
}

TEST(PrefixSet, ItsMemoryGrowsWithTheIntervalsAndNotWithTheNetworks) {
  std::vector<Entry> entries;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    entries.push_back({Prefix::of(Address::ipv4({htonl(0x0a000000 + i)}, 0), 32), kDeny});
  }
  const PrefixSet set = PrefixSet::build(entries);
  EXPECT_EQ(set.size(), 10'000u);
  // One run of neighbours is one interval.
  EXPECT_LT(set.memory_bytes(), 1000u);
  EXPECT_EQ(set.match(host("10.0.0.0")), kDeny);
  EXPECT_EQ(set.match(host("10.0.39.15")), kDeny);
  EXPECT_EQ(set.match(host("10.0.39.16")), kNone);
}

}  // namespace
}  // namespace weir::admission
