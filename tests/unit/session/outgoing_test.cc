#include "session/outgoing.h"

#include <gtest/gtest.h>

#include <map>

#include "support/namespaces.h"
#include "unit/support.h"

namespace weir::session {
namespace {

using base::Address;

Address address_of(const std::string& text) { return *base::parse_address(text); }

std::shared_ptr<pool::Backend> backend_at(const Address& address, pool::Origin origin) {
  pool::BackendIdentity identity;
  identity.name = "a";
  identity.address = address;
  identity.origin = std::make_shared<const pool::Origin>(std::move(origin));
  return std::make_shared<pool::Backend>(std::move(identity));
}

pool::Origin from(const std::vector<std::string>& hosts) {
  pool::Origin origin;
  for (const std::string& host : hosts) origin.sources.push_back(address_of(host + ":0"));
  return origin;
}

const Address kClient = address_of("127.0.0.9:4711");

Outgoing start(pool::Backend& backend, const Address& client = kClient) {
  return start_outgoing(backend, client, {});
}

bool has_begun(const Outgoing& outgoing) {
  return outgoing.connecting.error == 0 || outgoing.connecting.error == EINPROGRESS;
}

std::string source_of(const Outgoing& outgoing) {
  return net::local_address(outgoing.connecting.fd.get())->ip_to_string();
}

const pool::PortCounters& counters(const pool::Backend& backend, std::size_t at = 0) {
  return *backend.way().sources.all()[at];
}

TEST(StartOutgoing, TakesTheSourcesInTurnAndHoldsAPortOfEach) {
  const test::Listening listening = test::listen_on_loopback();
  const auto backend = backend_at(listening.address, from({"127.0.0.2", "127.0.0.3"}));
  std::vector<Outgoing> held;
  std::map<std::string, int> sources;
  for (int i = 0; i < 6; ++i) {
    held.push_back(start(*backend));
    ASSERT_TRUE(has_begun(held.back())) << held.back().connecting.error;
    ++sources[source_of(held.back())];
  }
  EXPECT_EQ(sources, (std::map<std::string, int>{{"127.0.0.2", 3}, {"127.0.0.3", 3}}));
  for (const std::size_t at : {0, 1}) {
    EXPECT_EQ(counters(*backend, at).open(), 3u);
    EXPECT_EQ(counters(*backend, at).opened_total(), 3u);
  }
  held.clear();
  EXPECT_EQ(counters(*backend, 0).open() + counters(*backend, 1).open(), 0u);
}

TEST(StartOutgoing, CountsTheKernelsChoiceAsOneSourceWithoutAnAddress) {
  const test::Listening listening = test::listen_on_loopback();
  pool::BackendIdentity identity;
  identity.address = listening.address;
  pool::Backend backend(identity);
  const Outgoing outgoing = start(backend);
  ASSERT_TRUE(has_begun(outgoing));
  ASSERT_EQ(backend.way().sources.all().size(), 1u);
  EXPECT_FALSE(counters(backend).source().has_value());
  EXPECT_EQ(counters(backend).open(), 1u);
}

TEST(StartOutgoing, PassesOverASourceThatThisHostHasNotAndCountsIt) {
  const test::Listening listening = test::listen_on_loopback();
  const auto backend = backend_at(listening.address, from({"203.0.113.1", "127.0.0.3"}));
  for (int i = 0; i < 4; ++i) {
    const Outgoing outgoing = start(*backend);
    ASSERT_TRUE(has_begun(outgoing));
    EXPECT_EQ(source_of(outgoing), "127.0.0.3");
    EXPECT_EQ(outgoing.port.counters()->source()->ip_to_string(), "127.0.0.3");
  }
  EXPECT_EQ(counters(*backend, 0).missing_total(), 2u) << "it had its turn every other time";
  EXPECT_EQ(counters(*backend, 0).opened_total(), 0u);
  EXPECT_EQ(counters(*backend, 0).dry_total(), 0u);
}

TEST(StartOutgoing, HasNoAddressToOfferWhenThisHostHasNoneOfThem) {
  const test::Listening listening = test::listen_on_loopback();
  const auto backend = backend_at(listening.address, from({"203.0.113.1", "203.0.113.2"}));
  const Outgoing outgoing = start(*backend);
  EXPECT_EQ(outgoing.connecting.error, EADDRNOTAVAIL);
  EXPECT_FALSE(outgoing.port);
}

TEST(StartOutgoing, HoldsNoPortOfAConnectThatDidNotBegin) {
  pool::Origin origin;
  origin.interface = "no-such-one";
  const auto backend = backend_at(test::loopback(1), origin);
  const Outgoing outgoing = start(*backend);
  EXPECT_EQ(outgoing.connecting.error, ENODEV);
  EXPECT_EQ(outgoing.connecting.step, net::ConnectStep::kInterface);
  EXPECT_FALSE(outgoing.port);
  EXPECT_EQ(counters(*backend).opened_total(), 0u);
}

TEST(StartOutgoing, GoesToTheNextSourceWhenOneHasNoPortsLeft) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::NetworkNamespace here;
  const test::NetworkNamespace::Inside inside(here);
  // A port of the range that the listener had would serve no connection.
  here.set("net.ipv4.ip_local_port_range", "41000 41009");
  const test::Listening listening = test::listen_on_loopback(256);
  here.set("net.ipv4.ip_local_port_range", "40000 40009");
  const auto backend = backend_at(listening.address, from({"127.0.0.2", "127.0.0.3", "127.0.0.4"}));
  std::vector<Outgoing> held;
  for (int i = 0; i < 10; ++i) {
    held.push_back({net::start_connect(listening.address, {}, {address_of("127.0.0.3:0"), false, ""}), {}});
    ASSERT_TRUE(has_begun(held.back()));
  }
  for (int i = 0; i < 20; ++i) {
    held.push_back(start(*backend));
    ASSERT_TRUE(has_begun(held.back())) << i;
    EXPECT_NE(source_of(held.back()), "127.0.0.3");
  }
  EXPECT_GE(counters(*backend, 1).dry_total(), 1u);
  EXPECT_EQ(counters(*backend, 0).open(), 10u);
  EXPECT_EQ(counters(*backend, 2).open(), 10u);

  const Outgoing none = start(*backend);
  EXPECT_TRUE(none.connecting.out_of_ports());
  EXPECT_FALSE(none.port);
  for (const std::size_t at : {0, 1, 2}) EXPECT_GE(counters(*backend, at).dry_total(), 1u) << at;

  net::abort_connection(held.back().connecting.fd);
  held.back().port.give_back();
  EXPECT_TRUE(has_begun(start(*backend))) << "a port was given back";
}

// There are ports, so whoever asked would have one.
TEST(StartOutgoing, AsksNoSourceThatIsInItsPauseAndCountsTheAttempt) {
  const test::Listening listening = test::listen_on_loopback();
  const auto backend = backend_at(listening.address, from({"127.0.0.2", "127.0.0.3"}));
  for (const auto& one : backend->way().sources.all())
    one->found_dry(base::coarse_now() + base::Millis(60'000));
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const Outgoing outgoing = start(*backend);
    EXPECT_TRUE(outgoing.connecting.out_of_ports());
    EXPECT_FALSE(outgoing.connecting.fd);
    EXPECT_FALSE(outgoing.port);
    for (const std::size_t at : {0, 1}) EXPECT_EQ(counters(*backend, at).dry_total(), 1 + i);
  }
  EXPECT_FALSE(test::wait_for(listening.fd.get(), POLLIN, base::Millis(0)));
}

TEST(StartOutgoing, CountsNothingForASourceInItsPauseWhileAnotherOneServes) {
  const test::Listening listening = test::listen_on_loopback();
  const auto backend = backend_at(listening.address, from({"127.0.0.2", "127.0.0.3"}));
  backend->way().sources.all()[0]->found_dry(base::coarse_now() + base::Millis(60'000));
  for (int i = 0; i < 4; ++i) {
    const Outgoing outgoing = start(*backend);
    ASSERT_TRUE(has_begun(outgoing));
    EXPECT_EQ(source_of(outgoing), "127.0.0.3");
  }
  EXPECT_EQ(counters(*backend, 0).dry_total(), 1u);
}

TEST(StartOutgoing, ReachesABackendThatIsWrittenAsAMappedAddressFromAnIpv4Source) {
  const test::Listening listening = test::listen_on_loopback();
  const Address mapped = address_of("[::ffff:127.0.0.1]:" + std::to_string(listening.address.port()));
  const auto backend = backend_at(mapped, from({"127.0.0.2"}));
  const Outgoing outgoing = start(*backend);
  ASSERT_TRUE(has_begun(outgoing)) << outgoing.connecting.error;
  EXPECT_EQ(source_of(outgoing), "127.0.0.2");
}

TEST(StartOutgoing, LeavesUnixSocketsAlone) {
  const test::TempFolder folder;
  const Address path = Address::unix_path(folder.file("s"));
  const auto fd = net::listen_on(path, {{}, 16, true, false, 0660, {}, 0});
  ASSERT_TRUE(fd.has_value());
  pool::Origin origin = from({"127.0.0.2"});
  origin.interface = "no-such-one";
  const auto backend = backend_at(path, origin);
  const Outgoing outgoing = start(*backend);
  EXPECT_EQ(outgoing.connecting.error, 0);
  EXPECT_FALSE(outgoing.port);
}

class Transparent : public testing::Test {
 protected:
  Transparent() { origin.transparent = true; }
  pool::Origin origin;
};

TEST_F(Transparent, ComesFromTheClientsAddressWithAPortOfItsOwn) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::Listening listening = test::listen_on_loopback();
  const auto backend = backend_at(listening.address, origin);
  // The address is this host's, so that the answer finds it; that it need not be is for a test with routes.
  for (const char* client : {"127.0.0.9:4711", "[::ffff:127.0.0.9]:4711"}) {
    const Outgoing outgoing = start(*backend, address_of(client));
    ASSERT_TRUE(has_begun(outgoing)) << outgoing.connecting.error;
    EXPECT_EQ(source_of(outgoing), "127.0.0.9");
    EXPECT_NE(net::local_address(outgoing.connecting.fd.get())->port(), 4711);
    EXPECT_EQ(counters(*backend).open(), 1u);
  }
}

TEST_F(Transparent, CannotReachABackendOfAnotherFamily) {
  const auto backend = backend_at(address_of("[::1]:1"), origin);
  EXPECT_FALSE(is_within_reach(*backend, address_of("127.0.0.1:1")));
  EXPECT_TRUE(is_within_reach(*backend, address_of("[::2]:1")));
  EXPECT_TRUE(is_within_reach(*backend, Address::unix_path("")));
  EXPECT_TRUE(
      is_within_reach(*backend_at(address_of("[::ffff:127.0.0.1]:1"), origin), address_of("127.0.0.1:1")));
  EXPECT_TRUE(is_within_reach(*backend_at(address_of("[::1]:1"), {}), address_of("127.0.0.1:1")));
  const Outgoing outgoing = start(*backend);
  EXPECT_EQ(outgoing.connecting.error, EAFNOSUPPORT);
  EXPECT_EQ(outgoing.connecting.step, net::ConnectStep::kSource);
  EXPECT_FALSE(outgoing.port);
}

// Which a proxy may claim of its client.
TEST_F(Transparent, CannotComeFromAnAddressThatIsNoOtherHosts) {
  const auto backend = backend_at(address_of("192.0.2.1:80"), origin);
  for (const char* client :
       {"0.0.0.0:1", "0.1.2.3:1", "224.0.0.1:1", "255.255.255.255:1", "127.0.0.1:1", "192.0.2.1:1"})
    EXPECT_FALSE(is_within_reach(*backend, address_of(client))) << client;
  EXPECT_TRUE(is_within_reach(*backend, address_of("192.0.2.2:1")));
  const auto of_ipv6 = backend_at(address_of("[2001:db8::1]:80"), origin);
  for (const char* client : {"[::]:1", "[ff02::1]:1", "[::1]:1", "[2001:db8::1]:1"})
    EXPECT_FALSE(is_within_reach(*of_ipv6, address_of(client))) << client;
  EXPECT_TRUE(is_within_reach(*of_ipv6, address_of("[2001:db8::2]:1")));
}

TEST_F(Transparent, LeavesTheChoiceToTheKernelForAClientWithoutAnAddress) {
  const test::Listening listening = test::listen_on_loopback();
  const auto backend = backend_at(listening.address, origin);
  const Outgoing outgoing = start(*backend, Address::unix_path(""));
  ASSERT_TRUE(has_begun(outgoing));
  EXPECT_EQ(source_of(outgoing), "127.0.0.1");
}

}  // namespace
}  // namespace weir::session
