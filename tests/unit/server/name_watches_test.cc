#include "server/name_watches.h"

#include <gtest/gtest.h>

#include "unit/support.h"

namespace weir::server {
namespace {

config::PoolConfig pool_of(const std::string& name, const std::vector<std::string>& backends,
                           const std::vector<base::Address>& servers) {
  config::PoolConfig pool;
  pool.name = name;
  for (const std::string& backend : backends) {
    pool.backends.emplace_back().address.value = *base::parse_endpoint(backend);
  }
  for (const base::Address& server : servers) pool.resolve.servers.push_back({server, {}});
  return pool;
}

TEST(NameWatches, ThoseThatAskTheSameServersAreOne) {
  const auto loop = test::make_loop();
  NameWatches watches(*loop);
  const base::Address a = *base::parse_address("127.0.0.1:53");
  const base::Address b = *base::parse_address("127.0.0.1:54");
  const auto of = [&](const std::vector<base::Address>& servers) {
    return *watches.of(pool_of("p", {}, servers).resolve);
  };
  discovery::NameWatch* const first = of({a});
  EXPECT_EQ(of({a}), first);
  EXPECT_NE(of({b}), first);
  EXPECT_NE(of({a, b}), of({b, a})) << "the first is asked first";
}

// A Weir that is reloaded for years may have asked many servers.
TEST(NameWatches, AreKeptOnlyWhileTheyHaveNames) {
  const auto loop = test::make_loop();
  NameWatches watches(*loop);
  const auto of = [&](const std::string& server) {
    return *watches.of(pool_of("p", {}, {*base::parse_address(server)}).resolve);
  };
  discovery::NameWatch* const used = of("127.0.0.1:53");
  const auto id = used->add({.name = "app.test", .port = 80}, {}, {});
  of("127.0.0.1:54");
  watches.drop_unused();
  EXPECT_EQ(watches.size(), 1u);
  EXPECT_EQ(of("127.0.0.1:53"), used);
  used->remove(id);
  watches.drop_unused();
  EXPECT_EQ(watches.size(), 0u);
}

TEST(NameSpecOf, AServiceIsAskedForAsOne) {
  config::PoolConfig pool = pool_of("p", {"app:80"}, {});
  EXPECT_EQ(name_spec_of(pool, pool.backends[0]).name, "app");
  EXPECT_EQ(name_spec_of(pool, pool.backends[0]).port, 80);
  EXPECT_EQ(name_spec_of(pool, pool.backends[0]).use, discovery::NameSpec::Use::kAddresses);
  EXPECT_FALSE(is_for_later(pool));
  pool.resolve.use = config::ResolveUse::kService;
  EXPECT_EQ(name_spec_of(pool, pool.backends[0]).use, discovery::NameSpec::Use::kServices);
  EXPECT_TRUE(is_for_later(pool));
}

TEST(MostResolverSockets, AreTwoForEachServerOfEachSetOfServers) {
  const base::Address a = *base::parse_address("127.0.0.1:53");
  const base::Address b = *base::parse_address("127.0.0.2:53");
  config::Config config;
  EXPECT_EQ(most_resolver_sockets(config), 0u);
  config.pools.push_back(pool_of("p", {"127.0.0.1:80"}, {a}));
  EXPECT_EQ(most_resolver_sockets(config), 0u) << "there is no name";
  config.pools.push_back(pool_of("q", {"x:80"}, {a, b}));
  config.pools.push_back(pool_of("r", {"y:80"}, {a, b}));
  EXPECT_EQ(most_resolver_sockets(config), 4u) << "the same servers are shared";
  config.pools.push_back(pool_of("s", {"y:80"}, {a}));
  EXPECT_EQ(most_resolver_sockets(config), 6u);
  config.pools.push_back(pool_of("t", {"y:80"}, {}));
  EXPECT_EQ(most_resolver_sockets(config), 22u);
}

}  // namespace
}  // namespace weir::server
