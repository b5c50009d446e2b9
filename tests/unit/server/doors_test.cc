#include "server/doors.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

config::ListenerConfig listener(const std::string& name, const std::string& shared = "") {
  config::ListenerConfig listener;
  listener.name = name;
  listener.shared_limits.value = shared;
  listener.limits.max_connections = 10;
  return listener;
}

std::vector<DoorRules> doors_of(const config::Config& config, DoorsBefore* before = nullptr,
                                const AdditionsByListener& additions = {}) {
  config::Problems problems;
  auto doors = build_doors(config, std::vector<std::shared_ptr<net::PacketFilter>>(config.listeners.size()),
                           additions, problems, before);
  EXPECT_TRUE(problems.empty());
  return doors;
}

class BuildDoors : public testing::Test {
 protected:
  void SetUp() override {
    config.limits.emplace_back();
    config.limits[0].name = "both";
    config.limits[0].max_connections = 5;
    config.listeners = {listener("a"), listener("b", "both"), listener("c", "both")};
    config.process.connection_rate = config::ConnectionRate{{1, std::chrono::seconds(1)}, 3};
    before = doors_of(config);
  }

  const admission::LimitSet* limits_before(std::size_t at) const { return before[at].gate.limits.get(); }

  config::Config config;
  std::vector<DoorRules> before;
};

TEST_F(BuildDoors, ThatShareLimitsShareOneBlock) {
  EXPECT_EQ(limits_before(1), limits_before(2));
  EXPECT_NE(limits_before(0), limits_before(1));
  EXPECT_EQ(limits_key(config.listeners[0]), "listeners.a.limits");
  EXPECT_EQ(limits_key(config.listeners[2]), "limits.both");
}

TEST_F(BuildDoors, DenyWhomAnOperatorHasAdded) {
  const auto doors = doors_of(config, nullptr, {{"b", {{}, {base::parse_prefix("192.0.2.0/24")->prefix}}}});
  const auto client = *base::parse_address("192.0.2.1:1");
  EXPECT_TRUE(doors[0].gate.access->admits(client));
  EXPECT_FALSE(doors[1].gate.access->admits(client));
}

TEST_F(BuildDoors, OfTheSameConfigurationHaveTheSameLimitsWhereverTheyStand) {
  DoorsBefore predecessor{config, before};
  config::Config next = config;
  std::swap(next.listeners[0], next.listeners[2]);
  const auto doors = doors_of(next, &predecessor);
  EXPECT_EQ(doors[2].gate.limits.get(), limits_before(0));
  EXPECT_EQ(doors[0].gate.limits.get(), limits_before(1));
  EXPECT_EQ(doors[0].gate.process_rate, before[0].gate.process_rate);
  EXPECT_TRUE(predecessor.fresh.empty());
}

TEST_F(BuildDoors, WithOtherLimitsTakeOverFromThoseOfTheSameName) {
  admission::LimitPermits permits;
  const auto client = *base::parse_address("192.0.2.1:1");
  ASSERT_FALSE(before[1].gate.limits->admit(client, base::precise_now(), permits));
  DoorsBefore predecessor{config, before};
  config::Config next = config;
  next.limits[0].max_connections = 1;
  const auto doors = doors_of(next, &predecessor);
  ASSERT_EQ(predecessor.fresh.size(), 1u);
  EXPECT_EQ(predecessor.fresh[0], doors[1].gate.limits);
  EXPECT_EQ(doors[1].gate.limits, doors[2].gate.limits);
  EXPECT_EQ(doors[0].gate.limits.get(), limits_before(0));
  predecessor.fresh[0]->take_over(base::precise_now());
  admission::LimitPermits more;
  EXPECT_EQ(doors[2].gate.limits->admit(client, base::precise_now(), more),
            admission::Refusal::kListenerConnections);
}

TEST_F(BuildDoors, TheProcessesRateGoesOnUnderAnotherRule) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(before[0].gate.process_rate->admit(base::precise_now()));
  DoorsBefore predecessor{config, before};
  config::Config next = config;
  next.process.connection_rate = config::ConnectionRate{{1, std::chrono::hours(1)}, 3};
  const auto doors = doors_of(next, &predecessor);
  ASSERT_NE(doors[0].gate.process_rate, before[0].gate.process_rate);
  ASSERT_EQ(predecessor.fresh_process_rate, doors[0].gate.process_rate);
  predecessor.fresh_process_rate->go_on_from(*before[0].gate.process_rate, base::precise_now());
  EXPECT_FALSE(doors[0].gate.process_rate->admit(base::precise_now()));
  next.process.connection_rate.reset();
  EXPECT_EQ(doors_of(next, &predecessor)[0].gate.process_rate, nullptr);
}

}  // namespace
}  // namespace weir::server
