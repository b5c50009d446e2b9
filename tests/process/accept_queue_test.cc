// Connections that wait in the kernel to be accepted: seen while they wait, and told when there is no room
// for more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "support/backend.h"
#include "support/namespaces.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

Configuration configuration_for(const Backend& backend, unsigned backlog) {
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.listener = "backlog = " + std::to_string(backlog) + "\n";
  return configuration;
}

TEST(AcceptQueue, ShowsWhoWaitsAndTheLimitOfEachWorker) {
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, 50);
  configuration.process = "max_connections = 1\nwhen_full = \"wait\"\n";
  configuration.workers = 2;
  const WeirProcess weir(configuration);
  std::vector<Socket> clients;
  clients.push_back(weir.connect());
  clients.back().send_all("x");
  EXPECT_EQ(clients.back().receive_exactly(1), "x");
  for (int i = 0; i < 5; ++i) clients.push_back(weir.connect());
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_accept_queue_depth", {{"listener", "web"}}), 5u);
  for (const std::string worker : {"0", "1"}) {
    EXPECT_EQ(
        metrics.sum("weir_accept_queue_limit", {{"worker", worker}, {"address", weir.address().to_string()}}),
        50u);
  }
  clients.clear();
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_accept_queue_depth") == 0; }));
}

base::UniqueFd begin_connect(const base::Address& address) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  const socklen_t length = address.to_sockaddr(storage);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length), -1);
  EXPECT_EQ(errno, EINPROGRESS);
  return fd;
}

std::size_t count(const WeirProcess& weir, const std::string& change) {
  const auto events = weir.events("accept_overflow");
  return static_cast<std::size_t>(std::count_if(
      events.begin(), events.end(), [&](const auto& line) { return line.text("change") == change; }));
}

// The counters are those of a namespace of the test's own.
TEST(AcceptQueue, AnOverflowIsToldWhenItBeginsAndWhenItEnds) {
  if (const auto why = why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  NetworkNamespace here;
  const NetworkNamespace::Inside inside(here);
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, 16));
  weir.child().freeze();
  std::vector<base::UniqueFd> clients;
  for (int i = 0; i < 1'000; ++i) {
    clients.push_back(begin_connect(weir.address()));
  }
  weir.child().go_on();
  ASSERT_TRUE(eventually([&] { return count(weir, "began") == 1; }));
  const LogLine began = weir.events("accept_overflow").front();
  EXPECT_EQ(began.level, "warning");
  EXPECT_EQ(began.text("listener"), "web");
  EXPECT_EQ(began.number("limit"), 16u);
  EXPECT_GE(began.number("per_second"), 100u);
  EXPECT_GE(weir.admin().sum("weir_kernel_listen_overflows_total"), 900u);
  EXPECT_GE(weir.admin().sum("weir_accept_queue_drops_total", {{"listener", "web"}}), 900u);
  clients.clear();
  ASSERT_TRUE(eventually([&] { return count(weir, "ended") == 1; }, 2 * kPatience));
  EXPECT_EQ(weir.admin().sum("weir_accept_overflow_active"), 0u);
  EXPECT_EQ(weir.events("accept_overflow").size(), 2u) << "once each";
  EXPECT_TRUE(weir.events("syn_flood").empty()) << "it was none";
}

TEST(AcceptQueue, AnOverflowOfAnotherProgramsIsNotBlamedOnAListener) {
  if (const auto why = why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  NetworkNamespace here;
  const NetworkNamespace::Inside inside(here);
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, 16));
  const Listener other(address_of("127.0.0.1:0"), 1);
  ASSERT_EQ(weir.admin().sum("weir_accept_overflow_active"), 0u);
  std::vector<base::UniqueFd> clients;
  for (int i = 0; i < 1'000; ++i) clients.push_back(begin_connect(other.address()));
  ASSERT_TRUE(eventually([&] { return count(weir, "began") == 1; }));
  const LogLine began = weir.events("accept_overflow").front();
  EXPECT_FALSE(began.has("listener"));
  EXPECT_THAT(began.text("msg"), testing::HasSubstr("another program's"));
  EXPECT_EQ(weir.admin().sum("weir_accept_queue_drops_total"), 0u);
}

}  // namespace
}  // namespace weir::test
