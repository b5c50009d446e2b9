// Limits of each client for clients on other hosts: who counts as one, that each has its own, and that one
// who floods takes nothing from the others.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "support/backend.h"
#include "support/clients.h"
#include "support/parallel.h"
#include "support/two_hosts.h"

namespace weir::test {
namespace {

Configuration configuration_for(const Backend& backend, const std::string& limits) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.bind = std::string(kWeirHost) + ":0";
  configuration.also_bind = "[" + std::string(kWeirHostV6) + "]:0";
  configuration.rest = "[listeners.web.limits]\n" + limits;
  return configuration;
}

struct OneClient {
  std::string name;
  std::string limits;                  // what makes them one
  std::function<std::string(int)> in;  // the address number i of one client, i below 100
  std::string another;                 // of another client, which is close by
};
void PrintTo(const OneClient& client, std::ostream* out) { *out << client.name; }

// Many addresses that are one client, and one that is another.
class AddressesOfOneClient : public OnTwoHosts, public testing::WithParamInterface<OneClient> {
 protected:
  // As many of that client's addresses as the limit has room for; each of them once.
  static constexpr int kMany = 40;
};

INSTANTIATE_TEST_SUITE_P(
    ClientPrefix, AddressesOfOneClient,
    testing::Values(
        OneClient{"ipv6_as_it_is_by_default", "",
                  [](int i) { return "2001:2:0:8001:" + std::to_string(i) + "::1"; }, "2001:2:0:8002::1"},
        OneClient{"ipv6_64", "client_prefix_ipv6 = 64\n",
                  [](int i) { return "2001:2:0:8001::" + std::to_string(i); }, "2001:2:0:8000::1"},
        OneClient{"ipv6_56", "client_prefix_ipv6 = 56\n",
                  [](int i) { return "2001:2:0:80" + std::to_string(i + 100).substr(1) + "::1"; },
                  "2001:2:0:8100::1"},
        OneClient{"ipv4_24", "client_prefix_ipv4 = 24\n",
                  [](int i) { return "198.19.1." + std::to_string(i); }, "198.19.2.0"},
        OneClient{"ipv4_20", "client_prefix_ipv4 = 20\n",
                  [](int i) { return "198.19." + std::to_string(i % 16) + ".1"; }, "198.19.16.1"}),
    [](const auto& one) { return one.param.name; });

TEST_P(AddressesOfOneClient, ShareOneCountAndAnotherHasItsOwn) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(
      backend, GetParam().limits + "client_max_connections = " + std::to_string(kMany) + "\n"));
  std::vector<Socket> held;
  as_clients([&] {
    for (int i = 0; i < kMany; ++i) held.push_back(served_and_open(weir, GetParam().in(i)));
    EXPECT_EQ(how_refused(weir, GetParam().in(kMany)), Ended::kReset) << "an address more is a client more";
    EXPECT_EQ(how_refused(weir, GetParam().in(0)), Ended::kReset);
    for (int i = 0; i < kMany; ++i) held.push_back(served_and_open(weir, GetParam().another));
    EXPECT_EQ(how_refused(weir, GetParam().another), Ended::kReset);
  });
  EXPECT_EQ(refused(weir, "client_connections"), 3u);
  EXPECT_EQ(weir.admin().sum("weir_clients_remembered"), 2u);
  held.clear();
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
  EXPECT_TRUE(as_clients([&] { return is_served(weir, GetParam().in(kMany)); }));
}

TEST_P(AddressesOfOneClient, ShareOneRateAndAnotherHasItsOwn) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(
      backend, GetParam().limits + "client_connection_rate = \"1/h\"\nclient_connection_burst = " +
                   std::to_string(kMany) + "\n"));
  as_clients([&] {
    for (int i = 0; i < kMany; ++i) EXPECT_TRUE(is_served(weir, GetParam().in(i))) << i;
    EXPECT_EQ(how_refused(weir, GetParam().in(kMany)), Ended::kReset) << "an address more is a client more";
    EXPECT_EQ(how_refused(weir, GetParam().in(0)), Ended::kReset);
    for (int i = 0; i < kMany; ++i) EXPECT_TRUE(is_served(weir, GetParam().another)) << i;
    EXPECT_EQ(how_refused(weir, GetParam().another), Ended::kReset);
  });
  EXPECT_EQ(refused(weir, "client_rate"), 3u);
}

class ClientsOnOtherHosts : public OnTwoHosts {};

TEST_F(ClientsOnOtherHosts, AreEachOneOfTheirOwnWithTheWholeAddressAsPrefix) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend,
                                           "client_prefix_ipv4 = 32\nclient_prefix_ipv6 = 128\n"
                                           "client_max_connections = 2\nclient_connection_rate = \"1/h\"\n"
                                           "client_connection_burst = 3\n"));
  const std::vector<std::string> hosts = {"198.19.1.1", "198.19.1.2", "2001:2:0:8001::1", "2001:2:0:8001::2"};
  std::vector<Socket> held;
  as_clients([&] {
    for (const std::string& host : hosts) {
      for (int i = 0; i < 2; ++i) held.push_back(served_and_open(weir, host));
      EXPECT_EQ(how_refused(weir, host), Ended::kReset) << host;
    }
  });
  EXPECT_EQ(refused(weir, "client_connections"), 4u);
  held.clear();
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
  as_clients([&] {
    for (const std::string& host : hosts) {
      EXPECT_TRUE(is_served(weir, host)) << host;
      EXPECT_EQ(how_refused(weir, host), Ended::kReset) << host;
    }
  });
  EXPECT_EQ(refused(weir, "client_rate"), 4u);
}

TEST_F(ClientsOnOtherHosts, AreOneClientWhicheverSocketTheyComeThrough) {
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, "shared = \"all\"\n");
  configuration.also_bind.clear();
  configuration.rest +=
      "[listeners.both]\nbind = \"[::]:0\"\nv6only = false\npool = \"web\"\n[listeners.both.limits]\n"
      "shared = \"all\"\n[limits.all]\nclient_max_connections = 2\n";
  const WeirProcess weir(configuration);
  const base::Address plain = weir.address();
  const base::Address mapped = plain.with_port(weir.address("both").port());
  std::vector<Socket> held;
  as_clients([&] {
    for (const base::Address& target : {plain, mapped}) {
      held.push_back(Socket::connect(target, from("198.19.1.1")));
      held.back().send_all("x");
      EXPECT_EQ(held.back().receive_exactly(1), "x");
    }
    for (const base::Address& target : {plain, mapped}) {
      EXPECT_EQ(how_refused(target, "198.19.1.1"), Ended::kReset);
      EXPECT_TRUE(is_served(target, "198.19.1.2"));
    }
  });
  EXPECT_EQ(refused(weir, "client_connections"), 2u);
}

TEST_F(ClientsOnOtherHosts, SeeACleanEndOfStreamWhereThatIsWhatTheLimitsGive) {
  Backend backend(echo());
  const WeirProcess weir(
      configuration_for(backend, "client_max_connections = 1\nwhen_exceeded = \"close\"\n"));
  as_clients([&] {
    for (const std::string host : {"198.19.1.1", "2001:2:0:8001::1"}) {
      const Socket held = served_and_open(weir, host);
      EXPECT_EQ(how_refused(weir, host), Ended::kEndOfStream) << host;
    }
  });
  EXPECT_EQ(refused(weir, "client_connections"), 2u);
}

// It offers fifty times what it may. Were it not for the limits of each client, it would use up what the
// listener admits of all of them.
TEST_F(ClientsOnOtherHosts, LoseNothingToOneWhoFloods) {
  constexpr unsigned kRate = 20;
  constexpr std::size_t kOffered = 3'000;
  constexpr std::size_t kThreads = 4;
  constexpr Millis kBetween{4};  // on each thread: 1000 a second from all of them
  Backend backend(echo());
  Configuration configuration = configuration_for(backend,
                                                  "connection_rate = \"200/s\"\nconnection_burst = 200\n"
                                                  "client_connection_rate = \"20/s\"\n");
  configuration.log = "sessions = \"none\"\n";
  const WeirProcess weir(configuration);

  std::atomic<bool> over{false};
  std::atomic<std::size_t> honest{0};
  const auto began = Clock::now();
  as_clients([&] {
    std::vector<Background> visitors;
    for (const std::string host :
         {"198.19.2.1", "198.19.2.2", "198.19.3.1", "2001:2:0:8001::1", "2001:2:0:8002::1"}) {
      visitors.emplace_back([&, host] {
        for (; !over; ++honest) {
          EXPECT_TRUE(is_served(weir, host)) << host << ", " << honest;
          observe_for(Millis(100));  // half of what it may, and a fifth of the listener's with all the others
        }
      });
    }
    in_parallel(kThreads, kOffered, [&](std::size_t i) {
      const Clock::time_point turn = began + kBetween * static_cast<int>(i / kThreads);
      observe_for(std::max(std::chrono::ceil<Millis>(turn - Clock::now()), Millis(0)));
      Socket flooder;
      // All of a kind: a reset, a connection that stands, even one that is refused at once.
      static_cast<void>(Socket::try_connect(weir.address(), flooder, from("198.19.1.1")));
    });
    over = true;
  });

  const auto admitted = [&] { return weir.admin().sum("weir_connections_accepted_total"); };
  EXPECT_TRUE(eventually([&] { return refused(weir, "client_rate") + admitted() == kOffered + honest; }));
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  const std::uint64_t of_flooder = admitted() - honest;
  std::printf("%zu honest ones served, %zu of %zu of the flooder's, in %.2f s\n", honest.load(),
              static_cast<std::size_t>(of_flooder), kOffered, seconds);
  EXPECT_LE(of_flooder, kRate + static_cast<std::uint64_t>(std::ceil(kRate * seconds)));
  EXPECT_GE(of_flooder, kRate) << "it had a burst of a second's worth";
  EXPECT_GT(honest, 50u);
  EXPECT_EQ(refused(weir, "rate"), 0u);
}

}  // namespace
}  // namespace weir::test
