#include "server/backend_specs.h"

#include <gtest/gtest.h>

namespace weir::server {
namespace {

using config::ResolveUse;
using discovery::DiscoveredEndpoint;

config::BackendConfig entry(const std::string& endpoint, const std::string& name = "") {
  config::BackendConfig entry;
  entry.address = {*base::parse_endpoint(endpoint), {"weir.toml", 20, 5}};
  entry.name = name.empty() ? endpoint : name;
  return entry;
}

DiscoveredEndpoint at(const std::string& address, unsigned weight = 1, unsigned rank = 0) {
  return {*base::parse_address(address), weight, rank, ""};
}

Backends of(const config::BackendConfig& from, ResolveUse use,
            const std::vector<DiscoveredEndpoint>& endpoints) {
  const config::Config config;
  return BackendSpecs(config).of_name(from, use, endpoints, "nobody knows", nullptr);
}

TEST(BackendSpecs, AnAddressOfANameIsCalledAfterBothHoweverManyThereAre) {
  for (const auto& endpoints : std::vector<std::vector<DiscoveredEndpoint>>{
           {at("192.0.2.1:8080")}, {at("192.0.2.1:8080"), at("[2001:db8::1]:8080")}}) {
    const Backends backends = of(entry("app:8080"), ResolveUse::kAddress, endpoints);
    ASSERT_EQ(backends.size(), endpoints.size());
    EXPECT_EQ(backends[0]->name(), "app:8080@192.0.2.1");
    EXPECT_EQ(backends[0]->identity().address.to_string(), "192.0.2.1:8080");
    EXPECT_EQ(backends.back()->name(), backends.size() == 1 ? "app:8080@192.0.2.1" : "app:8080@2001:db8::1");
  }
}

TEST(BackendSpecs, AnAddressOfAServiceIsCalledWithItsPort) {
  const Backends backends = of(entry("_http._tcp.app:1", "web"), ResolveUse::kService,
                               {at("192.0.2.1:8080"), at("192.0.2.1:8081"), at("[2001:db8::1]:80")});
  ASSERT_EQ(backends.size(), 3u);
  EXPECT_EQ(backends[0]->name(), "web@192.0.2.1:8080");
  EXPECT_EQ(backends[1]->name(), "web@192.0.2.1:8081");
  EXPECT_EQ(backends[2]->name(), "web@[2001:db8::1]:80");
}

TEST(BackendSpecs, AnAddressOfANameKnowsTheHostThatLedToIt) {
  EXPECT_EQ(
      of(entry("app.internal.:8080", "a"), ResolveUse::kAddress, {at("192.0.2.1:8080")})[0]->identity().host,
      "app.internal");
  DiscoveredEndpoint target = at("192.0.2.1:8081");
  target.target = "host1.test";
  EXPECT_EQ(of(entry("_http._tcp.app:1"), ResolveUse::kService, {target})[0]->identity().host, "host1.test");
}

TEST(BackendSpecs, TheEntrySaysTheRestOfEachAddress) {
  config::BackendConfig from = entry("app:8080");
  from.weight = 7;
  from.max_connections = 50;
  from.is_backup = true;
  from.mode = config::BackendMode::kMaintenance;
  for (const auto& one : of(from, ResolveUse::kAddress, {at("192.0.2.1:8080"), at("192.0.2.2:8080")})) {
    EXPECT_EQ(one->identity().weight, 7u);
    EXPECT_EQ(one->identity().most_sessions, 50u);
    EXPECT_TRUE(one->identity().is_backup);
    EXPECT_EQ(one->identity().mode, pool::BackendMode::kMaintenance);
    EXPECT_EQ(one->identity().unresolved, "");
  }
}

TEST(BackendSpecs, TheRecordsOfAServiceSayWeightsAndBackups) {
  config::BackendConfig from = entry("_http._tcp.app:1");
  from.weight = 7;
  const std::vector<DiscoveredEndpoint> endpoints{at("192.0.2.1:80", 3), at("192.0.2.2:80", 1, 1)};
  const Backends backends = of(from, ResolveUse::kService, endpoints);
  EXPECT_EQ(backends.at(0)->identity().weight, 3u);
  EXPECT_FALSE(backends.at(0)->identity().is_backup);
  EXPECT_EQ(backends.at(1)->identity().weight, 1u);
  EXPECT_TRUE(backends.at(1)->identity().is_backup);
  // Whatever the backups weigh, the others keep to each other.
  const auto beside_heavy = of(from, ResolveUse::kService,
                               {at("192.0.2.1:80", 1), at("192.0.2.2:80", 3), at("192.0.2.3:80", 1'000, 1)});
  EXPECT_EQ(beside_heavy.at(0)->identity().weight, 1u);
  EXPECT_EQ(beside_heavy.at(1)->identity().weight, 3u);
  // And the backups to each other, of whatever rank.
  const auto ranks = of(from, ResolveUse::kService,
                        {at("192.0.2.1:80", 1), at("192.0.2.2:80", 10'000, 1), at("192.0.2.3:80", 256, 2)});
  EXPECT_EQ(ranks.at(1)->identity().weight, 256u);
  EXPECT_EQ(ranks.at(2)->identity().weight, 7u);
  from.weight = 0;
  EXPECT_EQ(of(from, ResolveUse::kService, endpoints).at(0)->identity().weight, 0u) << "it drains";
  from.is_backup = true;
  EXPECT_TRUE(of(from, ResolveUse::kService, endpoints).at(0)->identity().is_backup);
}

TEST(BackendSpecs, EachAddressIsConnectedToFromTheSourcesOfThePool) {
  config::PoolConfig pool;
  EXPECT_EQ(origin_of(pool), nullptr);
  pool.sources.push_back({*base::parse_address("192.0.2.7:0"), {}});
  pool.interface.value = "eth1";
  const SharedOrigin origin = origin_of(pool);
  ASSERT_NE(origin, nullptr);
  EXPECT_EQ(origin->sources.size(), 1u);
  EXPECT_EQ(origin->interface, "eth1");
  const config::Config config;
  const BackendSpecs specs(config);
  EXPECT_EQ(specs.of_address(entry("192.0.2.1:80"), origin)->identity().origin, origin);
  const auto two = specs.of_name(entry("app:80"), ResolveUse::kAddress,
                                 {at("192.0.2.1:80"), at("192.0.2.2:80")}, "", origin);
  for (const auto& one : two) EXPECT_EQ(one->identity().origin, origin);
}

TEST(BackendSpecs, LargeWeightsAreBroughtDownInProportion) {
  EXPECT_EQ(scaled_weight(256, 256), 256u);
  EXPECT_EQ(scaled_weight(1, 256), 1u);
  EXPECT_EQ(scaled_weight(65'535, 65'535), 256u);
  EXPECT_EQ(scaled_weight(32'768, 65'535), 128u);
  EXPECT_EQ(scaled_weight(1, 65'535), 1u) << "a small share is one";
  EXPECT_EQ(scaled_weight(0, 10), 1u);
  for (unsigned weight = 1; weight < 1'000; ++weight) {
    EXPECT_LE(scaled_weight(weight, 1'000), scaled_weight(weight + 1, 1'000)) << weight;
  }
}

TEST(BackendSpecs, WithoutAnAddressThereIsOneThatIsDown) {
  const Backends backends = of(entry("app:8080", "x"), ResolveUse::kAddress, {});
  ASSERT_EQ(backends.size(), 1u);
  EXPECT_EQ(backends[0]->name(), "x");
  EXPECT_EQ(backends[0]->identity().unresolved, "nobody knows");
  EXPECT_EQ(backends[0]->identity().address.family(), AF_UNSPEC);
}

TEST(BackendSpecs, WhatTheResolverGaveIsPutInAFixedOrder) {
  const auto endpoints =
      endpoints_of({*base::parse_address("[2001:db8::1]:80"), *base::parse_address("192.0.2.2:80"),
                    *base::parse_address("192.0.2.1:80")});
  ASSERT_EQ(endpoints.size(), 3u);
  EXPECT_EQ(endpoints[0].address.to_string(), "192.0.2.1:80");
  EXPECT_EQ(endpoints[1].address.to_string(), "192.0.2.2:80");
  EXPECT_EQ(endpoints[2].address.to_string(), "[2001:db8::1]:80");
}

}  // namespace
}  // namespace weir::server
