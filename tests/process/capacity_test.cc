// What Weir is for: several servers that can each hold only so many connections hold their sum behind it.
#include <gtest/gtest.h>

#include "support/parallel.h"
#include "support/peer_process.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

// A server with one thread a connection and 256 descriptors, about 250 of them for connections.
PeerProcess limited_server() {
  ChildOptions options;
  options.descriptors = 256;
  return PeerProcess("limited", options);
}

// Every client sends at the same time, and every one must be answered.
std::size_t exchange(std::vector<Socket>& clients) {
  std::atomic<std::size_t> answered{0};
  for (Socket& client : clients) client.send_all("hello");
  in_parallel(4, clients.size(), [&](std::size_t i) {
    if (clients[i].receive(5).bytes == "hello") ++answered;
  });
  return answered;
}

TEST(Capacity, ThreeLimitedServersHoldTheirSumBehindWeirWhereOneAloneIsFull) {
  PeerProcess servers[] = {limited_server(), limited_server(), limited_server()};

  // One alone: connections come in until it says that it is full.
  std::size_t capacity = 0;
  {
    std::vector<Socket> clients;
    for (int i = 0; i < 300; ++i) {
      clients.push_back(Socket::connect(servers[0].address()));
      clients.back().send_all("x");
    }
    capacity = servers[0].wait_for("full");
    ASSERT_GT(capacity, 240u);
    ASSERT_LT(capacity, 260u);
    for (std::size_t i = 0; i < capacity; ++i) EXPECT_EQ(clients[i].receive_exactly(1), "x");
    for (std::size_t i = capacity; i < clients.size(); ++i) {
      EXPECT_FALSE(clients[i].readable_now()) << "number " << i << " was served by a server that is full";
    }
  }
  // It has room again when the threads of those connections have gone.
  ASSERT_TRUE(eventually([&] {
    Socket client = Socket::connect(servers[0].address());
    client.send_all("x");
    return client.receive(1, Millis(500)).bytes == "x";
  }));

  Configuration configuration;
  configuration.workers = 2;
  for (const PeerProcess& server : servers) configuration.backends.push_back(entry(server.address()));
  const WeirProcess weir(configuration);
  const std::size_t sum = 3 * capacity;
  ASSERT_GT(sum, 720u);
  std::vector<Socket> clients;
  for (std::size_t i = 0; i < sum; ++i) clients.push_back(weir.connect());
  for (int round = 0; round < 3; ++round) EXPECT_EQ(exchange(clients), sum);

  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_sessions_open"), sum);
  for (const PeerProcess& server : servers) {
    EXPECT_EQ(metrics.sum("weir_backend_in_flight_sessions", {{"backend", server.address().to_string()}}),
              capacity);
  }
  EXPECT_EQ(metrics.sum("weir_backend_connect_failures_total"), 0u);
  std::printf("one server alone holds %zu connections, three behind Weir %zu\n", capacity, sum);
}

}  // namespace
}  // namespace weir::test
