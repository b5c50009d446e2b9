#include "server/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "net/privileges.h"
#include "server/host.h"
#include "support/other_user.h"
#include "unit/net/as_nobody.h"
#include "unit/support.h"

namespace weir::server {
namespace {

using testing::HasSubstr;

config::Config config_of(const base::Address& bind) {
  config::Config config;
  config::ListenerConfig listener;
  listener.name = "web";
  listener.bind.push_back({bind, {"weir.toml", 3, 8}});
  config.listeners.push_back(std::move(listener));
  return config;
}

// With a kernel that has the settings given, and is not known otherwise.
config::Problems check(const config::Config& config, const net::KernelSettings& settings = {}) {
  config::Problems problems;
  check_host(config, problems, nullptr, settings);
  return problems;
}

TEST(CheckHost, FindsNothingWrongWithAnUnprivilegedPort) {
  EXPECT_TRUE(check(config_of(test::loopback(50'000))).empty());
}

TEST(CheckHost, SaysThatAUserDoesNotExist) {
  config::Config config = config_of(test::loopback(50'000));
  config.process.user = {"no-such-user-here", {"weir.toml", 2, 8}};
  const auto problems = check(config);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kError);
  EXPECT_EQ(problems[0].place.line, 2u);
  EXPECT_THAT(problems[0].text, HasSubstr("user \"no-such-user-here\" does not exist"));
}

TEST(CheckHost, WarnsOfABacklogThatTheKernelCutsAndSaysHowToAllowIt) {
  config::Config config = config_of(test::loopback(50'000));
  net::KernelSettings settings;
  settings.somaxconn = 4096;
  config.listeners[0].backlog = {4096u, {"weir.toml", 7, 11}};
  EXPECT_TRUE(check(config, settings).empty());
  config.listeners[0].backlog.value = 4097;
  const auto problems = check(config, settings);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kWarning);
  EXPECT_EQ(problems[0].place.line, 7u);
  EXPECT_EQ(
      problems[0].text,
      "listener \"web\": the kernel cuts a backlog of 4097 to 4096; `sysctl -w net.core.somaxconn=4097` "
      "allows it");
}

TEST(CheckHost, KnowsThisKernelsSettings) {
  config::Config config = config_of(test::loopback(50'000));
  const auto most = static_cast<unsigned>(net::somaxconn());
  config::Problems within;
  config.listeners[0].backlog.value = most;
  check_host(config, within);
  config::Problems beyond;
  config.listeners[0].backlog.value = most + 1;
  check_host(config, beyond);
  EXPECT_EQ(beyond.size(), within.size() + 1);
}

TEST(CheckHost, WarnsOfSettingsOfTcpWhereAListenerHasATcpAddress) {
  const test::TempFolder folder;
  net::KernelSettings settings;
  settings.tcp_abort_on_overflow = 1;
  config::Config config = config_of(base::Address::unix_path(folder.file("web.sock")));
  EXPECT_TRUE(check(config, settings).empty());
  config.listeners[0].bind.push_back({test::loopback(50'000), {}});
  EXPECT_EQ(check(config, settings).size(), 1u);
}

TEST(CheckHost, RefusesALogWhoseFolderIsNotThere) {
  const test::TempFolder folder;
  config::Config config = config_of(test::loopback(50'000));
  config.log.output = {folder.file("no/weir.log"), {"weir.toml", 5, 1}};
  const auto problems = check(config);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kError);
  EXPECT_EQ(problems[0].place.line, 5u);
  EXPECT_THAT(problems[0].text, HasSubstr("the log's folder " + folder.file("no") + " does not exist"));
}

TEST(CheckHost, AsksWhetherTheFutureUserMayWriteTheLog) {
  if (::geteuid() != 0) GTEST_SKIP() << "NOT CHECKED: only root can ask on behalf of another user";
  if (const auto why = test::why_no_other_user()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::TempFolder folder;  // 0700, root's
  config::Config config = config_of(test::loopback(50'000));
  config.process.user.value = "nobody";
  config.log.output.value = folder.file("weir.log");
  auto problems = check(config);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].text, HasSubstr("cannot be written by nobody: Permission denied"));
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  EXPECT_TRUE(check(config).empty());
  std::ofstream(folder.file("weir.log")) << "old lines";
  ASSERT_EQ(::chmod(folder.file("weir.log").c_str(), 0644), 0);
  problems = check(config);
  ASSERT_EQ(problems.size(), 1u) << "the file is there, and it is root's";
  EXPECT_THAT(problems[0].text,
              HasSubstr("the log " + folder.file("weir.log") + " cannot be written by nobody"));
}

TEST(CheckHost, AsksForNoRightToBindWhatIsOpenAlready) {
  if (::geteuid() != 0) GTEST_SKIP() << "NOT CHECKED: only root can ask on behalf of another user";
  if (const auto why = test::why_no_other_user()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::TempFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  config::Config config = config_of(base::Address::unix_path(folder.file("web.sock")));
  config.process.user.value = "nobody";
  const auto check_with = [&config](const ListenerSet* open) {
    config::Problems problems;
    check_host(config, problems, open, {});
    return problems;
  };
  config::Problems problems;
  const ListenerSet open = ListenerSet::open(config, first_workers(1), problems);
  ASSERT_TRUE(problems.empty());
  EXPECT_TRUE(check_with(&open).empty());
  ASSERT_EQ(check_with(nullptr).size(), 1u);
  EXPECT_THAT(check_with(nullptr)[0].text, HasSubstr("the socket's folder"));
  ASSERT_EQ(::chmod(folder.path().c_str(), 0700), 0);
  ASSERT_EQ(check_with(&open).size(), 1u) << "it would not find the path any more";
  EXPECT_THAT(check_with(&open)[0].text, HasSubstr("cannot be reached by nobody"));
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(::unlink(folder.file("web.sock").c_str()), 0);
  EXPECT_EQ(check_with(&open).size(), 1u) << "a new one has to be made";
}

TEST(CheckHost, AsksForNoRightToAPortThatIsOpenAlready) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  if (!net::is_privileged(900)) GTEST_SKIP() << "NOT CHECKED: everybody may bind every port here";
  for (std::uint16_t port = 900; port < 1'024; ++port) {
    const config::Config config = config_of(test::loopback(port));
    config::Problems problems;
    const ListenerSet open = ListenerSet::open(config, first_workers(1), problems);
    if (!problems.empty()) continue;  // somebody else's
    test::as_nobody({}, [&]() -> std::string {
      EXPECT_THAT(check(config)[0].text, HasSubstr("needs a right that this user has not"));
      check_host(config, problems, &open, {});
      EXPECT_TRUE(problems.empty());
      return "";
    });
    return;
  }
  FAIL() << "no port from 900 on is free";
}

TEST(CheckHost, AsksWhetherTheFutureUserMayReadWhatAPoolNeedsForTls) {
  if (::geteuid() != 0) GTEST_SKIP() << "NOT CHECKED: only root can ask on behalf of another user";
  if (const auto why = test::why_no_other_user()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::TempFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  config::Config config = config_of(test::loopback(50'000));
  config.process.user.value = "nobody";
  config::PoolConfig& pool = config.pools.emplace_back();
  pool.tls.emplace();
  pool.tls->key = {folder.file("key.pem"), {"weir.toml", 12, 5}};
  std::ofstream(folder.file("key.pem")) << "a key";
  EXPECT_TRUE(check(config).empty());
  ASSERT_EQ(::chmod(folder.file("key.pem").c_str(), 0600), 0);
  const auto problems = check(config);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kError);
  EXPECT_EQ(problems[0].place.line, 12u);
  EXPECT_THAT(problems[0].text, HasSubstr("cannot be read by nobody"));
  pool.tls->enabled = false;
  EXPECT_TRUE(check(config).empty());
}

TEST(CheckHost, RefusesSocketsInFoldersThatAreNotThere) {
  const test::TempFolder folder;
  config::Config config = config_of(base::Address::unix_path(folder.file("no/web.sock")));
  config.admin.bind = {base::Address::unix_path(folder.file("neither/admin.sock")), {"weir.toml", 9, 8}};
  const auto problems = check(config);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_THAT(problems[0].text, HasSubstr("the socket's folder " + folder.file("no")));
  EXPECT_THAT(problems[1].text, HasSubstr("the admin socket's folder " + folder.file("neither")));
  EXPECT_EQ(problems[1].place.line, 9u);
}

TEST(CheckHost, WarnsOfAConfigurationThatCannotBeReadAgain) {
  const test::TempFolder folder;
  config::Config config = config_of(test::loopback(50'000));
  config.files = {folder.file("weir.toml")};
  const auto problems = check(config);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kWarning);
  EXPECT_THAT(problems[0].text,
              HasSubstr("the configuration " + folder.file("weir.toml") + " does not exist"));
}

TEST(CheckHost, LeavesPrivilegedPortsToRootThatKeepsTheRight) {
  if (::geteuid() != 0) GTEST_SKIP() << "NOT CHECKED: only root may bind a privileged port";
  config::Config config = config_of(test::loopback(80));
  config.process.user.value = "nobody";
  EXPECT_TRUE(check(config).empty());
}

TEST(CheckHost, AsksWhetherTheKernelCanKeepUpWithARate) {
  config::Config config = config_of(test::loopback(50'000));
  config.listeners[0].pool.value = "app";
  config.listeners[0].limits.connection_rate = config::ConnectionRate{{60'000, std::chrono::seconds(60)}, 1};
  config.pools.emplace_back();
  config.pools[0].name = "app";
  for (const char* text : {"192.0.2.1:80", "127.0.0.1:80", "[::1]:80"}) {
    config.pools[0].backends.emplace_back();
    config.pools[0].backends.back().address.value = *base::parse_address(text);
  }
  net::KernelSettings settings;
  settings.local_ports = {1'000, 60'998};
  config::Problems problems;
  check_host(config, problems, nullptr, settings);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].text, HasSubstr("a connection_rate of 60000/min may use up the local ports: 59999 "
                                          "towards each of 1 backend addresses"));
  settings.local_ports = {1'000, 60'999};
  problems.clear();
  check_host(config, problems, nullptr, settings);
  EXPECT_TRUE(problems.empty());
}

TEST(CheckHost, CountsPortsOfTheSourcesOfABackendsFamily) {
  config::Config config = config_of(test::loopback(50'000));
  config.listeners[0].pool.value = "app";
  config.listeners[0].limits.connection_rate = config::ConnectionRate{{400, std::chrono::seconds(60)}, 1};
  config.pools.emplace_back();
  config.pools[0].name = "app";
  for (const char* text : {"192.0.2.1:80", "[2001:db8::1]:80"}) {
    config.pools[0].backends.emplace_back();
    config.pools[0].backends.back().address.value = *base::parse_address(text);
  }
  for (const char* host : {"127.0.0.2:0", "127.0.0.3:0", "127.0.0.4:0"}) {
    config.pools[0].sources.push_back({*base::parse_address(host), {"weir.toml", 9, 1}});
  }
  net::KernelSettings settings;
  settings.local_ports = {1'000, 1'099};
  EXPECT_TRUE(check(config, settings).empty()) << "300 ports to one, 100 to the other";
  config.listeners[0].limits.connection_rate->rate.count = 401;
  EXPECT_EQ(check(config, settings).size(), 1u);
  config.pools[0].sources.clear();
  config.pools[0].transparent = true;
  for (const auto& problem : check(config, settings)) EXPECT_THAT(problem.text, HasSubstr("transparent"));
}

config::Config config_with_pool() {
  config::Config config = config_of(test::loopback(50'000));
  config.pools.emplace_back();
  config.pools[0].name = "app";
  config.pools[0].place = {"weir.toml", 7, 1};
  return config;
}

TEST(CheckHost, RefusesASourceAddressThatThisHostHasNotAndSaysWhichItHas) {
  config::Config config = config_with_pool();
  config.pools[0].sources = {{*base::parse_address("127.0.0.2:0"), {"weir.toml", 8, 11}},
                             {*base::parse_address("192.0.2.1:0"), {"weir.toml", 8, 24}},
                             {*base::parse_address("[2001:db8::1]:0"), {"weir.toml", 8, 37}}};
  const auto problems = check(config);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].severity, config::Severity::kError);
  EXPECT_EQ(problems[0].place.column, 24u);
  EXPECT_THAT(problems[0].text, HasSubstr("pools.app.source: 192.0.2.1 is no address of this host; it has "));
  EXPECT_THAT(problems[0].text, HasSubstr("127.0.0.1"));
  EXPECT_THAT(problems[1].text, HasSubstr("pools.app.source: 2001:db8::1 is no address of this host"));
}

TEST(CheckHost, RefusesAnInterfaceThatIsNotThereAndSaysWhichAre) {
  config::Config config = config_with_pool();
  config.pools[0].interface = {"lo", {"weir.toml", 9, 13}};
  EXPECT_TRUE(check(config).empty());
  config.pools[0].interface.value = "no-such-one";
  const auto problems = check(config);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kError);
  EXPECT_EQ(problems[0].place.line, 9u);
  EXPECT_THAT(problems[0].text,
              HasSubstr("pools.app.interface: this host has no interface \"no-such-one\"; it has "));
  EXPECT_THAT(problems[0].text, HasSubstr("lo"));
}

TEST(CheckHost, AsksForTheRightThatTransparentConnectionsTake) {
  config::Config config = config_with_pool();
  config.pools[0].transparent = true;
  const auto problems = check(config);
  if (net::may_be_transparent()) {
    EXPECT_TRUE(problems.empty());
  } else {
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems[0].severity, config::Severity::kError);
    EXPECT_EQ(problems[0].place.line, 7u);
    EXPECT_THAT(problems[0].text, HasSubstr("CAP_NET_RAW"));
  }
}

// Each alone would do.
TEST(CheckHost, RefusesTablesOfClientsThatTogetherTakeTooMuchMemory) {
  config::Config config = config_of(test::loopback(50'000));
  config::ListenerConfig& first = config.listeners[0];
  first.limits.client_max_connections = 1;
  first.limits.client_table_size = 16'777'216;
  first.limits.place = {"weir.toml", 9, 1};
  EXPECT_TRUE(check(config).empty());
  config.listeners.resize(200, first);
  const auto problems = check(config);
  ASSERT_EQ(problems.size(), 1u) << "one is enough";
  EXPECT_EQ(problems[0].severity, config::Severity::kError);
  EXPECT_THAT(problems[0].text, HasSubstr("client_table_size = 16777216 takes about "));
  EXPECT_THAT(problems[0].text, HasSubstr("all tables up to here "));
}

TEST(WorkerCount, IsTheConfiguredOneOrThatOfTheProcessors) {
  config::Config config;
  EXPECT_EQ(worker_count(config), usable_cpus());
  config.process.workers = 5;
  EXPECT_EQ(worker_count(config), 5u);
}

TEST(PlanFor, WarnsWhenFewerConnectionsFitThanWereAskedForAndNamesALimitThatHoldsThem) {
  config::Config config = config_of(test::loopback(50'000));
  config.process.workers = 1;
  config.process.max_connections.value = 1'000;
  config::Problems problems;
  const DescriptorPlan plan = plan_for(config, 1024, 0, problems);
  EXPECT_EQ(plan.max_connections, 479u);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kWarning);
  EXPECT_THAT(problems[0].text,
              HasSubstr("process.max_connections = 1000 does not fit: 479 = (1024 descriptors"));
  EXPECT_THAT(problems[0].text, testing::EndsWith("to 2066"));
  problems.clear();
  EXPECT_EQ(plan_for(config, 2066, 0, problems).max_connections, 1'000u);
  EXPECT_TRUE(problems.empty()) << "the limit that was named is enough";
}

TEST(PlanFor, CountsThePipesOfAllWorkersUnlessThereAreNone) {
  config::Config config = config_of(test::loopback(50'000));
  config.process.workers = 3;
  config::Problems problems;
  EXPECT_THAT(plan_for(config, 20'000, 0, problems).arithmetic(), HasSubstr(" 96 pipes for bulk"));
  EXPECT_THAT(plan_for(config, 1'024, 0, problems).arithmetic(), HasSubstr(" 30 pipes for bulk"));
  EXPECT_EQ(pipes_per_worker(config, 191), 0u);
  config.process.splice_pipes = 4;
  EXPECT_EQ(pipes_per_worker(config, 1'024), 2u) << "rounded up";
  EXPECT_THAT(plan_for(config, 1024, 0, problems).arithmetic(), HasSubstr(" 12 pipes for bulk"));
  config.process.splice_pipes = 0;
  EXPECT_THAT(plan_for(config, 1024, 0, problems).arithmetic(), testing::Not(HasSubstr("pipes")));
}

TEST(PlanFor, FailsWhenNothingFits) {
  config::Problems problems;
  plan_for(config_of(test::loopback(50'000)), 20, 0, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kError);
}

TEST(PlanFor, CountsEverySocketOfEveryWorkerTheAdminDoorAndOthers) {
  config::Config config = config_of(test::loopback(50'000));
  config.process.workers = 3;
  config.listeners[0].bind.push_back({base::Address::unix_path("/run/x"), {}});
  config.admin.bind = {test::loopback(), {}};
  config::Problems problems;
  const std::string said = plan_for(config, 1024, 100, problems).arithmetic();
  EXPECT_THAT(said, HasSubstr(" 6 workers' loops"));
  EXPECT_THAT(said, HasSubstr(" 4 listening sockets"));
  EXPECT_THAT(said, HasSubstr(" admin door"));
  EXPECT_THAT(said, HasSubstr(" 100 this program's own"));
  EXPECT_THAT(said, testing::Not(HasSubstr("warm connections")));
}

TEST(PlanFor, CountsWarmConnectionsToEveryBackendOfTheirPool) {
  config::Config config = config_of(test::loopback(50'000));
  config.process.workers = 3;
  config.pools.resize(2);
  config.pools[0].warm_connections = 10;
  config.pools[0].backends.resize(4);
  config.pools[1].warm_connections = 1;
  config.pools[1].backends.resize(2);
  config::Problems problems;
  EXPECT_THAT(plan_for(config, 1024, 0, problems).arithmetic(), HasSubstr(" 42 warm connections,"));
}

}  // namespace
}  // namespace weir::server
