// The kernel spreads connections over workers by a hash of their addresses. When that sends too many to one
// worker, it hands fresh ones to the others.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support/backend.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr unsigned kWorkers = 4;

std::vector<std::uint64_t> by_worker(const Metrics& metrics, const std::string& name) {
  std::vector<std::uint64_t> counts;
  for (unsigned i = 0; i < kWorkers; ++i)
    counts.push_back(metrics.sum(name, {{"worker", std::to_string(i)}}));
  return counts;
}

// Source addresses whose connections reach one worker, which is found by looking who served each. They are
// reset, so that their ports can be used again at once.
std::vector<base::Address> sources_of_worker_0(const WeirProcess& weir, std::size_t wanted) {
  std::vector<base::Address> sources;
  std::set<std::uint16_t> ports;
  std::uint64_t total = 0;
  std::uint64_t first = 0;
  Socket::Options any_port;
  any_port.source = address_of("127.0.0.1:0");
  while (sources.size() < wanted) {
    Socket client = weir.connect(any_port);
    client.send_all("?");
    client.receive_exactly(1);
    const base::Address source = client.local();
    client.reset();
    const Metrics metrics = weir.admin().metrics();
    const auto served = by_worker(metrics, "weir_worker_sessions_total");
    if (served[0] > first && ports.insert(source.port()).second) sources.push_back(source);
    first = served[0];
    EXPECT_EQ(metrics.sum("weir_worker_sessions_total"), ++total);
    if (total > 100 * wanted) throw std::runtime_error("worker 0 never gets a connection");
  }
  return sources;
}

TEST(Skew, ConnectionsThatAllReachOneWorkerAreHandedToTheOthers) {
  constexpr std::size_t kClients = 64;
  Backend backend(names_itself("!"));
  Configuration configuration;
  configuration.workers = kWorkers;
  configuration.backends = {entry(backend.address())};
  configuration.log = "sessions = \"none\"\n";
  const WeirProcess weir(configuration);

  const auto sources = sources_of_worker_0(weir, kClients);
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_open") == 0; }));
  EXPECT_EQ(weir.admin().sum("weir_connections_handed_over_total"), 0u)
      << "one connection at a time is served where it was accepted";

  std::vector<Socket> clients;
  for (const base::Address& source : sources) {
    Socket::Options options;
    options.source = source;
    Socket client;
    if (Socket::try_connect(weir.address(), client, options) != 0) continue;  // somebody took the port
    client.send_all("?");
    EXPECT_EQ(client.receive_exactly(1), "!");
    clients.push_back(std::move(client));
  }
  ASSERT_GE(clients.size(), kClients * 9 / 10);

  const Metrics metrics = weir.admin().metrics();
  const auto open = by_worker(metrics, "weir_worker_sessions_open");
  const auto [least, most] = std::minmax_element(open.begin(), open.end());
  EXPECT_GT(metrics.sum("weir_connections_handed_over_total"), clients.size() / 2);
  EXPECT_GT(*least, 0u);
  EXPECT_LE(*most - *least, 9u) << "the bound is 8";
  EXPECT_EQ(metrics.sum("weir_sessions_open"), clients.size());

  // Those that were handed over end like all others.
  clients.clear();
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
  EXPECT_EQ(weir.admin().sum("weir_sessions_open"), 0u);
}

TEST(Skew, AUnixSocketsClientsAreServedByEveryWorker) {
  const TemporaryDirectory directory;
  Backend backend(names_itself("!"));
  Configuration configuration;
  configuration.workers = kWorkers;
  configuration.bind = "unix:" + directory.file("weir.sock");
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  std::vector<Socket> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(weir.connect());
    clients.back().send_all("?");
    EXPECT_EQ(clients.back().receive_exactly(1), "!");
  }
  for (const std::uint64_t open : by_worker(weir.admin().metrics(), "weir_worker_sessions_open")) {
    EXPECT_GT(open, 0u);
  }
}

}  // namespace
}  // namespace weir::test
