#include "admission/gate.h"

#include <gtest/gtest.h>

namespace weir::admission {
namespace {

using std::chrono::seconds;

const base::TimePoint kStart = base::TimePoint(std::chrono::hours(100));

base::Address address(const std::string& text) { return *base::parse_address(text); }

std::shared_ptr<const AccessList> denying(const std::string& prefix) {
  ClientList deny;
  deny.prefixes.push_back(base::parse_prefix(prefix)->prefix);
  return std::make_shared<const AccessList>(ClientList{}, deny);
}

Gate::Rules rules_of(const LimitSettings& settings) {
  return {std::make_shared<const AccessList>(), std::make_shared<LimitSet>(settings), nullptr};
}

std::shared_ptr<RateLimiter> limiter(std::uint64_t burst) {
  return std::make_shared<RateLimiter>(Gcra({1, seconds(3600)}, burst));
}

TEST(Gate, WithoutRulesAdmitsEverybodyAndAsksNoClock) {
  Gate gate(rules_of({}));
  LimitPermits permits;
  EXPECT_FALSE(gate.asks_the_time());
  EXPECT_FALSE(gate.admit(address("192.0.2.1:1"), {}, permits).refused);
  EXPECT_FALSE(gate.admit(base::Address::unix_path(""), {}, permits).refused);
}

TEST(Gate, ADeniedClientCostsNoLimitAnything) {
  LimitSettings settings;
  settings.max_connections = 1;
  settings.rate = Gcra({1, seconds(3600)}, 1);
  settings.client = {1, Gcra({1, seconds(3600)}, 1)};
  Gate::Rules rules = rules_of(settings);
  rules.access = denying("192.0.2.0/24");
  rules.process_rate = limiter(1);
  Gate gate(rules);
  LimitPermits permits;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(gate.admit(address("192.0.2.1:1"), kStart, permits).refused, Refusal::kDenied);
  }
  EXPECT_FALSE(gate.admit(address("198.51.100.1:1"), kStart, permits).refused);
}

TEST(Gate, ARefusalByTheProcessGivesBackWhatTheListenerGave) {
  LimitSettings settings;
  settings.rate = Gcra({1, seconds(3600)}, 5);
  settings.client = {std::nullopt, Gcra({1, seconds(3600)}, 2)};
  Gate::Rules rules = rules_of(settings);
  rules.process_rate = limiter(1);
  Gate gate(rules);
  LimitPermits permits;
  ASSERT_FALSE(gate.admit(address("192.0.2.9:1"), kStart, permits).refused);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(gate.admit(address("192.0.2.1:1"), kStart, permits).refused, Refusal::kProcessRate);
  }
  // The same limits behind another process rate: nothing is used up.
  rules.process_rate = nullptr;
  Gate other(rules);
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(other.admit(address("192.0.2.1:1"), kStart, permits).refused);
  EXPECT_EQ(other.admit(address("192.0.2.1:1"), kStart, permits).refused, Refusal::kClientRate);
}

TEST(Gate, ADryRunAdmitsAndTellsWhatItWouldHaveRefused) {
  LimitSettings settings;
  settings.client = {1, std::nullopt};
  settings.dry_run = true;
  Gate gate(rules_of(settings));
  LimitPermits first;
  LimitPermits second;
  EXPECT_FALSE(gate.admit(address("192.0.2.1:1"), kStart, first).would_refuse);
  const Decision decision = gate.admit(address("192.0.2.1:2"), kStart, second);
  EXPECT_FALSE(decision.refused);
  EXPECT_EQ(decision.would_refuse, Refusal::kClientConnections);
}

TEST(Gate, ADryRunLeavesTheAccessListAndTheProcessInForce) {
  LimitSettings settings;
  settings.client = {1, std::nullopt};
  settings.dry_run = true;
  Gate::Rules rules = rules_of(settings);
  rules.access = denying("192.0.2.0/24");
  rules.process_rate = limiter(1);
  Gate gate(rules);
  LimitPermits permits;
  LimitPermits more;
  EXPECT_EQ(gate.admit(address("192.0.2.1:1"), kStart, permits).refused, Refusal::kDenied);
  EXPECT_FALSE(gate.admit(address("198.51.100.1:1"), kStart, permits).refused);
  const Decision decision = gate.admit(address("198.51.100.1:1"), kStart, more);
  EXPECT_EQ(decision.refused, Refusal::kProcessRate);
  EXPECT_FALSE(decision.would_refuse) << "it is refused, whatever the dry run says";
}

TEST(Gate, CountsAConnectionWithoutLimitsOfItsOwnOnceEveryRuleHasLetItIn) {
  LimitSettings settings;
  settings.client = {10, std::nullopt};
  settings.table.capacity = 16;
  Gate::Rules rules = rules_of(settings);
  Gate filling(rules);
  std::vector<LimitPermits> held(rules.limits->table()->capacity());
  for (std::size_t i = 0; i < held.size(); ++i) {
    ASSERT_FALSE(filling.admit(address("192.0.2." + std::to_string(i) + ":1"), kStart, held[i]).refused);
  }
  EXPECT_EQ(rules.limits->unlimited(), 0u);
  rules.process_rate = limiter(1);
  Gate gate(rules);
  LimitPermits first;
  LimitPermits second;
  EXPECT_FALSE(gate.admit(address("198.51.100.1:1"), kStart, first).refused);
  EXPECT_EQ(gate.admit(address("198.51.100.1:2"), kStart, second).refused, Refusal::kProcessRate);
  EXPECT_EQ(rules.limits->unlimited(), 1u);
}

// A gate that takes the word of 198.51.100.0/24 for who a client is.
Gate::Rules trusting(bool nobody_else) {
  LimitSettings settings;
  settings.client = {1, std::nullopt};
  Gate::Rules rules = rules_of(settings);
  rules.access = denying("198.51.100.128/25");
  ClientList trusted;
  trusted.prefixes.push_back(base::parse_prefix("198.51.100.0/24")->prefix);
  rules.proxies = std::make_shared<const AccessList>(trusted, ClientList{});
  rules.proxies_only = nobody_else;
  return rules;
}

TEST(Gate, ATrustedProxyUsesUpNoLimit) {
  Gate gate(trusting(true));
  for (int i = 0; i < 3; ++i) {
    LimitPermits permits;
    const Decision decision = gate.admit_peer(address("198.51.100.1:1"), kStart, permits);
    EXPECT_FALSE(decision.refused);
    EXPECT_TRUE(decision.is_proxy);
  }
  LimitPermits one;
  LimitPermits two;
  EXPECT_FALSE(gate.admit(address("192.0.2.1:1"), kStart, one).refused);
  EXPECT_EQ(gate.admit(address("192.0.2.1:2"), kStart, two).refused, Refusal::kClientConnections)
      << "the client that it names has its limits";
}

TEST(Gate, ADeniedProxyIsDeniedHoweverMuchItIsTrusted) {
  Gate gate(trusting(true));
  LimitPermits permits;
  EXPECT_EQ(gate.admit_peer(address("198.51.100.200:1"), kStart, permits).refused, Refusal::kDenied);
}

TEST(Gate, OneWhoIsNotTrustedIsTurnedAwayOrAClient) {
  Gate strict(trusting(true));
  Gate open(trusting(false));
  LimitPermits permits;
  EXPECT_EQ(strict.admit_peer(address("192.0.2.1:1"), kStart, permits).refused, Refusal::kUntrusted);
  const Decision decision = open.admit_peer(address("192.0.2.1:1"), kStart, permits);
  EXPECT_FALSE(decision.refused);
  EXPECT_FALSE(decision.is_proxy);
  LimitPermits more;
  EXPECT_EQ(open.admit_peer(address("192.0.2.1:2"), kStart, more).refused, Refusal::kClientConnections);
}

TEST(Gate, NobodyIsAProxyWhereNobodyIsAsked) {
  Gate gate(rules_of({}));
  LimitPermits permits;
  EXPECT_FALSE(gate.admit_peer(address("192.0.2.1:1"), {}, permits).is_proxy);
}

}  // namespace
}  // namespace weir::admission
