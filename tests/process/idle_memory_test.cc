// Thousands of idle connections cost little memory: an idle session holds no buffer.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "support/parallel.h"
#include "support/peer_process.h"
#include "support/process_facts.h"
#include "support/test_user.h"
#include "support/tls_socket.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr std::size_t kConnections = 9'000;
constexpr rlim_t kDescriptors = 20'000;
constexpr double kMostBytesEach = 768;

// Nobody is woken for connections that stand: only the control loop looks at the kernel's counters and at the
// local ports, each once a second.
void expect_rest(pid_t weir) {
  constexpr Millis kRest{2'000};
  observe_for(Millis(2'500));  // a session that is a second old sets what protects it while it stands
  const auto before = times_slept(weir);
  const Millis used = cpu_time(weir);
  observe_for(kRest);
  const Millis used_since = cpu_time(weir) - used;
  std::vector<std::uint64_t> wakes;
  for (const auto& [thread, times] : times_slept(weir)) wakes.push_back(times - before.at(thread));
  EXPECT_LE(std::ranges::count_if(wakes, [](std::uint64_t times) { return times > 0; }), 1)
      << testing::PrintToString(wakes);
  EXPECT_LE(std::ranges::max(wakes), 3u * kRest / Millis(1'000));
  EXPECT_LE(used_since, kRest / 50);
}

TEST(IdleMemory, NineThousandUsedAndIdleConnectionsCostAtMostThreeQuartersOfAKilobyteEach) {
  if (kSanitized) GTEST_SKIP() << "memory means nothing under a sanitizer";
  if (const auto why = why_too_few_descriptors(kDescriptors)) GTEST_SKIP() << "NOT CHECKED: " << *why;

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

  expect_rest(weir.pid());
  // All of them still work.
  in_parallel(4, kConnections, [&](std::size_t i) {
    clients[i].send_all("x");
    EXPECT_EQ(clients[i].receive_exactly(1), "x");
  });
  clients.clear();
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
}

// Most of it is what OpenSSL keeps of a connection; its buffers of 17 KiB each way are not among it.
TEST(IdleMemory, AThousandIdleTlsConnectionsCostAtMostTwentyKilobytesEach) {
  if (kSanitized) GTEST_SKIP() << "memory means nothing under a sanitizer";
  constexpr std::size_t kTlsConnections = 1'000;
  constexpr double kMostBytesOfTls = 20 * 1024;
  TemporaryDirectory directory;
  const TestCertificate certificate = TestCertificate::self_signed(server_spec({"a.example"}));
  const CertificatePaths paths = write_certificate(directory.path(), "own", certificate);
  give_to_test_user(paths.key);
  PeerProcess backend("many", ChildOptions());
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.log = "sessions = \"none\"\n";
  configuration.rest = "[listeners.web.tls]\nmode = \"terminate\"\ncertificates = [{ chain = \"" +
                       paths.chain + "\", key = \"" + paths.key + "\" }]\n";
  const WeirProcess weir(configuration);
  const std::string message(512, 'm');
  std::vector<TlsSocket> clients(kTlsConnections);
  const auto ask = [&](std::size_t i) {
    clients[i].send_all(message);
    EXPECT_EQ(clients[i].receive_exactly(message.size()), message);
  };
  // What the library takes once is not a connection's.
  clients[0] = TlsSocket::connect(weir.connect());
  ask(0);
  const std::uint64_t before = resident_bytes(weir.pid());
  in_parallel(2, kTlsConnections - 1, [&](std::size_t i) {
    clients[i + 1] = TlsSocket::connect(weir.connect());
    ask(i + 1);
  });
  ASSERT_EQ(weir.admin().sum("weir_sessions_open"), kTlsConnections);
  const double each = static_cast<double>(resident_bytes(weir.pid()) - before) / (kTlsConnections - 1);
  std::printf("%zu idle TLS connections: %.0f bytes of the process's memory each\n", kTlsConnections, each);
  RecordProperty("bytes_per_connection", std::to_string(static_cast<std::uint64_t>(each)));
  EXPECT_LE(each, kMostBytesOfTls);
  in_parallel(2, kTlsConnections, ask);
}

}  // namespace
}  // namespace weir::test
