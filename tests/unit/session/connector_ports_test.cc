// The connector where source ports are few: in a network of its own that has but one.
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "session/warm_sockets.h"
#include "unit/session/connecting.h"

namespace weir::session {
namespace {

// What the child processes of these tests say when a network of their own is not to be had.
constexpr int kNotAllowed = 77;

// A network of this process's own with one ephemeral port. False: not allowed.
bool enter_network_of_one_port() {
  if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  const base::UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq interface {};
  std::snprintf(interface.ifr_name, sizeof(interface.ifr_name), "lo");
  interface.ifr_flags = IFF_UP;
  if (::ioctl(any.get(), SIOCSIFFLAGS, &interface) != 0) return false;
  return static_cast<bool>(std::ofstream("/proc/sys/net/ipv4/ip_local_port_range")
                           << "40000 40000" << std::flush);
}

// The test is `body`, which gives an exit status: it runs in a child process, since its network is its own.
void expect_success_in_a_child(int (*body)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNotAllowed)
    GTEST_SKIP() << "NOT CHECKED: making a network namespace is not allowed here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// A connect to a dead backend whose port is the only source port meets itself.
int meet_itself() {
  if (!enter_network_of_one_port()) return kNotAllowed;
  pool::BackendIdentity identity;
  identity.name = "dead";
  identity.address = test::loopback(40000);
  // Without the look for it the connect stands: the trap is there.
  {
    ConnectorFixture f;
    f.start(pool_of({std::make_shared<pool::Backend>(identity)}, 0));
    if (!f.finish() || f.connected != 1 || !net::connected_to_itself(f.peer.fd.get())) return 1;
    net::abort_connection(f.peer.fd);
  }
  identity.may_self_connect = true;
  ConnectorFixture f;
  f.start(pool_of({std::make_shared<pool::Backend>(identity)}, 0));
  if (!f.finish() || f.connected != 0 || f.failed != 1) return 2;
  if (f.reason != CloseReason::kConnectRefused || f.connector.last_error() != ECONNREFUSED) return 3;
  return f.connector.backend()->counters().sessions.value() == 0 ? 0 : 4;
}

TEST(Connector, CountsAConnectThatMeetsItselfAsRefused) { expect_success_in_a_child(meet_itself); }

// The same trap for a connection that is made before anybody needs it.
int meet_itself_while_warming() {
  if (!enter_network_of_one_port()) return kNotAllowed;
  pool::BackendIdentity identity;
  identity.name = "dead";
  identity.address = test::loopback(40000);
  const auto loop = test::make_loop();
  test::Driver driver{*loop};
  const auto trapped = std::make_shared<pool::Backend>(identity);
  {
    WarmSockets sockets(*loop, trapped, base::Millis(250));
    sockets.keep(1);
    sockets.refill(base::coarse_now());
    if (!driver.until([&] { return sockets.ready() == 1; })) return 1;
  }
  identity.may_self_connect = true;
  const auto dead = std::make_shared<pool::Backend>(identity);
  WarmSockets sockets(*loop, dead, base::Millis(250));
  sockets.keep(1);
  sockets.refill(base::coarse_now());
  if (!driver.until([&] { return sockets.size() == 0; })) return 2;
  return dead->counters().warm_failed.value() == 1 && dead->counters().warm.value() == 0 ? 0 : 3;
}

TEST(Connector, IsNotGivenAWarmConnectionThatMetItself) {
  expect_success_in_a_child(meet_itself_while_warming);
}

// The only source port is in use towards one backend, and free towards the other.
int run_out_of_source_ports() {
  if (!enter_network_of_one_port()) return kNotAllowed;
  net::ListenOptions options;
  options.backlog = 64;
  const auto a_listens = net::listen_on(test::loopback(50'000), options);
  const auto b_listens = net::listen_on(test::loopback(50'001), options);
  if (!a_listens || !b_listens) return 1;
  const base::UniqueFd in_use = test::connect_to(test::loopback(50'000));
  if (net::start_connect(test::loopback(50'000), {}).error != EADDRNOTAVAIL) return 2;
  const auto a = backend("a", test::loopback(50'000));
  const auto b = backend("b", test::loopback(50'001));
  const auto pool = pool_of({a, b});
  for (int i = 0; i < 20; ++i) {
    ConnectorFixture f;
    f.start(pool);
    if (!f.finish() || f.connected != 1 || f.connector.backend() != b) return 3;
    if (f.connector.attempts() == 2 && f.connector.last_error() != EADDRNOTAVAIL) return 4;
    net::abort_connection(f.peer.fd);
  }
  if (a->counters().attempts.value() < 6) return 5;
  if (a->is_suspect() || pool->view().backends[0].state != pool::BackendState::kUp) return 6;
  ConnectorFixture f;
  f.start(pool_of({a}));
  return f.failed == 1 && f.reason == CloseReason::kNoSourcePort ? 0 : 7;
}

TEST(Connector, DoesNotBlameABackendForALackOfSourcePorts) {
  expect_success_in_a_child(run_out_of_source_ports);
}

}  // namespace
}  // namespace weir::session
