// Each policy through the whole binary with two workers: who gets how much of the sessions that stay, who is
// met again, and when backups are used.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "support/asking.h"
#include "support/backend.h"
#include "support/clients.h"
#include "support/pool_facts.h"

namespace weir::test {
namespace {

using Counts = std::map<std::string, std::size_t>;

// Backends that say their names.
struct Names {
  explicit Names(const std::vector<std::string>& given) : names(given) {
    for (const std::string& name : names) backends.push_back(std::make_unique<Backend>(names_itself(name)));
  }

  // `keys` for each, e.g. "weight = 2"; as many as there are backends, or none.
  Configuration pool(const std::string& policy, const std::vector<std::string>& keys = {}) const {
    Configuration configuration;
    configuration.workers = 2;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto& address = backends[i]->address();
      configuration.backends.push_back(keys.empty() ? entry(address, names[i])
                                                    : entry_with(address, names[i], keys[i]));
    }
    configuration.pool = "policy = \"" + policy + "\"\n";
    return configuration;
  }

  std::vector<std::string> names;
  std::vector<std::unique_ptr<Backend>> backends;
};

std::size_t count_of(const Counts& counts, const std::string& name) {
  const auto at = counts.find(name);
  return at == counts.end() ? 0 : at->second;
}

TEST(RoundRobin, GivesTheSharesOfTheWeightsAndNothingForAWeightOfNone) {
  const Names names({"a", "b", "c"});
  const WeirProcess weir(names.pool("round_robin", {"weight = 1", "weight = 0", "weight = 4"}));
  const Tally tally = ask_at_once(weir, 100);
  EXPECT_EQ(tally.of("a"), 20u);
  EXPECT_EQ(tally.of("b"), 0u);
  EXPECT_EQ(tally.of("c"), 80u);
  EXPECT_EQ(facts_of(weir, "b").state, "drain");
}

TEST(LeastConnections, KeepsThoseThatStayWithinOneOfEachOther) {
  const Names names({"a", "b", "c"});
  const WeirProcess weir(names.pool("least_connections"));
  const auto held = hold_at_once(weir, 31);
  const Counts counts = places(held);
  for (const std::string name : {"a", "b", "c"}) {
    EXPECT_GE(count_of(counts, name), 10u) << name;
    EXPECT_LE(count_of(counts, name), 11u) << name;
  }
}

TEST(LeastConnections, KeepsThoseThatStayWithinOneOfTheirWeightsShare) {
  const Names names({"a", "b", "c"});
  const WeirProcess weir(names.pool("least_connections", {"weight = 1", "weight = 2", "weight = 3"}));
  const auto held = hold_at_once(weir, 60);
  const Counts counts = places(held);
  EXPECT_NEAR(static_cast<double>(count_of(counts, "a")), 10, 1);
  EXPECT_NEAR(static_cast<double>(count_of(counts, "b")), 20, 1);
  EXPECT_NEAR(static_cast<double>(count_of(counts, "c")), 30, 1);
}

TEST(LeastConnections, FillsUpWhereSessionsHaveEnded) {
  const Names names({"a", "b", "c"});
  const WeirProcess weir(names.pool("least_connections"));
  auto held = hold_at_once(weir, 30);
  std::erase_if(held, [](const Held& one) { return one.name == "b"; });
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "b").in_flight == 0; }));
  EXPECT_EQ(places(hold_at_once(weir, 10)), (Counts{{"b", 10}}));
}

// Two choices keep sessions that stay nearly even: far within these bounds, whatever the seed.
TEST(RandomTwo, SharesThoseThatStayRoughlyEvenly) {
  const Names names({"a", "b", "c"});
  const WeirProcess weir(names.pool("random_two"));
  const Counts counts = places(hold_at_once(weir, 150));
  for (const std::string name : {"a", "b", "c"}) {
    EXPECT_GE(count_of(counts, name), 25u) << name;
    EXPECT_LE(count_of(counts, name), 100u) << name;
  }
}

// How long connects take over loopback is chance; but each is tried.
TEST(Fastest, LeavesNoneOut) {
  const Names names({"a", "b", "c"});
  const WeirProcess weir(names.pool("fastest"));
  const Counts counts = places(hold_at_once(weir, 150));
  for (const std::string name : {"a", "b", "c"}) EXPECT_GE(count_of(counts, name), 1u) << name;
  EXPECT_GT(weir.admin().seconds("weir_backend_connect_seconds"), 0);
}

// A time that was bad once must not stand for ever: only a new attempt can tell that it no longer holds.
TEST(Fastest, TriesABackendAgainThatFailedOnce) {
  const DeadPort port;
  const Names names({"a", "b"});
  Configuration configuration = names.pool("fastest");
  configuration.backends.push_back(entry(port.address(), "odd"));
  const WeirProcess weir(configuration);
  ASSERT_TRUE(eventually([&] { return ask(weir).bytes != "" && facts_of(weir, "odd").failures > 0; }));
  const Backend back(port.address(), names_itself("odd"));
  EXPECT_TRUE(eventually([&] { return ask_in_turn(weir, 20).of("odd") > 0; }));
}

class EachThatSpreads : public testing::TestWithParam<const char*> {};

TEST_P(EachThatSpreads, GivesABackendThatFailedItsShareOnceItIsBack) {
  const DeadPort port;
  const Names names({"a", "b"});
  Configuration configuration = names.pool(GetParam());
  configuration.backends.push_back(entry(port.address(), "odd"));
  configuration.rest = "[pools.web.outlier]\nconsecutive_failures = 1\neject_time = \"100ms\"\n";
  const WeirProcess weir(configuration);
  ASSERT_TRUE(
      eventually([&] { return ask_in_turn(weir, 5).served() == 5 && facts_of(weir, "odd").ejections > 0; }));
  const Backend back(port.address(), names_itself("odd"));
  wait_for_event_of(weir, "backend_returned", "odd");
  const Counts counts = places(hold_at_once(weir, 90));
  EXPECT_GE(count_of(counts, "odd"), 10u);
}

INSTANTIATE_TEST_SUITE_P(Policy, EachThatSpreads,
                         testing::Values("round_robin", "least_connections", "random_two", "fastest"),
                         [](const auto& test) { return std::string(test.param); });

// Addresses of this machine, each a client; and the backend that each meets.
std::vector<std::string> hosts(const std::string& prefix, int count) {
  std::vector<std::string> all;
  for (int i = 1; i <= count; ++i) all.push_back(prefix + std::to_string(i));
  return all;
}

std::map<std::string, std::string> met_by(const WeirProcess& weir, const std::vector<std::string>& clients) {
  std::map<std::string, std::string> met;
  for (const std::string& host : clients) met[host] = ask(weir.address(), from(host)).bytes;
  return met;
}

std::set<std::string> those_met(const std::map<std::string, std::string>& met) {
  std::set<std::string> names;
  for (const auto& [host, name] : met) names.insert(name);
  return names;
}

TEST(SourceHash, TheSameClientMeetsTheSameBackendAtAnyWorkerOfAnyWeir) {
  const Names names({"a", "b", "c"});
  const WeirProcess weir(names.pool("source_hash"));
  const WeirProcess other(names.pool("source_hash"));
  const auto clients = hosts("127.0.3.", 60);
  const auto met = met_by(weir, clients);
  EXPECT_EQ(those_met(met), (std::set<std::string>{"a", "b", "c"}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(met_by(weir, clients), met);
  EXPECT_EQ(met_by(other, clients), met);
  const Metrics metrics = weir.admin().metrics();
  EXPECT_GT(metrics.sum("weir_worker_sessions_total", {{"worker", "0"}}), 0u);
  EXPECT_GT(metrics.sum("weir_worker_sessions_total", {{"worker", "1"}}), 0u);
}

TEST(SourceHash, OnlyTheClientsOfADeadBackendMoveAndTheyStayWhereTheyWent) {
  const Names names({"a", "b", "c"});
  const WeirProcess whole(names.pool("source_hash"));
  const DeadPort dead;
  Configuration without_b = names.pool("source_hash");
  without_b.backends[1] = entry(dead.address(), "b");
  without_b.rest =
      "[pools.web.health]\ntype = \"tcp\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\nfall = 1\n";
  const WeirProcess weir(without_b);
  ASSERT_TRUE(becomes(weir, "b", "down"));

  const auto clients = hosts("127.0.3.", 60);
  const auto before = met_by(whole, clients);
  const auto after = met_by(weir, clients);
  for (const std::string& host : clients) {
    if (before.at(host) == "b") {
      EXPECT_NE(after.at(host), "b");
      EXPECT_NE(after.at(host), "") << host;
    } else {
      EXPECT_EQ(after.at(host), before.at(host)) << host;
    }
  }
  EXPECT_EQ(met_by(weir, clients), after);
}

TEST(SourceHash, APrefixOfTheAddressIsOneClient) {
  const Names names({"a", "b", "c"});
  Configuration configuration = names.pool("source_hash");
  configuration.pool += "hash_key = \"client_prefix/24\"\n";
  const WeirProcess weir(configuration);
  std::set<std::string> over_networks;
  for (int network = 1; network <= 30; ++network) {
    const auto met = those_met(met_by(weir, hosts("127.0." + std::to_string(network) + ".", 4)));
    EXPECT_EQ(met.size(), 1u) << network;
    over_networks.insert(met.begin(), met.end());
  }
  EXPECT_EQ(over_networks, (std::set<std::string>{"a", "b", "c"}));
}

TEST(SourceHash, ABalanceBoundsWhatOneClientCanPutOnOneBackend) {
  const Names names({"a", "b", "c"});
  Configuration configuration = names.pool("source_hash");
  configuration.pool += "hash_balance = 1.5\n";
  const WeirProcess weir(configuration);
  const Counts counts = places(hold_at_once(weir, 30));                    // all from one address
  for (const auto& [name, count] : counts) EXPECT_LE(count, 16u) << name;  // 1.5 times a third, rounded up
  EXPECT_GE(counts.size(), 2u);
}

TEST(First, FillsOneAfterTheOtherUpToItsMaximum) {
  const Names names({"a", "b", "c"});
  const std::string two = "max_connections = 2";
  const WeirProcess weir(names.pool("first", {two, two, two}));
  auto held = hold_at_once(weir, 5);
  EXPECT_EQ(places(held), (Counts{{"a", 2}, {"b", 2}, {"c", 1}}));

  held.erase(std::find_if(held.begin(), held.end(), [](const Held& one) { return one.name == "a"; }));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").in_flight == 1; }));
  EXPECT_EQ(hold(weir).name, "a");
}

class EachPolicy : public testing::TestWithParam<const char*> {};

TEST_P(EachPolicy, LeavesBackupsAloneWhileThereIsAPrimary) {
  const Names names({"a", "b", "spare"});
  const WeirProcess weir(names.pool(GetParam(), {"weight = 1", "weight = 1", "backup = true"}));
  const Tally tally = ask_at_once(weir, 60);
  EXPECT_EQ(tally.of("a") + tally.of("b"), 60u) << tally.failures();
  EXPECT_EQ(tally.of("spare"), 0u);
}

TEST_P(EachPolicy, UsesBackupsWhileNoPrimaryIsUpAndNoLonger) {
  const DeadPort primary;
  const Names names({"spare", "other"});
  Configuration configuration = names.pool(GetParam(), {"backup = true", "backup = true"});
  configuration.backends.push_back(entry(primary.address(), "primary"));
  configuration.rest =
      "[pools.web.health]\ntype = \"tcp\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\nfall = 1\n";
  const WeirProcess weir(configuration);
  ASSERT_TRUE(becomes(weir, "primary", "down"));
  const Tally without = ask_at_once(weir, 40);
  EXPECT_EQ(without.of("spare") + without.of("other"), 40u) << without.failures();

  const Backend back(primary.address(), names_itself("primary"));
  ASSERT_TRUE(becomes(weir, "primary", "up"));
  EXPECT_EQ(ask_at_once(weir, 40).of("primary"), 40u);
}

TEST_P(EachPolicy, GivesARetryToABackendThatHasNotBeenTried) {
  const DeadPort dead[2];
  const Names names({"living"});
  Configuration configuration = names.pool(GetParam());
  configuration.backends.insert(configuration.backends.begin(),
                                {entry(dead[0].address(), "x"), entry(dead[1].address(), "y")});
  configuration.rest = "[pools.web.outlier]\nconsecutive_failures = 0\n";
  const WeirProcess weir(configuration);
  EXPECT_EQ(ask_in_turn(weir, 30).of("living"), 30u);
  for (const LogLine& session : weir.wait_for_sessions(30)) EXPECT_LE(session.number("attempts"), 3u);
}

INSTANTIATE_TEST_SUITE_P(Policy, EachPolicy,
                         testing::Values("round_robin", "least_connections", "random_two", "fastest",
                                         "source_hash", "first"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace weir::test
