#include "server/handed_state.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

base::Address address_of_text(const std::string& text) { return base::parse_address(text).value(); }

TEST(HandedState, SaysTheSameWhenItIsReadAgain) {
  HandedState state;
  pool::BackendPast down;
  down.name = "a";
  down.address = address_of_text("127.0.0.1:80");
  down.mode = {pool::BackendMode::kMaintenance, pool::BackendMode::kUp};
  down.weight = {0, 7};
  down.is_checked = true;
  down.is_up = false;
  down.reason = "no \"answer\"";
  down.ramping_for = base::Millis(7);
  down.connect_time = 12;
  pool::BackendPast out;
  out.name = "b";
  out.address = address_of_text("unix:/run/b");
  out.out_for = base::Millis(1'234);
  out.is_passed_over = true;
  out.ejected_for = "its sessions fail";
  out.ejections = 3;
  state.pools["web"] = {down, out};
  state.run = 77;
  state.rates["process"] = std::chrono::nanoseconds(99);
  state.names.push_back(
      {"web", {"app.internal", 80}, true, {{address_of_text("[::1]:80"), 5, 1, "t.internal"}}});
  PredecessorStatus process;
  process.pid = 12;
  process.began = 345;
  process.since = std::chrono::system_clock::time_point(base::Millis(6'789));
  process.drains_until = process.since + base::Millis(1);
  state.processes.push_back(process);

  const auto again = parse_document(build_document(state));
  ASSERT_TRUE(again.has_value());
  const auto& backends = again->pools.at("web");
  ASSERT_EQ(backends.size(), 2u);
  EXPECT_EQ(backends[0].name, "a");
  EXPECT_EQ(backends[0].address, down.address);
  EXPECT_EQ(backends[0].mode, down.mode);
  EXPECT_EQ(backends[0].weight, down.weight);
  EXPECT_TRUE(backends[0].is_checked);
  EXPECT_FALSE(backends[0].is_up);
  EXPECT_EQ(backends[0].reason, down.reason);
  EXPECT_EQ(backends[0].out_for, std::nullopt);
  EXPECT_EQ(backends[0].ramping_for, down.ramping_for);
  EXPECT_EQ(backends[0].connect_time, 12u);
  EXPECT_EQ(backends[1].address, out.address);
  EXPECT_EQ(backends[1].mode, std::nullopt);
  EXPECT_EQ(backends[1].weight, std::nullopt);
  EXPECT_FALSE(backends[1].is_checked);
  EXPECT_EQ(backends[1].out_for, out.out_for);
  EXPECT_TRUE(backends[1].is_passed_over);
  EXPECT_EQ(backends[1].ejected_for, out.ejected_for);
  EXPECT_EQ(backends[1].ejections, 3u);
  EXPECT_EQ(again->rates, state.rates);
  EXPECT_EQ(again->run, 77u);
  ASSERT_EQ(again->names.size(), 1u);
  EXPECT_EQ(again->names[0].pool, "web");
  EXPECT_EQ(again->names[0].asked, state.names[0].asked);
  EXPECT_TRUE(again->names[0].is_service);
  EXPECT_EQ(again->names[0].endpoints, state.names[0].endpoints);
  ASSERT_EQ(again->processes.size(), 1u);
  EXPECT_EQ(again->processes[0].pid, 12);
  EXPECT_EQ(again->processes[0].began, 345u);
  EXPECT_EQ(again->processes[0].since, process.since);
  EXPECT_EQ(again->processes[0].drains_until, process.drains_until);
}

TEST(HandedState, SaysWhatOperatorsHaveChanged) {
  HandedState state;
  config::BackendConfig entry;
  entry.name = "new";
  entry.address.value = address_of_text("[2001:db8::1]:80");
  entry.weight = 9;
  entry.max_connections = 4;
  entry.is_backup = true;
  entry.mode = config::BackendMode::kDrain;
  config::BackendConfig plain;
  plain.name = "plain";
  plain.address.value = address_of_text("unix:/run/b");
  state.alterations["web"] = {{entry, plain}, {{"old", "127.0.0.1:80"}}};
  state.additions["in"] = {{base::parse_prefix("10.0.0.0/8")->prefix},
                           {base::parse_prefix("::1")->prefix, base::parse_prefix("192.0.2.0/24")->prefix}};
  state.log_level = {config::LogLevel::kDebug, config::LogLevel::kError};

  const auto again = parse_document(build_document(state));
  ASSERT_TRUE(again.has_value());
  const PoolAlterations::OfPool& altered = again->alterations.at("web");
  ASSERT_EQ(altered.added.size(), 2u);
  EXPECT_EQ(altered.added[0].name, "new");
  EXPECT_EQ(std::get<base::Address>(altered.added[0].address.value), address_of_text("[2001:db8::1]:80"));
  EXPECT_EQ(altered.added[0].weight, 9u);
  EXPECT_EQ(altered.added[0].max_connections, 4u);
  EXPECT_TRUE(altered.added[0].is_backup);
  EXPECT_EQ(altered.added[0].mode, config::BackendMode::kDrain);
  EXPECT_EQ(std::get<base::Address>(altered.added[1].address.value), address_of_text("unix:/run/b"));
  EXPECT_EQ(altered.added[1].max_connections, std::nullopt);
  EXPECT_EQ(altered.removed, state.alterations["web"].removed);
  EXPECT_EQ(again->additions.at("in").allow, state.additions["in"].allow);
  EXPECT_EQ(again->additions.at("in").deny, state.additions["in"].deny);
  EXPECT_EQ(again->log_level, state.log_level);
}

TEST(HandedState, HasNothingOfWhatTheOtherOneDoesNotTell) {
  const auto state = parse_document("{\"later\": 1}");
  ASSERT_TRUE(state.has_value());
  EXPECT_TRUE(state->pools.empty());
  EXPECT_TRUE(state->names.empty());
  EXPECT_TRUE(state->processes.empty());
  EXPECT_TRUE(state->alterations.empty());
  EXPECT_TRUE(state->additions.empty());
  EXPECT_EQ(state->log_level, std::nullopt);
}

TEST(HandedState, IsRefusedWhenItIsNone) {
  for (const char* text :
       {"", "[1", "{\"pools\": 3}", "{\"processes\": [{}]}", "{\"rates\": {\"a\": \"b\"}}"}) {
    EXPECT_FALSE(parse_document(text).has_value()) << text;
  }
}

TEST(HandedState, IsTextWhateverABackendHasAnswered) {
  HandedState state;
  pool::BackendPast past;
  past.is_checked = true;
  past.reason = "found \xff";
  state.pools["web"] = {past};
  EXPECT_TRUE(parse_document(build_document(state)).has_value());
}

}  // namespace
}  // namespace weir::server
