// A backend that vanishes is noticed by keep-alive, which the kernel is told of when a session is a second
// old.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "support/listener.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

// The timer that runs for the TCP connection with these local and remote ports, as proc_net_tcp.txt has it: 0
// none, 1 retransmission, 2 keep-alive. -1: there is no such connection.
int timer_of(std::uint16_t local, std::uint16_t remote) {
  std::ifstream file("/proc/net/tcp");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    unsigned local_port = 0, remote_port = 0, timer = 0;
    if (std::sscanf(line.c_str(), "%*d: %*8x:%4x %*8x:%4x %*2x %*8x:%*8x %2x", &local_port, &remote_port,
                    &timer) == 3 &&
        local_port == local && remote_port == remote)
      return static_cast<int>(timer);
  }
  return -1;
}

TEST(Liveness, OfABackendIsWatchedFromASecondOn) {
  Listener backend;
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  Socket accepted = backend.accept();
  client.send_all("ping");
  EXPECT_EQ(accepted.receive_exactly(4), "ping");
  const std::uint16_t remote = backend.address().port();
  const std::uint16_t local = accepted.peer().port();
  EXPECT_TRUE(eventually([&] { return timer_of(local, remote) == 2; }))
      << "timer " << timer_of(local, remote);
  accepted.send_all("pong");
  EXPECT_EQ(client.receive_exactly(4), "pong");
}

}  // namespace
}  // namespace weir::test
