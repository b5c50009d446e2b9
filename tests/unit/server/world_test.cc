#include "server/world.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "unit/support.h"

namespace weir::server {
namespace {

config::BackendConfig backend(const std::string& endpoint, unsigned weight = 1, std::string name = "") {
  config::BackendConfig backend;
  backend.address = {*base::parse_endpoint(endpoint), {"weir.toml", 20, 5}};
  backend.name = name.empty() ? endpoint : std::move(name);
  backend.weight = weight;
  return backend;
}

config::Config config_of(std::vector<config::BackendConfig> backends,
                         const std::string& bind = "127.0.0.1:1") {
  config::Config config;
  config::PoolConfig pool;
  pool.name = "web";
  pool.backends = std::move(backends);
  pool.connect_timeout = base::Millis(1'500);
  pool.retries = 5;
  config.pools.push_back(std::move(pool));
  config::ListenerConfig listener;
  listener.name = "front";
  listener.bind.push_back({*base::parse_address(bind), {"weir.toml", 3, 1}});
  listener.pool.value = "web";
  config.listeners.push_back(std::move(listener));
  return config;
}

Resolve resolving(std::vector<std::string> addresses) {
  return [addresses](const base::HostPort& name) -> base::Result<std::vector<base::Address>> {
    if (addresses.empty()) {
      return base::failure(
          {base::ErrorSide::kBackend, "the name \"" + name.host + "\" does not resolve: nobody knows"});
    }
    std::vector<base::Address> found;
    for (const std::string& text : addresses)
      found.push_back(base::parse_address(text)->with_port(name.port));
    return found;
  };
}

Resolve never() {
  return [](const base::HostPort&) -> base::Result<std::vector<base::Address>> {
    ADD_FAILURE() << "an address is not resolved";
    return std::vector<base::Address>{};
  };
}

TEST(BuildWorld, MakesABackendOfAnAddressWithItsNameAndWeight) {
  config::Problems problems;
  const World world =
      build_world(config_of({backend("192.0.2.1:80", 7, "a"), backend("192.0.2.2:80")}), never(), problems);
  EXPECT_TRUE(problems.empty());
  ASSERT_EQ(world.pools.size(), 1u);
  const auto& pool = *world.pools[0];
  EXPECT_EQ(pool.settings()->name, "web");
  EXPECT_EQ(pool.settings()->connect_timeout, base::Millis(1'500));
  EXPECT_EQ(pool.settings()->retries, 5u);
  ASSERT_EQ(pool.backends().size(), 2u);
  EXPECT_EQ(pool.backends()[0]->name(), "a");
  EXPECT_EQ(pool.backends()[0]->identity().weight, 7u);
  EXPECT_EQ(pool.backends()[0]->identity().address.to_string(), "192.0.2.1:80");
  EXPECT_EQ(pool.view().backends[0].state, pool::BackendState::kUp);
  EXPECT_EQ(pool.backends()[1]->name(), "192.0.2.2:80");
}

TEST(BuildWorld, GivesBackendsTheSourcesOfTheirFamily) {
  config::Config config = config_of(
      {backend("192.0.2.1:80", 1, "a"), backend("[2001:db8::1]:80", 1, "b"), backend("unix:/s", 1, "c")});
  config.pools[0].interface.value = "eth7";
  for (const char* host : {"192.0.2.7:0", "192.0.2.8:0", "[2001:db8::7]:0"}) {
    config.pools[0].sources.push_back({*base::parse_address(host), {}});
  }
  config::Problems problems;
  const World world = build_world(config, never(), problems);
  const auto backends = world.pools[0]->backends();
  const auto sources = [&](std::size_t at) {
    std::vector<std::string> list;
    for (const auto& one : backends[at]->way().sources.all()) {
      list.push_back(one->source() ? one->source()->ip_to_string() : "auto");
    }
    return list;
  };
  EXPECT_EQ(sources(0), (std::vector<std::string>{"192.0.2.7", "192.0.2.8"}));
  EXPECT_EQ(sources(1), (std::vector<std::string>{"2001:db8::7"}));
  EXPECT_EQ(sources(2), (std::vector<std::string>{"auto"}));
  EXPECT_EQ(backends[0]->identity().origin->interface, "eth7");
  EXPECT_FALSE(backends[0]->way().is_transparent());
}

TEST(BuildWorld, MakesTheBackendsOfATransparentPoolSo) {
  config::Config config = config_of({backend("192.0.2.1:80", 1, "a")});
  config::Problems problems;
  EXPECT_EQ(build_world(config, never(), problems).pools[0]->backends()[0]->identity().origin, nullptr);
  config.pools[0].transparent = true;
  const auto transparent = build_world(config, never(), problems).pools[0]->backends()[0];
  EXPECT_TRUE(transparent->way().is_transparent());
  EXPECT_EQ(transparent->way().sources.all().size(), 1u);
}

TEST(BuildWorld, MakesABackendOfEachAddressOfANameAllWithItsWeight) {
  config::Problems problems;
  const World world = build_world(config_of({backend("app:8080", 3)}),
                                  resolving({"192.0.2.1:0", "192.0.2.2:0", "[2001:db8::1]:0"}), problems);
  EXPECT_TRUE(problems.empty());
  const auto& backends = world.pools[0]->backends();
  ASSERT_EQ(backends.size(), 3u);
  EXPECT_EQ(backends[0]->name(), "app:8080@192.0.2.1");
  EXPECT_EQ(backends[1]->name(), "app:8080@192.0.2.2");
  EXPECT_EQ(backends[2]->name(), "app:8080@2001:db8::1");
  EXPECT_EQ(backends[2]->identity().address.to_string(), "[2001:db8::1]:8080");
  for (const auto& one : backends) EXPECT_EQ(one->identity().weight, 3u);
}

// A second address must not change what the first is called.
TEST(BuildWorld, CallsTheOnlyAddressOfANameAsItWouldOneOfSeveral) {
  config::Problems problems;
  const World world =
      build_world(config_of({backend("app:8080", 1, "x")}), resolving({"192.0.2.1:0"}), problems);
  EXPECT_EQ(world.pools[0]->backends().at(0)->name(), "x@192.0.2.1");
}

TEST(BuildWorld, SaysWhatEachNameStandsFor) {
  config::Problems problems;
  const World world = build_world(config_of({backend("192.0.2.9:80"), backend("app:8080")}),
                                  resolving({"[2001:db8::1]:0", "192.0.2.2:0", "192.0.2.1:0"}), problems);
  ASSERT_EQ(world.names.size(), 1u) << "an address is no name";
  EXPECT_EQ(world.names[0].pool, 0u);
  EXPECT_EQ(world.names[0].backend, 1u);
  std::vector<std::string> addresses;
  for (const auto& one : world.names[0].endpoints) addresses.push_back(one.address.to_string());
  EXPECT_EQ(addresses, (std::vector<std::string>{"192.0.2.1:8080", "192.0.2.2:8080", "[2001:db8::1]:8080"}));
}

TEST(BuildWorld, LeavesServicesAndPoolsWithNameServersOfTheirOwnForLater) {
  for (const bool is_service : {false, true}) {
    config::Config config = config_of({backend("app:8080")});
    config::ResolveConfig& resolve = config.pools[0].resolve;
    if (is_service) resolve.use = config::ResolveUse::kService;
    if (!is_service) resolve.servers.push_back({*base::parse_address("127.0.0.1:53"), {}});
    config::Problems problems;
    const World world = build_world(config, never(), problems);
    EXPECT_TRUE(problems.empty());
    ASSERT_EQ(world.names.size(), 1u);
    EXPECT_TRUE(world.names[0].endpoints.empty());
    const pool::BackendView down = world.pools[0]->view().backends.at(0);
    EXPECT_EQ(down.state, pool::BackendState::kDown);
    EXPECT_EQ(down.reason, "the name \"app\" has not been answered yet");
  }
}

TEST(BuildWorld, LeavesTheRestForLaterOnceNamesHaveTakenTooLong) {
  int asked = 0;
  const Resolve counting = [&asked](const base::HostPort& name) {
    ++asked;
    return resolving({"192.0.2.1:0"})(name);
  };
  const config::Config config = config_of({backend("one:80"), backend("two:80"), backend("three:80")});
  config::Problems problems;
  const World world = build_world(config, counting, problems, config::Severity::kWarning, base::Millis(0));
  EXPECT_EQ(asked, 0);
  EXPECT_TRUE(problems.empty());
  ASSERT_EQ(world.names.size(), 3u);
  EXPECT_EQ(world.names[2].why_none, "the name \"three\" has not been answered yet");
  build_world(config, counting, problems);
  EXPECT_EQ(asked, 3) << "these were quick";
}

TEST(BuildWorld, TakesABackendDownWhoseNameDoesNotResolveAndWarns) {
  config::Problems problems;
  const World world =
      build_world(config_of({backend("gone:80", 4), backend("192.0.2.1:80")}), resolving({}), problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kWarning);
  EXPECT_EQ(problems[0].place.line, 20u);
  EXPECT_EQ(
      problems[0].text,
      "pools.web.backends: the name \"gone\" does not resolve: nobody knows; Weir goes on asking, and until "
      "there is an answer the backend is down");
  const pool::BackendView down = world.pools[0]->view().backends.at(0);
  EXPECT_EQ(down.state, pool::BackendState::kDown);
  EXPECT_EQ(down.reason, "the name \"gone\" does not resolve: nobody knows");
  EXPECT_EQ(down.backend->name(), "gone:80");
  EXPECT_EQ(down.backend->identity().weight, 4u);
  pool::NoPick why_not = pool::NoPick::kNone;
  EXPECT_EQ(world.pools[0]->pick({0, {}}, why_not).backend()->name(), "192.0.2.1:80");
}

TEST(BuildWorld, FindsALoopThatANameHid) {
  for (const std::string bind : {"127.0.0.1:8080", "0.0.0.0:8080"}) {
    config::Problems problems;
    build_world(config_of({backend("myself:8080")}, bind), resolving({"192.0.2.9:0", "127.0.0.1:0"}),
                problems);
    ASSERT_EQ(problems.size(), 1u) << bind;
    EXPECT_EQ(problems[0].severity, config::Severity::kError);
    EXPECT_EQ(
        problems[0].text,
        "pools.web.backends: \"myself:8080\" (127.0.0.1:8080) is this process's own listener \"front\" "
        "(bound to " +
            bind +
            " at weir.toml:3:1), so connections would go round in a loop: write the address of the real "
            "server");
  }
}

TEST(BuildWorld, TakesAnotherPortOfThisHostForNoLoop) {
  config::Problems problems;
  build_world(config_of({backend("myself:8081")}, "0.0.0.0:8080"), resolving({"127.0.0.1:0"}), problems);
  EXPECT_TRUE(problems.empty());
}

// Only a port that the kernel hands out as a source port can be met by a connect to it.
TEST(BuildWorld, LooksForSelfConnectionsOnlyWhereTheyCanBe) {
  unsigned first = 0;
  unsigned last = 0;
  ASSERT_TRUE(std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first >> last);
  const auto at = [](const char* host, unsigned port) {
    return backend(host + (":" + std::to_string(port)));
  };
  config::Problems problems;
  const World world =
      build_world(config_of({at("127.0.0.1", first), at("127.0.0.1", last), at("127.0.0.1", first - 1),
                             at("192.0.2.1", first), backend("unix:/run/x")}),
                  never(), problems);
  std::vector<bool> may;
  for (const auto& one : world.pools[0]->backends()) may.push_back(one->identity().may_self_connect);
  EXPECT_EQ(may, (std::vector<bool>{true, true, false, false, false}));
}

TEST(BuildWorld, GivesEachListenerItsSettingsAndItsPool) {
  config::Config config = config_of({backend("192.0.2.1:80")});
  config.pools.push_back(config.pools[0]);
  config.pools[1].name = "api";
  config.listeners.push_back(config.listeners[0]);
  config::ListenerConfig& second = config.listeners[1];
  second.name = "back";
  second.pool.value = "api";
  second.idle_timeout = base::Millis(11);
  second.half_close_timeout = base::Millis(12);
  second.max_lifetime = base::Millis(13);
  second.reset_linger = base::Millis(14);
  second.keepalive = std::nullopt;
  second.user_timeout = base::Millis(15);
  config.log.sessions = config::SessionLogging::kErrors;
  config::Problems problems;
  const World world = build_world(config, never(), problems);
  ASSERT_EQ(world.routes.size(), 2u);
  EXPECT_EQ(world.routes[0].pool, world.pools[0]);
  EXPECT_EQ(world.routes[1].pool, world.pools[1]);
  EXPECT_EQ(world.routes[0].settings->listener, "front");
  const session::SessionSettings& settings = *world.routes[1].settings;
  EXPECT_EQ(settings.listener, "back");
  EXPECT_EQ(settings.pool, world.pools[1]->name());
  EXPECT_EQ(settings.idle_timeout, base::Millis(11));
  EXPECT_EQ(settings.half_close_timeout, base::Millis(12));
  EXPECT_EQ(settings.max_lifetime, base::Millis(13));
  EXPECT_EQ(settings.relay.reset_linger, base::Millis(14));
  EXPECT_EQ(settings.tcp.keepalive, std::nullopt);
  EXPECT_EQ(settings.tcp.user_timeout, base::Millis(15));
  EXPECT_EQ(settings.logged, session::LoggedSessions::kErrors);
}

// A world, and the one that follows it when these tables of the configuration have changed.
class NextWorld : public testing::Test {
 protected:
  World follow(const config::Config& config, std::set<std::string> changed,
               const Resolve& resolve = never()) {
    const Predecessor predecessor{before_config, before,
                                  [&](const std::string& table) { return !changed.contains(table); }};
    return build_next_world(config, resolve, predecessor, succession, problems);
  }

  config::Problems problems;
  config::Config before_config = config_of({backend("192.0.2.1:80"), backend("app:8080")});
  World before = build_world(before_config, resolving({"192.0.2.9:0"}), problems);
  Succession succession;
};

TEST_F(NextWorld, OfTheSameConfigurationHasTheSameLiveBlocksAndNothingToBeDone) {
  const World next = follow(before_config, {});
  EXPECT_EQ(next.pools, before.pools);
  EXPECT_EQ(next.tallies, before.tallies);
  EXPECT_EQ(next.routes[0].pool, before.routes[0].pool);
  EXPECT_EQ(next.routes[0].settings, before.routes[0].settings) << "sessions of both share them";
  ASSERT_EQ(succession.pools.size(), 1u);
  EXPECT_FALSE(succession.pools[0]);
  ASSERT_EQ(next.names.size(), 1u);
  EXPECT_TRUE(next.names[0].endpoints.empty()) << "whoever keeps the names has the answer";
}

TEST_F(NextWorld, LeavesAChangedPoolAsItIsUntilItIsPutInForce) {
  config::Config config = before_config;
  config.pools[0].retries = 1;
  const World next = follow(config, {"pools.web"});
  EXPECT_EQ(next.pools, before.pools);
  EXPECT_EQ(next.pools[0]->settings()->retries, 5u);
  ASSERT_TRUE(succession.pools[0]);
  EXPECT_EQ(succession.pools[0]->retries, 1u);
}

TEST_F(NextWorld, AsksOnlyForNamesThatWereNotAskedForBefore) {
  config::Config config = before_config;
  config.pools[0].backends.push_back(backend("new:8080"));
  std::vector<std::string> asked;
  const Resolve resolve = [&](const base::HostPort& name) -> base::Result<std::vector<base::Address>> {
    asked.push_back(name.host);
    return std::vector<base::Address>{*base::parse_address("192.0.2.7:0")};
  };
  const World next = follow(config, {"pools.web"}, resolve);
  EXPECT_EQ(asked, std::vector<std::string>{"new"});
  ASSERT_EQ(next.names.size(), 2u);
  EXPECT_EQ(next.names[1].endpoints.size(), 1u);
}

TEST_F(NextWorld, MakesAnewWhatIsCalledOtherwise) {
  config::Config config = before_config;
  config.pools[0].name = "other";
  config.listeners[0].name = "back";
  config.listeners[0].pool.value = "other";
  const World next = follow(config, {"pools.other", "listeners.back"}, resolving({"192.0.2.9:0"}));
  EXPECT_NE(next.pools[0], before.pools[0]);
  EXPECT_NE(next.tallies[0], before.tallies[0]);
  EXPECT_NE(next.routes[0].settings, before.routes[0].settings);
  EXPECT_FALSE(succession.pools[0]);
}

TEST_F(NextWorld, GivesSessionsOtherSettingsWhenAnythingTheyAreMadeOfHasChanged) {
  config::Config config = before_config;
  config.listeners[0].idle_timeout = base::Millis(7);
  EXPECT_EQ(follow(config, {"listeners.front"}).routes[0].settings->idle_timeout, base::Millis(7));
  config = before_config;
  config.log.sessions = config::SessionLogging::kNone;
  EXPECT_EQ(follow(config, {"log"}).routes[0].settings->logged, session::LoggedSessions::kNone);
}

}  // namespace
}  // namespace weir::server
