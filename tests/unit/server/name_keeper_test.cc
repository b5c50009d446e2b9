// The keeper on a loop and with a name server of the test's own. What it does to sessions is a matter of the
// running process (tests/process/names_test).
#include "server/name_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.h"
#include "support/dns_server.h"
#include "unit/support.h"

namespace weir::server {
namespace {

using test::DnsServer;

config::BackendConfig entry(const std::string& endpoint) {
  config::BackendConfig entry;
  entry.address = {*base::parse_endpoint(endpoint), {"weir.toml", 20, 5}};
  entry.name = endpoint;
  return entry;
}

config::PoolConfig pool_of(const std::string& name, const std::vector<std::string>& backends,
                           const std::vector<base::Address>& servers) {
  config::PoolConfig pool;
  pool.name = name;
  for (const std::string& backend : backends) pool.backends.push_back(entry(backend));
  for (const base::Address& server : servers) pool.resolve.servers.push_back({server, {}});
  return pool;
}

// A world of a configuration whose pools all ask their own servers, its keeper, and what drives them.
class Kept {
 public:
  explicit Kept(config::Config config, PoolAlterations alterations = {}) : config_(std::move(config)) {
    config_.log.output.value = directory_.file("log");
    log_ = *LogWriter::open(config_.log);
    loop_ = *net::EventLoop::create();
    const Resolve never = [](const base::HostPort&) -> base::Result<std::vector<base::Address>> {
      ADD_FAILURE() << "the system's resolver is asked";
      return std::vector<base::Address>{};
    };
    config::Problems problems;
    world_ = build_world(config_, never, problems);
    auto keeper =
        NameKeeper::create(*loop_, {config_, world_.pools, world_.names, *log_, std::move(alterations)});
    EXPECT_TRUE(keeper.has_value());
    keeper_ = std::move(*keeper);
  }

  NameKeeper& keeper() { return *keeper_; }
  std::vector<NameStatus> status(std::size_t pool) const { return keeper_->status(config_.pools[pool].name); }

  // Another configuration takes the place of the one before; what the first pool is to have by it.
  std::vector<std::string> change(config::Config config) {
    config::Problems problems;
    Succession succession;
    const Predecessor before{config_, world_, [](const std::string&) { return false; }};
    const Resolve never = [](const base::HostPort&) -> base::Result<std::vector<base::Address>> {
      return base::failure({base::ErrorSide::kSystem, "the system's resolver is asked"});
    };
    World next = build_next_world(config, never, before, succession, problems);
    later_ = std::make_unique<std::pair<config::Config, World>>(std::move(config), std::move(next));
    EXPECT_TRUE(keeper_->change(later_->first, later_->second.pools, later_->second.names).has_value());
    std::vector<std::string> names;
    for (const auto& backend : keeper_->backends(0)) names.push_back(backend->name());
    keeper_->pools_changed();
    return names;
  }

  std::vector<std::string> backends(std::size_t pool) const {
    std::vector<std::string> names;
    for (const auto& backend : world_.pools[pool]->backends()) names.push_back(backend->name());
    return names;
  }

 private:
  const test::TempFolder directory_;
  config::Config config_;
  std::unique_ptr<LogWriter> log_;
  std::unique_ptr<net::EventLoop> loop_;
  World world_;
  std::unique_ptr<std::pair<config::Config, World>> later_;
  std::unique_ptr<NameKeeper> keeper_;
};

using Names = std::vector<std::string>;

TEST(NameKeeper, AwaitsTheFirstAnswersOfAllPools) {
  DnsServer one;
  DnsServer other;
  one.set_addresses("app.test", 60, {"127.0.0.2", "127.0.0.3"});
  other.set_addresses("app.test", 60, {"127.0.0.4"});
  config::Config config;
  config.pools.push_back(pool_of("p", {"app.test:80", "127.0.0.9:80"}, {one.address()}));
  config.pools.push_back(pool_of("q", {"app.test:81", "gone.test:80"}, {other.address()}));
  Kept kept(std::move(config));
  EXPECT_EQ(kept.backends(0), (Names{"app.test:80", "127.0.0.9:80"}));
  kept.keeper().await_answers(test::kPatience);
  Names first = kept.backends(0);
  std::sort(first.begin(), first.end());
  EXPECT_EQ(first, (Names{"127.0.0.9:80", "app.test:80@127.0.0.2", "app.test:80@127.0.0.3"}));
  Names second = kept.backends(1);
  std::sort(second.begin(), second.end());
  EXPECT_EQ(second, (Names{"app.test:81@127.0.0.4", "gone.test:80"}));

  const auto status = kept.status(1);
  ASSERT_EQ(status.size(), 2u);
  EXPECT_EQ(status[0].name, "app.test:81");
  EXPECT_EQ(status[0].asked, "app.test");
  EXPECT_EQ(status[0].answers, 1u);
  EXPECT_EQ(status[0].failures, 0u);
  ASSERT_TRUE(status[0].age.has_value());
  EXPECT_GT(status[0].next_question, base::Millis(30'000));
  EXPECT_EQ(status[1].answers, 0u);
  EXPECT_EQ(status[1].failures, 1u);
  EXPECT_FALSE(status[1].age.has_value());
  EXPECT_NE(status[1].error.find("NXDOMAIN"), std::string::npos);
}

TEST(NameKeeper, AwaitsASilentNameServerNoLongerThanItIsTold) {
  DnsServer dns;
  auto silent = std::make_unique<DnsServer::Answer>();
  silent->mood = DnsServer::Mood::kSilent;
  dns.set_all(std::move(silent));
  config::Config config;
  config.pools.push_back(pool_of("p", {"app.test:80"}, {dns.address()}));
  Kept kept(std::move(config));
  kept.keeper().await_answers(base::Millis(50));
  EXPECT_EQ(kept.backends(0), Names{"app.test:80"});
  EXPECT_EQ(kept.status(0).at(0).answers, 0u);
}

TEST(NameKeeper, WithoutNamesThereIsNothingToAwait) {
  config::Config config;
  config.pools.push_back(pool_of("p", {"127.0.0.1:80"}, {}));
  Kept kept(std::move(config));
  kept.keeper().await_answers(std::chrono::hours(1));
  EXPECT_TRUE(kept.status(0).empty());
}

class NamesOfAnotherConfiguration : public testing::Test {
 protected:
  NamesOfAnotherConfiguration() { dns.set_addresses("app.test", 60, {"127.0.0.2", "127.0.0.3"}); }

  config::Config config_with(const std::vector<std::string>& entries) {
    config::Config config;
    config.pools.push_back(pool_of("p", entries, {dns.address()}));
    return config;
  }

  const Names answer{"app.test:80@127.0.0.2", "app.test:80@127.0.0.3"};
  DnsServer dns;
};

TEST_F(NamesOfAnotherConfiguration, GoOnWithWhatIsKnownWhereTheyAreAskedForAlike) {
  Kept kept(config_with({"app.test:80"}));
  kept.keeper().await_answers(test::kPatience);
  config::Config config = config_with({"127.0.0.9:80", "app.test:80"});
  config.pools[0].backends[1].weight = 7;
  EXPECT_EQ(kept.change(std::move(config)), (Names{"127.0.0.9:80", answer[0], answer[1]}));
  EXPECT_EQ(kept.status(0).at(0).answers, 1u) << "it was not asked for again";
}

TEST_F(NamesOfAnotherConfiguration, HaveTheirLastAnswerWhereTheyAreAskedForOtherwise) {
  Kept kept(config_with({"app.test:80"}));
  kept.keeper().await_answers(test::kPatience);
  config::Config config = config_with({"app.test:80"});
  config.pools[0].resolve.interval = base::Millis(60'000);
  EXPECT_EQ(kept.change(std::move(config)), answer) << "before it has another one";
}

TEST_F(NamesOfAnotherConfiguration, AreForgottenWhereTheyAreGone) {
  Kept kept(config_with({"app.test:80"}));
  kept.keeper().await_answers(test::kPatience);
  EXPECT_EQ(kept.change(config_with({"127.0.0.9:80"})), Names{"127.0.0.9:80"});
  EXPECT_TRUE(kept.status(0).empty());
  EXPECT_EQ(kept.change(config_with({"app.test:80"})), Names{"app.test:80"}) << "it is a new one";
}

config::BackendConfig named(const std::string& name, const std::string& address, std::uint32_t weight = 1) {
  config::BackendConfig made = entry(address);
  made.name = name;
  made.weight = weight;
  return made;
}

std::string fault(const base::Result<void>& result) { return result ? "" : result.error().message(); }

config::Config written(const std::vector<std::string>& addresses = {"127.0.0.1:80", "127.0.0.2:80"}) {
  config::Config config;
  config.pools.push_back(pool_of("p", addresses, {}));
  return config;
}

// What an operator adds and removes, beside two entries that are written and a name.
class AlteredPool : public testing::Test {
 protected:
  AlteredPool() : kept(written()) {}

  std::string add(const std::string& name, const std::string& address) {
    return fault(kept.keeper().add(0, named(name, address)));
  }
  std::string remove(const std::string& name) { return fault(kept.keeper().remove(0, name)); }

  Kept kept;
};

TEST_F(AlteredPool, HasWhatWasAddedAndNotWhatWasRemoved) {
  EXPECT_EQ(add("new", "127.0.0.9:80"), "");
  EXPECT_EQ(kept.backends(0), (Names{"127.0.0.1:80", "127.0.0.2:80", "new"}));
  EXPECT_EQ(remove("127.0.0.1:80"), "");
  EXPECT_EQ(kept.backends(0), (Names{"127.0.0.2:80", "new"}));
  EXPECT_EQ(remove("new"), "");
  EXPECT_EQ(remove("127.0.0.2:80"), "");
  EXPECT_EQ(kept.backends(0), Names{});
  EXPECT_EQ(add("new", "127.0.0.8:80"), "") << "there is none of that name any more";
  EXPECT_EQ(kept.backends(0), Names{"new"});
}

TEST_F(AlteredPool, RefusesWhatCannotBe) {
  EXPECT_EQ(add("new", "127.0.0.9:80"), "");
  EXPECT_EQ(add("new", "127.0.0.8:80"), "there is a backend \"new\" already");
  EXPECT_EQ(add("127.0.0.1:80", "127.0.0.8:80"), "there is a backend \"127.0.0.1:80\" already");
  EXPECT_EQ(remove("other"), "there is no backend \"other\"");
  EXPECT_EQ(remove("127.0.0.1:80"), "");
  EXPECT_EQ(remove("127.0.0.1:80"), "there is no backend \"127.0.0.1:80\"");
  EXPECT_EQ(add("127.0.0.1:80", "127.0.0.1:80"),
            "the configuration has a backend \"127.0.0.1:80\" that was removed here: only a reload after a "
            "change of "
            "its entry brings it back, or another name");
  EXPECT_EQ(kept.backends(0), (Names{"127.0.0.2:80", "new"}));
}

TEST(PoolWithTls, TakesNoBackendWhoseCertificateCouldBeForNobody) {
  config::Config config = written();
  config.pools[0].tls.emplace();
  Kept kept(std::move(config));
  EXPECT_THAT(fault(kept.keeper().add(0, named("new", "unix:/run/app.sock"))),
              testing::HasSubstr("a unix socket has no name that a certificate could be for"));
  EXPECT_EQ(fault(kept.keeper().add(0, named("new", "127.0.0.9:80"))), "");
}

TEST(FullPool, TakesNoFurtherBackend) {
  std::vector<std::string> addresses;
  for (std::size_t i = 0; i < config::kMaxBackends; ++i) {
    addresses.push_back("127.1." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250) + ":80");
  }
  Kept kept(written(addresses));
  EXPECT_EQ(fault(kept.keeper().add(0, named("new", "127.0.0.9:80"))),
            "the pool has as many backends as it may: " + std::to_string(config::kMaxBackends));
  EXPECT_EQ(fault(kept.keeper().remove(0, addresses[0])), "");
  EXPECT_EQ(fault(kept.keeper().add(0, named("new", "127.0.0.9:80"))), "");
  const Names backends = kept.backends(0);
  EXPECT_EQ(std::count(backends.begin(), backends.end(), "new"), 1);
  EXPECT_EQ(backends.size(), config::kMaxBackends);
}

TEST_F(AlteredPool, StaysSoWhileItsEntriesAreWrittenAsBefore) {
  EXPECT_EQ(add("new", "127.0.0.9:80"), "");
  EXPECT_EQ(remove("127.0.0.1:80"), "");
  config::Config more = written({"127.0.0.1:80", "127.0.0.2:80", "127.0.0.3:80"});
  more.pools[0].backends[0].weight = 7;
  EXPECT_EQ(kept.change(std::move(more)), (Names{"127.0.0.2:80", "127.0.0.3:80", "new"}));
}

TEST_F(AlteredPool, LeavesOutWhatTheConfigurationComesToForbid) {
  EXPECT_EQ(add("socket", "unix:/run/app.sock"), "");
  EXPECT_EQ(add("new", "127.0.0.9:80"), "");
  config::Config encrypted = written();
  encrypted.pools[0].tls.emplace();
  EXPECT_EQ(kept.change(std::move(encrypted)), (Names{"127.0.0.1:80", "127.0.0.2:80", "new"}));
  config::Config beside = written();
  beside.listeners.emplace_back();
  beside.listeners[0].name = "web";
  beside.listeners[0].pool.value = "p";
  beside.listeners[0].bind = {{*base::parse_address("127.0.0.9:80"), {}}};
  EXPECT_EQ(kept.change(std::move(beside)), (Names{"127.0.0.1:80", "127.0.0.2:80", "socket"})) << "a loop";
}

TEST_F(AlteredPool, ForgetsWhatTheConfigurationSaysAnew) {
  EXPECT_EQ(add("new", "127.0.0.9:80"), "");
  EXPECT_EQ(remove("127.0.0.1:80"), "");
  config::Config other = written();
  other.pools[0].backends[0] = named("127.0.0.1:80", "127.0.0.1:81");
  other.pools[0].backends.push_back(named("new", "127.0.0.4:80"));
  EXPECT_EQ(kept.change(std::move(other)), (Names{"127.0.0.1:80", "127.0.0.2:80", "new"}));
  EXPECT_EQ(kept.change(written()), (Names{"127.0.0.1:80", "127.0.0.2:80"})) << "for good";
}

TEST_F(AlteredPool, BringsARemovedEntryBackWhenItWasAwayFromTheConfiguration) {
  EXPECT_EQ(remove("127.0.0.1:80"), "");
  EXPECT_EQ(kept.change(written({"127.0.0.2:80"})), Names{"127.0.0.2:80"});
  EXPECT_EQ(kept.change(written()), (Names{"127.0.0.1:80", "127.0.0.2:80"}));
}

TEST_F(AlteredPool, IsSoAtOnceWhereAnotherProcessHadAlteredIt) {
  EXPECT_EQ(add("new", "127.0.0.9:80"), "");
  EXPECT_EQ(remove("127.0.0.1:80"), "");
  Kept next(written(), kept.keeper().alterations());
  EXPECT_EQ(next.backends(0), (Names{"127.0.0.2:80", "new"}));
  config::Config said = written();
  said.pools[0].backends.push_back(named("new", "127.0.0.4:80"));
  Kept other(std::move(said), kept.keeper().alterations());
  EXPECT_EQ(other.backends(0), (Names{"127.0.0.2:80", "new"})) << "once";
}

TEST_F(AlteredPool, IsForgottenWithThePool) {
  EXPECT_EQ(add("new", "127.0.0.9:80"), "");
  config::Config other = written();
  other.pools[0].name = "q";
  EXPECT_EQ(kept.change(std::move(other)), (Names{"127.0.0.1:80", "127.0.0.2:80"}));
  EXPECT_EQ(kept.change(written()), (Names{"127.0.0.1:80", "127.0.0.2:80"}));
}

TEST_F(NamesOfAnotherConfiguration, MayBeRemovedWhole) {
  Kept kept(config_with({"app.test:80", "127.0.0.9:80"}));
  kept.keeper().await_answers(test::kPatience);
  EXPECT_EQ(fault(kept.keeper().remove(0, "app.test:80@127.0.0.2")),
            "there is no backend \"app.test:80@127.0.0.2\"")
      << "an address is not what was written";
  EXPECT_EQ(fault(kept.keeper().remove(0, "app.test:80")), "");
  EXPECT_EQ(kept.backends(0), Names{"127.0.0.9:80"});
  EXPECT_EQ(fault(kept.keeper().add(0, named("new", "127.0.0.8:80"))), "");
  EXPECT_EQ(kept.backends(0), (Names{"127.0.0.9:80", "new"}));
}

}  // namespace
}  // namespace weir::server
