// The packet filter between hosts: clients in a network namespace of their own, over a link.
#include <gtest/gtest.h>

#include <random>

#include "net/packet_filter.h"
#include "support/namespaces.h"
#include "unit/net/packet_filter_support.h"

namespace weir::net {
namespace {

using base::UniqueFd;
using test::allow;
using test::allow_but;
using test::deny;
using test::deny_but;
using test::NetworkNamespace;

// A server and a host of clients with several addresses.
struct Network {
  NetworkNamespace server;
  NetworkNamespace clients;

  Network() {
    test::link({server, {"198.18.0.1/24", "2001:2::1/64"}},
               {clients,
                {"198.18.0.2/24", "198.18.0.3/24", "198.18.0.130/24", "2001:2::2/64", "2001:2::3/64",
                 "2001:2::8002/64"}});
  }
};

class PacketFilterBetweenHosts : public testing::TestWithParam<FilterMode> {
 protected:
  void SetUp() override {
    if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
    const auto tried = PacketFilter::create({}, GetParam());
    if (!tried) GTEST_SKIP() << "NOT CHECKED: " << tried.error().message();
  }
};

INSTANTIATE_TEST_SUITE_P(Mode, PacketFilterBetweenHosts,
                         testing::Values(FilterMode::kBpf, FilterMode::kClassic),
                         [](const auto& mode) { return mode.param == FilterMode::kBpf ? "bpf" : "classic"; });

TEST_P(PacketFilterBetweenHosts, MeetsDeniedClientsWithSilenceAndCountsTheirSyns) {
  const Network network;
  const test::Listening v4 = network.server.run([] { return test::listen_at("198.18.0.1"); });
  const test::Listening v6 = network.server.run([] { return test::listen_at("2001:2::1"); });
  const auto filter = PacketFilter::create(allow_but({deny("198.18.0.0/25"), allow("198.18.0.3/32"),
                                                      deny("2001:2::/113"), allow("2001:2::3/128")}),
                                           GetParam());
  ASSERT_TRUE((*filter)->attach(v4.fd.get()).has_value());
  ASSERT_TRUE((*filter)->attach(v6.fd.get()).has_value());
  const NetworkNamespace::Inside at_the_clients(network.clients);
  EXPECT_FALSE(test::is_let_in(**filter, "198.18.0.2", v4));
  EXPECT_TRUE(test::is_let_in(**filter, "198.18.0.3", v4));
  EXPECT_TRUE(test::is_let_in(**filter, "198.18.0.130", v4));
  EXPECT_FALSE(test::is_let_in(**filter, "2001:2::2", v6));
  EXPECT_TRUE(test::is_let_in(**filter, "2001:2::3", v6));
  EXPECT_TRUE(test::is_let_in(**filter, "2001:2::8002", v6));
}

TEST_P(PacketFilterBetweenHosts, LetsAClientInWithItsNextSynOnceItIsAllowed) {
  const Network network;
  const test::Listening listening = network.server.run([] { return test::listen_at("198.18.0.1"); });
  const auto filter = PacketFilter::create(deny_but({}), GetParam());
  ASSERT_TRUE((*filter)->attach(listening.fd.get()).has_value());
  const UniqueFd client = network.clients.run([&] { return test::dial("198.18.0.2", listening.address); });
  ASSERT_TRUE(test::eventually([&] { return (*filter)->dropped() > 0; }));
  EXPECT_TRUE(test::meets_silence(client));
  ASSERT_TRUE((*filter)->update(deny_but({allow("198.18.0.0/24")})).has_value());
  EXPECT_TRUE(test::is_connected(client));
}

// Whole words, parts of words and every length in between, with addresses that only a namespace can give.
TEST_P(PacketFilterBetweenHosts, JudgesEveryIpv6AddressByItsLongestMatch) {
  const NetworkNamespace place;
  place.ip("-6 route add local 2001:2::/48 dev lo");
  place.set("net.ipv6.ip_nonlocal_bind", "1");
  const NetworkNamespace::Inside inside(place);
  const test::Listening listening = test::listen_at("::1");
  const auto filter = PacketFilter::create({}, GetParam());
  ASSERT_TRUE((*filter)->attach(listening.fd.get()).has_value());
  std::mt19937 random(11);
  const auto address = [](unsigned number) {
    // The bits of the number are spread over the words, two in each.
    PacketRule made{AF_INET6, {0x20, 0x01, 0x00, 0x02}, 128, false};
    made.bytes[6] = static_cast<std::uint8_t>((number & 3) << 6);
    made.bytes[11] = static_cast<std::uint8_t>(number >> 2 & 3);
    made.bytes[15] = static_cast<std::uint8_t>(number >> 4 & 3);
    return made;
  };
  constexpr std::uint8_t kLengths[] = {0, 32, 47, 48, 49, 50, 64, 94, 95, 96, 97, 127, 128};
  for (int round = 0; round < 20; ++round) {
    PacketRules list;
    list.default_deny = random() % 2 == 0;
    for (std::size_t left = random() % 16; left > 0; --left) {
      PacketRule rule = address(static_cast<unsigned>(random() % 64));
      rule.length = kLengths[random() % std::size(kLengths)];
      rule.deny = random() % 2 == 0;
      list.rules.push_back(rule);
    }
    ASSERT_TRUE((*filter)->update(list).has_value());
    const std::vector<PacketRule> table = normalized(list);
    for (unsigned number = 0; number < 64; ++number) {
      const PacketRule client = address(number);
      const auto matches = [&](const PacketRule& rule) {
        PacketRules one{{client}, false};
        one.rules[0].length = rule.length;
        const std::vector<PacketRule> cut = normalized(one);
        return rule.family == AF_INET6 && (rule.length == 0 || cut[1].bytes == rule.bytes);
      };
      const auto decides = std::find_if(table.begin(), table.end(), matches);
      char text[INET6_ADDRSTRLEN];
      ::inet_ntop(AF_INET6, client.bytes.data(), text, sizeof(text));
      ASSERT_EQ(test::is_let_in(**filter, text, listening), !decides->deny) << text << " in round " << round;
    }
  }
}

TEST(NetworkNamespace, IsAHostThatNobodyOutsideSees) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const NetworkNamespace place;
  const test::Listening listening = place.run([] { return test::listen_on_loopback(); });
  EXPECT_TRUE(test::is_connected(place.run([&] { return test::dial("127.0.0.1", listening.address); })));
  const UniqueFd from_here = test::dial("127.0.0.1", listening.address);
  ASSERT_TRUE(test::wait_for(from_here.get(), POLLOUT));
  EXPECT_EQ(take_error(from_here.get()), ECONNREFUSED);
  place.set("net.ipv4.tcp_syncookies", "0");
  EXPECT_THROW(place.set("net.ipv4.no_such_setting", "1"), std::runtime_error);
  EXPECT_THROW(place.ip("link set nothing up"), std::runtime_error);
}

}  // namespace
}  // namespace weir::net
