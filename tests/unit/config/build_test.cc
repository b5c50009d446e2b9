#include "config/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Config config_of(const std::string& text) {
  Loaded loaded = load_text(text, "test.toml", [](const auto&) { return std::nullopt; });
  for (const Problem& problem : loaded.problems) {
    if (problem.severity == Severity::kError) ADD_FAILURE() << to_string(problem);
  }
  return std::move(loaded.config);
}

const std::string kShortest = R"(
[listeners.web]
bind = "127.0.0.1:8080"
pool = "web"
[pools.web]
backends = ["10.0.0.1:80"]
)";

TEST(Build, DefaultsOfTheSchemaAreThoseOfTheModel) {
  const Config config = config_of(kShortest);
  const ProcessConfig process;
  EXPECT_EQ(config.process.workers, process.workers);
  EXPECT_EQ(config.process.max_connections.value, process.max_connections.value);
  EXPECT_EQ(config.process.when_full, process.when_full);
  EXPECT_EQ(config.process.drain_timeout, process.drain_timeout);
  EXPECT_EQ(config.process.user.value, process.user.value);
  const LogConfig log;
  EXPECT_EQ(config.log.level, log.level);
  EXPECT_EQ(config.log.format, log.format);
  EXPECT_EQ(config.log.output.value, log.output.value);
  EXPECT_EQ(config.log.sessions, log.sessions);
  EXPECT_FALSE(config.admin.bind);
  ASSERT_EQ(config.listeners.size(), 1u);
  const ListenerConfig& listener = config.listeners[0];
  const ListenerConfig model;
  EXPECT_EQ(listener.v6only, model.v6only);
  EXPECT_EQ(listener.socket_mode, model.socket_mode);
  EXPECT_EQ(listener.backlog.value, model.backlog.value);
  EXPECT_EQ(listener.idle_timeout, model.idle_timeout);
  EXPECT_EQ(listener.half_close_timeout, model.half_close_timeout);
  EXPECT_EQ(listener.max_lifetime, model.max_lifetime);
  EXPECT_EQ(listener.keepalive, model.keepalive);
  EXPECT_EQ(listener.user_timeout, model.user_timeout);
  EXPECT_EQ(listener.reset_linger, model.reset_linger);
  ASSERT_EQ(config.pools.size(), 1u);
  const PoolConfig pool;
  EXPECT_EQ(config.pools[0].policy, pool.policy);
  EXPECT_EQ(config.pools[0].connect_timeout, pool.connect_timeout);
  EXPECT_EQ(config.pools[0].retries, pool.retries);
  ASSERT_EQ(config.pools[0].backends.size(), 1u);
  EXPECT_EQ(config.pools[0].backends[0].weight, BackendConfig().weight);
}

TEST(Build, EveryWrittenValueArrives) {
  const Config config = config_of(R"(
[process]
workers = 3
max_connections = 5000
when_full = "refuse"
drain_timeout = "2m"
user = "weir"
[log]
level = "warning"
format = "json"
output = "/var/log/weir.log"
sessions = "errors"
[admin]
bind = "[::1]:9900"
[listeners.web]
bind = "unix:/run/weir.sock"
v6only = false
socket_mode = "0606"
pool = "app"
backlog = 77
idle_timeout = "1h"
half_close_timeout = "250ms"
max_lifetime = "1d"
keepalive = "off"
user_timeout = "20s"
reset_linger = "0s"
[pools.app]
policy = "round_robin"
backends = [{ address = "db:5432", name = "primary", weight = 9 }]
connect_timeout = "700ms"
retries = 0
)");
  EXPECT_EQ(config.process.workers, 3u);
  EXPECT_EQ(config.process.max_connections.value, 5000u);
  EXPECT_EQ(config.process.when_full, WhenFull::kRefuse);
  EXPECT_EQ(config.process.drain_timeout, Millis(120'000));
  EXPECT_EQ(config.process.user.value, "weir");
  EXPECT_EQ(config.process.user.place.line, 7u);
  EXPECT_EQ(config.log.level, LogLevel::kWarning);
  EXPECT_EQ(config.log.format, LogFormat::kJson);
  EXPECT_EQ(config.log.output.value, "/var/log/weir.log");
  EXPECT_EQ(config.log.sessions, SessionLogging::kErrors);
  ASSERT_TRUE(config.admin.bind);
  EXPECT_EQ(config.admin.bind->value.to_string(), "[::1]:9900");
  ASSERT_EQ(config.listeners.size(), 1u);
  const ListenerConfig& listener = config.listeners[0];
  EXPECT_EQ(listener.name, "web");
  EXPECT_EQ(listener.place.line, 15u);
  ASSERT_EQ(listener.bind.size(), 1u);
  EXPECT_EQ(listener.bind[0].value.path(), "/run/weir.sock");
  EXPECT_FALSE(listener.v6only);
  EXPECT_EQ(listener.socket_mode, 0606u);
  EXPECT_EQ(listener.pool.value, "app");
  EXPECT_EQ(listener.backlog.value, 77u);
  EXPECT_EQ(listener.backlog.place.line, 20u);
  EXPECT_EQ(listener.idle_timeout, Millis(3'600'000));
  EXPECT_EQ(listener.half_close_timeout, Millis(250));
  EXPECT_EQ(listener.max_lifetime, Millis(86'400'000));
  EXPECT_EQ(listener.keepalive, std::nullopt);
  EXPECT_EQ(listener.user_timeout, Millis(20'000));
  EXPECT_EQ(listener.reset_linger, Millis(0));
  ASSERT_EQ(config.pools.size(), 1u);
  const PoolConfig& pool = config.pools[0];
  EXPECT_EQ(pool.connect_timeout, Millis(700));
  EXPECT_EQ(pool.retries, 0u);
  ASSERT_EQ(pool.backends.size(), 1u);
  EXPECT_EQ(base::to_string(pool.backends[0].address.value), "db:5432");
  EXPECT_EQ(pool.backends[0].name, "primary");
  EXPECT_EQ(pool.backends[0].weight, 9u);
}

TEST(Build, WordsStandInTheOrderOfTheirEnums) {
  const auto log = [](const std::string& line) { return config_of("[log]\n" + line + kShortest).log; };
  EXPECT_EQ(log("level = \"debug\"").level, LogLevel::kDebug);
  EXPECT_EQ(log("level = \"info\"").level, LogLevel::kInfo);
  EXPECT_EQ(log("level = \"warning\"").level, LogLevel::kWarning);
  EXPECT_EQ(log("level = \"error\"").level, LogLevel::kError);
  EXPECT_EQ(log("sessions = \"all\"").sessions, SessionLogging::kAll);
  EXPECT_EQ(log("sessions = \"errors\"").sessions, SessionLogging::kErrors);
  EXPECT_EQ(log("sessions = \"none\"").sessions, SessionLogging::kNone);
  EXPECT_EQ(log("format = \"text\"").format, LogFormat::kText);
  EXPECT_EQ(log("format = \"json\"").format, LogFormat::kJson);
}

TEST(Build, ListenersAndPoolsKeepTheOrderOfTheFile) {
  const Config config = config_of(R"(
[listeners.zebra]
bind = "127.0.0.1:1"
pool = "z"
[pools.z]
backends = ["10.0.0.1:80"]
[listeners.ant]
bind = "127.0.0.1:2"
pool = "a"
[pools.a]
backends = ["10.0.0.2:80"]
)");
  ASSERT_EQ(config.listeners.size(), 2u);
  EXPECT_EQ(config.listeners[0].name, "zebra");
  EXPECT_EQ(config.listeners[1].name, "ant");
  ASSERT_EQ(config.pools.size(), 2u);
  EXPECT_EQ(config.pools[0].name, "z");
  EXPECT_EQ(config.find_pool("a"), &config.pools[1]);
}

TEST(Build, ARangeOfPortsBecomesOneAddressAPort) {
  const Config config = config_of(R"(
[listeners.web]
bind = ["127.0.0.1:8000-8002", "[::1]:9"]
pool = "web"
[pools.web]
backends = ["10.0.0.1:80"]
)");
  std::vector<std::string> addresses;
  for (const auto& bind : config.listeners.at(0).bind) addresses.push_back(bind.value.to_string());
  EXPECT_THAT(addresses, ElementsAre("127.0.0.1:8000", "127.0.0.1:8001", "127.0.0.1:8002", "[::1]:9"));
  EXPECT_EQ(config.listeners[0].bind[2].place.column, 9u);
  EXPECT_EQ(config.listeners[0].bind[3].place.column, 32u);
}

TEST(Build, ABackendWithoutANameIsCalledByItsAddressAsWritten) {
  const Config config = config_of(R"(
[listeners.web]
bind = "127.0.0.1:8080"
pool = "web"
[pools.web]
backends = ["App.example:80", { address = "[2001:db8::0001]:80" }]
)");
  EXPECT_EQ(config.pools.at(0).backends.at(0).name, "App.example:80");
  EXPECT_EQ(config.pools.at(0).backends.at(1).name, "[2001:db8::0001]:80");
}

TEST(Build, NothingBuiltFromAnEmptyTreeIsAProblem) {
  Problems problems;
  const Config config = build_config(Node(), problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_THAT(config.listeners, IsEmpty());
}

}  // namespace
}  // namespace weir::config
