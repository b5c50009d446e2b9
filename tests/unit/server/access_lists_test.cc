#include "server/access_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "unit/support.h"

namespace weir::server {
namespace {

using testing::HasSubstr;

base::Prefix prefix(const std::string& text) { return base::parse_prefix(text)->prefix; }

std::string list_file(const test::TempFolder& folder, const std::string& name, const std::string& text) {
  const std::string path = folder.file(name);
  std::ofstream(path) << text;
  return path;
}

TEST(LoadAccessClients, PutsTheTableAndItsFilesTogether) {
  const test::TempFolder folder;
  config::AccessConfig access;
  access.allow.prefixes = {prefix("192.0.2.0/24")};
  access.allow.files = {{list_file(folder, "allow", "198.51.100.0/24\nunix\n"), {}}};
  access.deny.files = {{list_file(folder, "deny", "192.0.2.7\n"), {}}};
  config::Problems problems;
  const AccessClients clients = load_access_clients(access, {}, problems);
  EXPECT_TRUE(problems.empty());
  const auto list = access_list_of(clients);
  const auto admits = [&](const std::string& address) { return list->admits(*base::parse_address(address)); };
  EXPECT_TRUE(admits("192.0.2.1:1"));
  EXPECT_FALSE(admits("192.0.2.7:1"));
  EXPECT_TRUE(admits("198.51.100.1:1"));
  EXPECT_FALSE(admits("203.0.113.1:1"));
  EXPECT_TRUE(list->admits(base::Address::unix_path("")));
}

TEST(LoadAccessClients, AnAllowFileWithoutEntriesLetsNobodyIn) {
  const test::TempFolder folder;
  config::AccessConfig access;
  access.allow.files = {{list_file(folder, "allow", "# nobody\n"), {}}};
  config::Problems problems;
  const AccessClients clients = load_access_clients(access, {}, problems);
  EXPECT_FALSE(access_list_of(clients)->admits(*base::parse_address("192.0.2.1:1")));
  EXPECT_TRUE(packet_rules_of(clients).default_deny);
}

TEST(LoadAccessClients, WarnsOfWhatIsOnBothSidesWhereverItStands) {
  const test::TempFolder folder;
  config::AccessConfig access;
  access.place = {"weir.toml", 7, 1};
  access.allow.prefixes = {prefix("10.0.0.0/8"), prefix("10.1.0.0/16")};
  access.deny.files = {{list_file(folder, "deny", "::ffff:10.0.0.0/104\n10.1.2.0/24\n"), {}}};
  config::Problems problems;
  load_access_clients(access, {}, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(config::to_string(problems[0]),
            "weir.toml:7:1: warning: both allowed and denied, so denied: 10.0.0.0/8");
}

TEST(LoadAccessClients, AFileThatIsNotThereIsAnError) {
  config::AccessConfig access;
  access.deny.files = {{"/nonexistent/deny.txt", {}}};
  config::Problems problems;
  load_access_clients(access, {}, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kError);
  EXPECT_THAT(config::to_string(problems[0]), HasSubstr("/nonexistent/deny.txt"));
}

TEST(LoadAccessClients, HasWhatAnOperatorHasAdded) {
  config::AccessConfig access;
  access.allow.prefixes = {prefix("10.0.0.0/8")};
  const AccessAdditions additions{{prefix("192.0.2.0/24")}, {prefix("10.1.0.0/16"), prefix("2001:db8::/32")}};
  config::Problems problems;
  const AccessClients clients = load_access_clients(access, additions, problems);
  EXPECT_TRUE(problems.empty());
  const auto list = access_list_of(clients);
  const auto admits = [&](const std::string& address) { return list->admits(*base::parse_address(address)); };
  EXPECT_TRUE(admits("10.2.0.1:1"));
  EXPECT_TRUE(admits("192.0.2.1:1"));
  EXPECT_FALSE(admits("10.1.0.1:1"));
  EXPECT_FALSE(admits("[2001:db8::1]:1"));
  EXPECT_EQ(packet_rules_of(clients).rules.size(), 4u) << "the kernel drops by the same list";
}

TEST(LoadAccessClients, WithoutAnAllowListADeniedNetworkDeniesNobodyElse) {
  config::Problems problems;
  const AccessClients clients = load_access_clients({}, {{}, {prefix("192.0.2.0/24")}}, problems);
  EXPECT_TRUE(access_list_of(clients)->admits(*base::parse_address("198.51.100.1:1")));
  EXPECT_FALSE(access_list_of(clients)->admits(*base::parse_address("192.0.2.1:1")));
  EXPECT_FALSE(packet_rules_of(clients).default_deny);
}

TEST(LoadAccessClients, LeavesAnAdditionToAllowOutWhereThereIsNoSuchList) {
  config::Problems problems;
  const AccessClients clients = load_access_clients({}, {{prefix("192.0.2.0/24")}, {}}, problems);
  EXPECT_TRUE(access_list_of(clients)->admits(*base::parse_address("198.51.100.1:1")));
  EXPECT_FALSE(packet_rules_of(clients).default_deny) << "nobody is denied for it";
}

TEST(AdditionsTo, AreThoseOfTheListenerOfThatName) {
  const AdditionsByListener all{{"web", {{}, {prefix("192.0.2.0/24")}}}};
  EXPECT_EQ(additions_to(all, "web").deny.size(), 1u);
  EXPECT_TRUE(additions_to(all, "we").deny.empty());
}

TEST(PacketRules, HaveTheNetworksOfBothFamiliesInNetworkOrder) {
  AccessClients clients;
  clients.allow.prefixes = {prefix("192.0.2.0/24")};
  clients.deny.prefixes = {prefix("2001:db8::/32")};
  const net::PacketRules rules = packet_rules_of(clients);
  EXPECT_TRUE(rules.default_deny);
  ASSERT_EQ(rules.rules.size(), 2u);
  EXPECT_EQ(rules.rules[0].family, AF_INET);
  EXPECT_EQ(rules.rules[0].length, 24);
  EXPECT_FALSE(rules.rules[0].deny);
  EXPECT_EQ(rules.rules[0].bytes[0], 192);
  EXPECT_EQ(rules.rules[0].bytes[2], 2);
  EXPECT_EQ(rules.rules[1].family, AF_INET6);
  EXPECT_EQ(rules.rules[1].length, 32);
  EXPECT_TRUE(rules.rules[1].deny);
  EXPECT_EQ(rules.rules[1].bytes[1], 0x01);
}

}  // namespace
}  // namespace weir::server
