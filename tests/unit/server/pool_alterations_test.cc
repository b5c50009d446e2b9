#include "server/pool_alterations.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

config::BackendConfig entry(const std::string& name, const std::string& address) {
  config::BackendConfig entry;
  entry.name = name;
  entry.address.value = *base::parse_endpoint(address);
  return entry;
}

config::Config with(std::vector<config::BackendConfig> backends) {
  config::Config config;
  config.pools.emplace_back();
  config.pools[0].name = "web";
  config.pools[0].backends = std::move(backends);
  return config;
}

std::vector<std::string> added(const PoolAlterations& alterations) {
  std::vector<std::string> names;
  for (const config::BackendConfig& one : alterations.of("web").added) names.push_back(one.name);
  return names;
}

using Names = std::vector<std::string>;

TEST(PoolAlterations, AreNoneAtFirst) {
  const PoolAlterations none;
  EXPECT_TRUE(none.all().empty());
  EXPECT_TRUE(none.of("web").added.empty());
  EXPECT_TRUE(none.of("web").removed.empty());
}

TEST(PoolAlterations, GoOnFromThoseThatAreKnown) {
  const config::Config config = with({entry("a", "127.0.0.1:80")});
  PoolAlterations before;
  ASSERT_TRUE(before.add(config.pools[0], entry("new", "127.0.0.9:80")));
  ASSERT_TRUE(before.remove(config.pools[0], "a"));
  PoolAlterations after(before.all());
  EXPECT_EQ(added(after), Names{"new"});
  EXPECT_EQ(after.of("web").removed.at("a"), "127.0.0.1:80");
  after.forget_what_is_said_anew(config);
  EXPECT_EQ(added(after), Names{"new"});
  EXPECT_TRUE(after.of("web").removed.contains("a"));
  EXPECT_FALSE(after.add(config.pools[0], entry("new", "127.0.0.8:80")));
}

TEST(PoolAlterations, AreForgottenWhereTheConfigurationSaysSomethingElse) {
  const config::Config config = with({entry("a", "127.0.0.1:80"), entry("b", "app.internal:80")});
  PoolAlterations alterations;
  ASSERT_TRUE(alterations.add(config.pools[0], entry("new", "127.0.0.9:80")));
  ASSERT_TRUE(alterations.remove(config.pools[0], "a"));
  ASSERT_TRUE(alterations.remove(config.pools[0], "b"));
  alterations.forget_what_is_said_anew(
      with({entry("a", "127.0.0.1:81"), entry("b", "app.internal:80"), entry("new", "127.0.0.7:80")}));
  EXPECT_EQ(added(alterations), Names{});
  EXPECT_EQ(alterations.of("web").removed, (std::map<std::string, std::string>{{"b", "app.internal:80"}}));
  config::Config other = config;
  other.pools[0].name = "mail";
  alterations.forget_what_is_said_anew(other);
  EXPECT_TRUE(alterations.all().empty());
}

TEST(PoolAlterations, TakeBackWhatWasAdded) {
  const config::Config config = with({});
  PoolAlterations alterations;
  ASSERT_TRUE(alterations.add(config.pools[0], entry("new", "127.0.0.9:80")));
  ASSERT_TRUE(alterations.remove(config.pools[0], "new"));
  EXPECT_EQ(added(alterations), Names{});
  EXPECT_TRUE(alterations.of("web").removed.empty()) << "the configuration has none of that name";
  EXPECT_FALSE(alterations.remove(config.pools[0], "new"));
}

}  // namespace
}  // namespace weir::server
