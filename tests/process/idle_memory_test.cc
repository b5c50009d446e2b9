// Thousands of idle connections cost little memory: an idle session holds no buffer.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/parallel.h"
#include "support/peer_process.h"
#include "support/process_facts.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr std::size_t kConnections = 9'000;
constexpr rlim_t kDescriptors = 20'000;
constexpr double kMostBytesEach = 768;

TEST(IdleMemory, NineThousandUsedAndIdleConnectionsCostAtMostThreeQuartersOfAKilobyteEach) {
  if (kSanitized) GTEST_SKIP() << "memory means nothing under a sanitizer";
  rlimit own{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
  if (own.rlim_max < kDescriptors) {
    GTEST_SKIP() << "the hard limit of descriptors is " << own.rlim_max << "; this needs " << kDescriptors;
  }
  own.rlim_cur = own.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &own), 0);

  ChildOptions peer_options;
  peer_options.descriptors = kDescriptors;
  PeerProcess backend("many", peer_options);
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.log = "sessions = \"none\"\n";
  ChildOptions options = weir_options();
  options.descriptors = kDescriptors;
  const WeirProcess weir(configuration, options);
  ASSERT_GE(weir.ready().number("max_connections"), kConnections);

  const std::string message(512, 'm');
  const std::uint64_t before = resident_bytes(weir.pid());
  std::vector<Socket> clients(kConnections);
  in_parallel(4, kConnections, [&](std::size_t i) {
    clients[i] = weir.connect();
    clients[i].send_all(message);
    EXPECT_EQ(clients[i].receive_exactly(message.size()), message);
  });
  ASSERT_EQ(weir.admin().sum("weir_sessions_open"), kConnections);
  const std::uint64_t after = resident_bytes(weir.pid());
  const double each = static_cast<double>(after - before) / kConnections;
  std::printf(
      "%zu idle connections: %.0f bytes of the process's memory each (%.1f MiB before, %.1f MiB after)\n",
      kConnections, each, static_cast<double>(before) / (1 << 20), static_cast<double>(after) / (1 << 20));
  RecordProperty("bytes_per_connection", std::to_string(static_cast<std::uint64_t>(each)));
  EXPECT_LE(each, kMostBytesEach);

  // All of them still work, and at rest they cost no processor time.
  const Millis used = cpu_time(weir.pid());
  observe_for(Millis(500));
  EXPECT_LT(cpu_time(weir.pid()) - used, Millis(100));
  in_parallel(4, kConnections, [&](std::size_t i) {
    clients[i].send_all("x");
    EXPECT_EQ(clients[i].receive_exactly(1), "x");
  });
  clients.clear();
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
}

}  // namespace
}  // namespace weir::test
