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
  EXPECT_EQ(config.process.drain_delay, process.drain_delay);
  EXPECT_EQ(config.process.upgrade_drain_timeout, process.upgrade_drain_timeout);
  EXPECT_EQ(config.process.user.value, process.user.value);
  const LogConfig log;
  EXPECT_EQ(config.log.level, log.level);
  EXPECT_EQ(config.log.format, log.format);
  EXPECT_EQ(config.log.output.value, log.output.value);
  EXPECT_EQ(config.log.sessions, log.sessions);
  EXPECT_FALSE(config.admin.bind);
  EXPECT_EQ(config.admin.token_file.value, "");
  EXPECT_TRUE(config.admin.hosts.empty());
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
  EXPECT_EQ(config.pools[0].slow_start, pool.slow_start);
  EXPECT_EQ(config.pools[0].panic_threshold, pool.panic_threshold);
  EXPECT_EQ(config.pools[0].queue_length, pool.queue_length);
  EXPECT_EQ(config.pools[0].queue_timeout, pool.queue_timeout);
  EXPECT_EQ(config.pools[0].hash_key, pool.hash_key);
  EXPECT_EQ(config.pools[0].hash_balance, pool.hash_balance);
  EXPECT_EQ(config.pools[0].fallback_pool.value, pool.fallback_pool.value);
  EXPECT_THAT(config.pools[0].sources, IsEmpty());
  EXPECT_EQ(config.pools[0].transparent, pool.transparent);
  EXPECT_EQ(config.pools[0].interface.value, pool.interface.value);
  EXPECT_EQ(config.pools[0].warm_connections, pool.warm_connections);
  EXPECT_EQ(config.pools[0].resolve.interval, pool.resolve.interval);
  EXPECT_EQ(config.pools[0].resolve.hold_last_good, pool.resolve.hold_last_good);
  EXPECT_EQ(config.pools[0].resolve.use, pool.resolve.use);
  EXPECT_TRUE(config.pools[0].resolve.servers.empty());
  EXPECT_FALSE(config.pools[0].health);
  EXPECT_EQ(config.pools[0].sessions.on_down, pool.sessions.on_down);
  EXPECT_EQ(config.pools[0].sessions.on_removed, pool.sessions.on_removed);
  EXPECT_EQ(config.pools[0].sessions.on_maintenance, pool.sessions.on_maintenance);
  EXPECT_EQ(config.pools[0].outlier.consecutive_failures, pool.outlier.consecutive_failures);
  EXPECT_EQ(config.pools[0].outlier.eject_time, pool.outlier.eject_time);
  EXPECT_EQ(config.pools[0].outlier.max_ejected, pool.outlier.max_ejected);
  EXPECT_EQ(config.pools[0].outlier.observe_resets, pool.outlier.observe_resets);
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
drain_delay = "7s"
upgrade_drain_timeout = "2d"
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
policy = "source_hash"
backends = [{ address = "db:5432", name = "primary", weight = 9, max_connections = 500 }]
connect_timeout = "700ms"
retries = 0
panic_threshold = 0.25
queue_length = 100
queue_timeout = "2s"
hash_key = "client_prefix/24"
hash_balance = 1.5
fallback_pool = "spare"
[pools.app.health]
type = "exchange"
exchange = { expect = "220" }
[pools.app.sessions]
on_down = "close"
on_removed = "keep"
on_maintenance = "drain 5m"
[pools.app.outlier]
consecutive_failures = 7
eject_time = "1m"
max_ejected = 0.1
observe_resets = false
[pools.spare]
backends = ["10.0.0.9:80", "_http._tcp.app.internal"]
resolve = { interval = "10s", hold_last_good = false, use = "srv", servers = ["127.0.0.1:8600", "::1"] }
slow_start = "30s"
source = ["10.0.0.5", "2001:db8::5"]
interface = "eth1"
warm_connections = 8
)");
  EXPECT_EQ(config.process.workers, 3u);
  EXPECT_EQ(config.process.max_connections.value, 5000u);
  EXPECT_EQ(config.process.when_full, WhenFull::kRefuse);
  EXPECT_EQ(config.process.drain_timeout, Millis(120'000));
  EXPECT_EQ(config.process.drain_delay, Millis(7'000));
  EXPECT_EQ(config.process.upgrade_drain_timeout, Millis(172'800'000));
  EXPECT_EQ(config.process.user.value, "weir");
  EXPECT_EQ(config.process.user.place.line, 9u);
  EXPECT_EQ(config.log.level, LogLevel::kWarning);
  EXPECT_EQ(config.log.format, LogFormat::kJson);
  EXPECT_EQ(config.log.output.value, "/var/log/weir.log");
  EXPECT_EQ(config.log.sessions, SessionLogging::kErrors);
  ASSERT_TRUE(config.admin.bind);
  EXPECT_EQ(config.admin.bind->value.to_string(), "[::1]:9900");
  ASSERT_EQ(config.listeners.size(), 1u);
  const ListenerConfig& listener = config.listeners[0];
  EXPECT_EQ(listener.name, "web");
  EXPECT_EQ(listener.place.line, 17u);
  ASSERT_EQ(listener.bind.size(), 1u);
  EXPECT_EQ(listener.bind[0].value.path(), "/run/weir.sock");
  EXPECT_FALSE(listener.v6only);
  EXPECT_EQ(listener.socket_mode, 0606u);
  EXPECT_EQ(listener.pool.value, "app");
  EXPECT_EQ(listener.backlog.value, 77u);
  EXPECT_EQ(listener.backlog.place.line, 22u);
  EXPECT_EQ(listener.idle_timeout, Millis(3'600'000));
  EXPECT_EQ(listener.half_close_timeout, Millis(250));
  EXPECT_EQ(listener.max_lifetime, Millis(86'400'000));
  EXPECT_EQ(listener.keepalive, std::nullopt);
  EXPECT_EQ(listener.user_timeout, Millis(20'000));
  EXPECT_EQ(listener.reset_linger, Millis(0));
  ASSERT_EQ(config.pools.size(), 2u);
  EXPECT_EQ(config.pools[1].resolve.interval, Millis(10'000));
  EXPECT_FALSE(config.pools[1].resolve.hold_last_good);
  EXPECT_EQ(config.pools[1].resolve.use, ResolveUse::kService);
  ASSERT_EQ(config.pools[1].resolve.servers.size(), 2u);
  EXPECT_EQ(config.pools[1].resolve.servers[0].value.to_string(), "127.0.0.1:8600");
  EXPECT_EQ(config.pools[1].resolve.servers[1].value.to_string(), "[::1]:53");
  EXPECT_EQ(config.pools[1].backends.at(1).name, "_http._tcp.app.internal");
  EXPECT_EQ(config.pools[1].slow_start, Millis(30'000));
  ASSERT_EQ(config.pools[1].sources.size(), 2u);
  EXPECT_EQ(config.pools[1].sources[0].value.to_string(), "10.0.0.5:0");
  EXPECT_EQ(config.pools[1].sources[1].value.to_string(), "[2001:db8::5]:0");
  EXPECT_EQ(config.pools[1].interface.value, "eth1");
  EXPECT_EQ(config.pools[1].warm_connections, 8u);
  const PoolConfig& pool = config.pools[0];
  EXPECT_EQ(pool.policy, PolicyKind::kSourceHash);
  EXPECT_EQ(pool.panic_threshold, 0.25);
  EXPECT_EQ(pool.queue_length, 100u);
  EXPECT_EQ(pool.queue_timeout, Millis(2'000));
  EXPECT_EQ(pool.hash_key, (HashKeyConfig{24, 64}));
  EXPECT_EQ(pool.hash_balance, 1.5);
  EXPECT_EQ(pool.fallback_pool.value, "spare");
  EXPECT_EQ(pool.fallback_pool.place.line, 39u);
  ASSERT_TRUE(pool.health);
  EXPECT_EQ(pool.health->type, CheckType::kExchange);
  EXPECT_EQ(pool.health->exchange.expect, "220");
  EXPECT_EQ(pool.sessions.on_down, (FateConfig{SessionFate::kClose, Millis(0)}));
  EXPECT_EQ(pool.sessions.on_removed, (FateConfig{SessionFate::kKeep, Millis(0)}));
  EXPECT_EQ(pool.sessions.on_maintenance, (FateConfig{SessionFate::kDrain, Millis(300'000)}));
  EXPECT_EQ(pool.outlier.consecutive_failures, 7u);
  EXPECT_EQ(pool.outlier.eject_time, Millis(60'000));
  EXPECT_EQ(pool.outlier.max_ejected, 0.1);
  EXPECT_FALSE(pool.outlier.observe_resets);
  EXPECT_EQ(pool.connect_timeout, Millis(700));
  EXPECT_EQ(pool.retries, 0u);
  ASSERT_EQ(pool.backends.size(), 1u);
  EXPECT_EQ(base::to_string(pool.backends[0].address.value), "db:5432");
  EXPECT_EQ(pool.backends[0].name, "primary");
  EXPECT_EQ(pool.backends[0].weight, 9u);
  EXPECT_EQ(pool.backends[0].max_connections, 500u);
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
  const auto policy = [](const std::string& word) {
    return config_of(kShortest + "policy = \"" + word + "\"\n").pools.at(0).policy;
  };
  EXPECT_EQ(policy("round_robin"), PolicyKind::kRoundRobin);
  EXPECT_EQ(policy("least_connections"), PolicyKind::kLeastConnections);
  EXPECT_EQ(policy("random_two"), PolicyKind::kRandomTwo);
  EXPECT_EQ(policy("fastest"), PolicyKind::kFastest);
  EXPECT_EQ(policy("source_hash"), PolicyKind::kSourceHash);
  EXPECT_EQ(policy("first"), PolicyKind::kFirst);
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

TEST(Build, AnAdminDoorWithATokenMayStandAnywhere) {
  for (const char* bind :
       {"0.0.0.0:9900", "[::]:9900", "192.0.2.1:9900", "127.0.0.1:9900", "unix:/run/weir/admin"}) {
    const Config config = config_of(
        "[admin]\nbind = \"" + std::string(bind) +
        "\"\ntoken_file = \"/etc/weir/token\"\nhosts = [\"Weir.Example.\", \"weir\"]\n" + kShortest);
    EXPECT_EQ(config.admin.bind->value.to_string(), bind);
    EXPECT_EQ(config.admin.token_file.value, "/etc/weir/token");
    EXPECT_EQ(config.admin.token_file.place.line, 3u);
    EXPECT_THAT(config.admin.hosts, ElementsAre("weir.example", "weir")) << "as hosts are compared";
  }
}

TEST(Build, AnAdminDoorThatOtherMachinesReachNeedsAToken) {
  for (const char* bind : {"126.255.255.255:1", "128.0.0.1:1", "0.0.0.0:1", "[::]:1", "[::2]:1"}) {
    const Loaded loaded = load_text("[admin]\nbind = \"" + std::string(bind) + "\"\n" + kShortest,
                                    "test.toml", [](const auto&) { return std::nullopt; });
    ASSERT_EQ(loaded.problems.size(), 1u) << bind;
    EXPECT_THAT(to_string(loaded.problems[0]), testing::HasSubstr("test.toml:2:8: error: admin.bind: "))
        << bind;
  }
}

TEST(Build, NothingBuiltFromAnEmptyTreeIsAProblem) {
  Problems problems;
  const Config config = build_config(Node(), problems);
  EXPECT_THAT(problems, IsEmpty());
  EXPECT_THAT(config.listeners, IsEmpty());
}

}  // namespace
}  // namespace weir::config
