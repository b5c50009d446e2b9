// At the limit of descriptors Weir pauses or refuses, counts it, uses no processor time for it, and goes on
// as soon as there is room.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "support/backend.h"
#include "support/process_facts.h"
#include "support/test_user.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr rlim_t kDescriptors = 256;
constexpr std::size_t kTooMany = 20;

ChildOptions few_descriptors() {
  ChildOptions options = weir_options();
  options.descriptors = kDescriptors;
  return options;
}

Configuration configuration_for(const Backend& backend, const std::string& when_full) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.process = "when_full = \"" + when_full + "\"\n";
  return configuration;
}

// Processor time that Weir uses while nobody does anything. A spinning thread would use all of the window.
constexpr Millis kWindow{500};
void expect_rest(const WeirProcess& weir) {
  const Millis before = cpu_time(weir.pid());
  observe_for(kWindow);
  const Millis used = cpu_time(weir.pid()) - before;
  EXPECT_LT(used, kWindow / 5) << "it spins";
}

// Opens clients until Weir is full, each served.
std::vector<Socket> fill(const WeirProcess& weir, std::size_t most) {
  std::vector<Socket> clients;
  for (std::size_t i = 0; i < most; ++i) {
    clients.push_back(weir.connect());
    clients.back().send_all("x");
    EXPECT_EQ(clients.back().receive_exactly(1), "x");
  }
  return clients;
}

TEST(DescriptorLimit, PausesAtTheLimitRestsAndServesWhoWaitedOnceThereIsRoom) {
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, "wait"), few_descriptors());
  const std::size_t most = weir.ready().number("max_connections");
  ASSERT_GT(most, 80u);
  ASSERT_LT(most, kDescriptors / 2);

  std::vector<Socket> clients = fill(weir, most);
  std::vector<Socket> waiting;
  for (std::size_t i = 0; i < kTooMany; ++i) {
    waiting.push_back(weir.connect());  // the kernel's queue takes it
    waiting.back().send_all("x");
  }
  const Labels full{{"reason", "process_connections"}};
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_accept_pauses_total", full) >= 1; }));
  expect_rest(weir);
  EXPECT_EQ(weir.admin().sum("weir_sessions_open"), most);
  EXPECT_EQ(weir.admin().sum("weir_accept_pauses_total", {{"reason", "no_descriptors"}}), 0u)
      << "the sum of descriptors does not hold";
  for (const Socket& client : waiting) EXPECT_FALSE(client.readable_now()) << "served above the limit";

  // One by one: each that leaves lets one in.
  for (std::size_t i = 0; i < kTooMany; ++i) clients[i].close();
  for (Socket& client : waiting) EXPECT_EQ(client.receive_exactly(1), "x");
  EXPECT_EQ(weir.admin().sum("weir_process_connections"), most);

  clients.clear();
  waiting.clear();
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
  expect_rest(weir);
  EXPECT_EQ(weir.stop(), kClean);
  const auto paused = weir.events("paused");
  ASSERT_FALSE(paused.empty());
  EXPECT_EQ(paused[0].text("reason"), "process_connections");
  EXPECT_EQ(paused[0].text("listener"), "web");
}

// Each worker keeps descriptors of its own: the sum has to know all of them.
TEST(DescriptorLimit, HoldsWhatItPromisesWithManyWorkersToo) {
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, "wait");
  configuration.workers = 16;
  const WeirProcess weir(configuration, few_descriptors());
  const std::size_t most = weir.ready().number("max_connections");
  ASSERT_GT(most, 40u);
  // More than the bare process has open: those that are kept for the door's clients and for moments.
  EXPECT_LE(descriptor_count(weir.pid()) + 2 * most, kDescriptors);
  const std::vector<Socket> clients = fill(weir, most);
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_sessions_open"), most);
  EXPECT_EQ(metrics.sum("weir_sessions_closed_total"), 0u);
  EXPECT_EQ(metrics.sum("weir_accept_pauses_total", {{"reason", "no_descriptors"}}), 0u);
}

TEST(DescriptorLimit, RefusesWithAResetAndCountsEveryoneWhenToldTo) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend, "refuse"), few_descriptors());
  const std::size_t most = weir.ready().number("max_connections");
  std::vector<Socket> clients = fill(weir, most);
  for (std::size_t i = 0; i < kTooMany; ++i) {
    Socket refused = weir.connect();
    EXPECT_EQ(refused.receive_until_end().ended, Ended::kReset);
  }
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_connections_refused_total", {{"reason", "process_connections"}}), kTooMany);
  EXPECT_EQ(metrics.sum("weir_sessions_open"), most);
  expect_rest(weir);

  clients.pop_back();
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == most - 1; }));
  clients.push_back(weir.connect());
  clients.back().send_all("y");
  EXPECT_EQ(clients.back().receive_exactly(1), "y");
}

// Even root may need a right of its own to limit another user's process: that user does it.
void set_limit(pid_t pid, rlim_t soft) {
  const rlimit limit{soft, kDescriptors};
  const passwd* user = test_user();
  const pid_t child = ::fork();
  if (child == 0) {
    const bool became =
        user == nullptr || (::syscall(SYS_setresgid, user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
                            ::syscall(SYS_setresuid, user->pw_uid, user->pw_uid, user->pw_uid) == 0);
    ::_exit(became && ::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr) == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0) << "the limit cannot be set";
}

TEST(DescriptorShortage, AnAcceptWithoutDescriptorsRestsAndGoesOnWhenTheyAreBack) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend, "wait"), few_descriptors());
  std::vector<Socket> clients = fill(weir, 10);
  EXPECT_EQ(weir.admin().get("/ready").status, 200);
  // Numbers from the limit on cannot be given any more, and those below are all in use.
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 10; }));
  set_limit(weir.pid(), 3);

  std::vector<Socket> waiting;
  for (int i = 0; i < 10; ++i) {
    waiting.push_back(weir.connect());
    waiting.back().send_all("x");
  }
  expect_rest(weir);
  for (const Socket& client : waiting) EXPECT_FALSE(client.readable_now());
  clients[0].send_all("y");
  EXPECT_EQ(clients[0].receive_exactly(1), "y") << "open sessions suffer";

  set_limit(weir.pid(), kDescriptors);
  for (Socket& client : waiting) EXPECT_EQ(client.receive_exactly(1), "x");
  EXPECT_GE(weir.admin().sum("weir_accept_pauses_total", {{"reason", "no_descriptors"}}), 1u);
}

TEST(DescriptorShortage, WithoutADescriptorForTheBackendTheClientSeesAReset) {
  if (kSanitized) {
    GTEST_SKIP() << "the sanitizer's check of virtual calls opens a pipe, and reports a fault when it cannot";
  }
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, "wait");
  configuration.workers = 1;
  const WeirProcess weir(configuration, few_descriptors());
  std::vector<Socket> clients = fill(weir, 10);
  // Leave one number free: enough to accept, too few to connect.
  set_limit(weir.pid(), descriptor_limit_leaving(weir.pid(), 1));

  Socket client = weir.connect();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  const LogLine session = weir.wait_for_session_of(client.local());
  EXPECT_EQ(session.text("reason"), "no_descriptors");
  EXPECT_EQ(session.text("connect_error"), "EMFILE");
  EXPECT_EQ(session.number("attempts"), 1u) << "another backend would need a descriptor too";
  set_limit(weir.pid(), kDescriptors);
}

TEST(DescriptorShortage, DoesNotMakeTheAdminDoorSpin) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend, "wait"), few_descriptors());
  EXPECT_EQ(weir.admin().get("/ready").status, 200);
  set_limit(weir.pid(), 3);
  Socket operator_ = Socket::connect(weir.admin().address());
  operator_.send_all("GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  expect_rest(weir);
  set_limit(weir.pid(), kDescriptors);
  EXPECT_TRUE(operator_.receive_until_end().bytes.starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace weir::test
