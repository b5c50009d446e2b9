#include "config/loop_check.h"

#include <gtest/gtest.h>

#include "config/load.h"

namespace weir::config {
namespace {

base::Address address(const std::string& text) { return base::parse_address(text).value(); }

Config config_bound_to(const std::string& bind, const std::string& more = "") {
  return load_text("[listeners.web]\nbind = \"" + bind + "\"\npool = \"web\"\n" + more +
                       "[pools.web]\nbackends = [\"app.example:80\"]\n",
                   "test.toml", [](const auto&) { return std::nullopt; })
      .config;
}

bool is_loop(const Config& config, const std::string& target, const std::vector<std::string>& local = {}) {
  std::vector<base::Address> addresses;
  for (const std::string& one : local) addresses.push_back(address(one));
  const PoolConfig& pool = config.pools.at(0);
  return LoopCheck(config, addresses).problem(pool, pool.backends.at(0), address(target)).has_value();
}

TEST(LoopCheck, AnAddressOfThisMachineReachesAWildcardListener) {
  const Config config = config_bound_to("0.0.0.0:80");
  EXPECT_FALSE(is_loop(config, "192.0.2.1:80"));
  EXPECT_FALSE(is_loop(config, "192.0.2.1:80", {"192.0.2.2:0"}));
  EXPECT_TRUE(is_loop(config, "192.0.2.1:80", {"192.0.2.2:0", "192.0.2.1:0"}));
  EXPECT_TRUE(is_loop(config, "192.0.2.1:80", {"192.0.2.1:9999"}));
  EXPECT_FALSE(is_loop(config, "192.0.2.1:81", {"192.0.2.1:0"}));
}

TEST(LoopCheck, LoopbackIsLocalWithoutBeingTold) {
  EXPECT_TRUE(is_loop(config_bound_to("0.0.0.0:80"), "127.9.9.9:80"));
  EXPECT_FALSE(is_loop(config_bound_to("127.0.0.1:80"), "127.9.9.9:80"));
}

TEST(LoopCheck, AnIpv6WildcardTakesIpv4OnlyWithoutV6only) {
  EXPECT_FALSE(is_loop(config_bound_to("[::]:80"), "127.0.0.1:80"));
  EXPECT_TRUE(is_loop(config_bound_to("[::]:80", "v6only = false\n"), "127.0.0.1:80"));
  EXPECT_TRUE(is_loop(config_bound_to("0.0.0.0:80"), "[::ffff:127.0.0.1]:80"));
}

TEST(LoopCheck, PortZeroIsNeverALoop) {
  EXPECT_FALSE(is_loop(config_bound_to("127.0.0.1:0"), "127.0.0.1:80"));
}

TEST(LoopCheck, TheAdminDoorIsNoBackend) {
  const Config config = config_bound_to("127.0.0.1:80", "[admin]\nbind = \"127.0.0.1:9900\"\n");
  EXPECT_TRUE(is_loop(config, "127.0.0.1:9900"));
  EXPECT_FALSE(is_loop(config, "127.0.0.1:9901"));
  const PoolConfig& pool = config.pools.at(0);
  const auto problem = LoopCheck(config, {}).problem(pool, pool.backends.at(0), address("127.0.0.1:9900"));
  ASSERT_TRUE(problem);
  EXPECT_NE(to_string(*problem).find("this process's own admin door"), std::string::npos);
  EXPECT_TRUE(is_loop(config_bound_to("127.0.0.1:80", "[admin]\nbind = \"unix:/run/a\"\n"), "unix:/run/a"));
}

TEST(LoopCheck, TheMessageNamesBothTheNameAndWhatItResolvedTo) {
  const Config config = config_bound_to("127.0.0.1:80");
  const PoolConfig& pool = config.pools.at(0);
  const auto problem = LoopCheck(config, {}).problem(pool, pool.backends.at(0), address("127.0.0.1:80"));
  ASSERT_TRUE(problem);
  EXPECT_EQ(to_string(*problem),
            "test.toml:5:13: error: pools.web.backends: \"app.example:80\" (127.0.0.1:80) is this process's "
            "own listener \"web\" (bound to 127.0.0.1:80 at test.toml:2:8), so connections would go round in "
            "a loop: write the address of the real server");
}

}  // namespace
}  // namespace weir::config
