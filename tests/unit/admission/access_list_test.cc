#include "admission/access_list.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>

namespace weir::admission {
namespace {

using base::Address;
using base::Prefix;
using testing::ElementsAre;
using testing::IsEmpty;

Prefix prefix(std::string_view text) {
  const auto parsed = base::parse_prefix(text);
  EXPECT_TRUE(parsed) << text;
  return parsed->prefix;
}

Address host(std::string_view text) { return prefix(text).first_address().with_port(50'000); }

// As the configuration would write it: networks and the word "unix".
ClientList list(std::initializer_list<std::string_view> words) {
  ClientList list;
  for (const std::string_view word : words) {
    if (word == "unix") {
      list.has_unix = true;
    } else {
      list.prefixes.push_back(prefix(word));
    }
  }
  return list;
}

const Address kUnixClient = Address::unix_path("");

TEST(AccessList, WithoutRulesEverybodyIsAdmitted) {
  for (const AccessList& access : {AccessList(), AccessList({}, {})}) {
    EXPECT_TRUE(access.admits(host("192.0.2.1")));
    EXPECT_TRUE(access.admits(host("2001:db8::1")));
    EXPECT_TRUE(access.admits(kUnixClient));
    EXPECT_TRUE(access.admits(Address()));
  }
}

TEST(AccessList, WithDeniesOnlyTheOthersAreAdmitted) {
  const AccessList access({}, list({"10.66.0.0/16", "2001:db8::/32"}));
  EXPECT_FALSE(access.admits(host("10.66.1.2")));
  EXPECT_FALSE(access.admits(host("2001:db8::1")));
  EXPECT_TRUE(access.admits(host("10.67.1.2")));
  EXPECT_TRUE(access.admits(host("2001:db9::1")));
  EXPECT_TRUE(access.admits(kUnixClient));
}

TEST(AccessList, WithAnyAllowTheOthersAreDenied) {
  const AccessList access(list({"10.0.0.0/8"}), {});
  EXPECT_TRUE(access.admits(host("10.1.2.3")));
  EXPECT_FALSE(access.admits(host("11.1.2.3")));
  EXPECT_FALSE(access.admits(host("2001:db8::1")));
  EXPECT_FALSE(access.admits(kUnixClient));
  EXPECT_FALSE(access.admits(Address()));
}

TEST(AccessList, TheLongestNetworkDecides) {
  const AccessList access(list({"10.0.0.0/8", "10.66.6.0/24"}), list({"10.66.0.0/16"}));
  EXPECT_TRUE(access.admits(host("10.1.2.3")));
  EXPECT_FALSE(access.admits(host("10.66.1.1")));
  EXPECT_TRUE(access.admits(host("10.66.6.1")));
}

TEST(AccessList, WhatIsOnBothSidesIsDenied) {
  const AccessList access(list({"10.0.0.0/8", "unix"}), list({"10.0.0.0/8", "unix"}));
  EXPECT_FALSE(access.admits(host("10.1.2.3")));
  EXPECT_FALSE(access.admits(kUnixClient));
}

TEST(AccessList, UnixClientsAreMatchedByTheirWordAlone) {
  const AccessList only_unix(list({"unix"}), {});
  EXPECT_TRUE(only_unix.admits(kUnixClient));
  EXPECT_TRUE(only_unix.admits(Address::unix_path("/run/client.sock")));
  EXPECT_FALSE(only_unix.admits(host("192.0.2.1")));
  const AccessList no_unix({}, list({"unix"}));
  EXPECT_FALSE(no_unix.admits(kUnixClient));
  EXPECT_TRUE(no_unix.admits(host("192.0.2.1")));
  const AccessList no_ip({}, list({"0.0.0.0/0", "::/0"}));
  EXPECT_TRUE(no_ip.admits(kUnixClient));
  EXPECT_FALSE(no_ip.admits(host("192.0.2.1")));
}

TEST(AccessList, AnAllowThatCameOutEmptyAdmitsNobody) {
  ClientList empty;
  empty.is_given = true;
  const AccessList access(empty, {});
  EXPECT_FALSE(access.admits(host("192.0.2.1")));
  EXPECT_FALSE(access.admits(kUnixClient));
  EXPECT_TRUE(AccessList({}, empty).admits(host("192.0.2.1")));
}

TEST(AccessList, AMappedClientIsItsIpv4Form) {
  in6_addr mapped{};
  ASSERT_EQ(::inet_pton(AF_INET6, "::ffff:10.1.2.3", &mapped), 1);
  EXPECT_TRUE(AccessList(list({"10.0.0.0/8"}), {}).admits(Address::ipv6(mapped, 80)));
  EXPECT_FALSE(AccessList(list({"::/0"}), {}).admits(Address::ipv6(mapped, 80)));
}

TEST(Contradictions, AreTheNetworksOnBothSidesEachOnce) {
  const auto found =
      find_contradictions(list({"2001:db8::/32", "10.0.0.0/8", "10.0.0.0/8", "192.0.2.1"}),
                          list({"192.0.2.1/32", "10.0.0.0/9", "::ffff:10.0.0.0/104", "2001:db8::/33"}));
  EXPECT_THAT(found.prefixes, ElementsAre(prefix("10.0.0.0/8"), prefix("192.0.2.1")));
  EXPECT_FALSE(found.has_unix);
  EXPECT_FALSE(found.empty());
}

TEST(Contradictions, AnExceptionWithinANetworkIsNone) {
  EXPECT_TRUE(find_contradictions(list({"10.0.0.0/8", "unix"}), list({"10.66.0.0/16"})).empty());
}

TEST(Contradictions, UnixOnBothSidesIsOne) {
  const auto found = find_contradictions(list({"unix"}), list({"unix"}));
  EXPECT_TRUE(found.has_unix);
  EXPECT_THAT(found.prefixes, IsEmpty());
  EXPECT_FALSE(found.empty());
}

}  // namespace
}  // namespace weir::admission
