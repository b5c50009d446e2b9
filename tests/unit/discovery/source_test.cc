#include "discovery/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::discovery {
namespace {

using ::testing::ElementsAre;

DiscoveredEndpoint endpoint(const std::string& address, unsigned rank = 0, unsigned weight = 1) {
  return {*base::parse_address(address), weight, rank, ""};
}

std::vector<std::string> sorted(std::vector<DiscoveredEndpoint> endpoints) {
  sort_endpoints(endpoints);
  std::vector<std::string> texts;
  for (const auto& each : endpoints) {
    texts.push_back(std::to_string(each.rank) + " " + each.address.to_string() + " " +
                    std::to_string(each.weight));
  }
  return texts;
}

TEST(SortEndpoints, GoesByRankThenNumberThenPort) {
  EXPECT_THAT(sorted({endpoint("[::1]:1"), endpoint("192.0.2.10:1"), endpoint("192.0.2.9:2"),
                      endpoint("192.0.2.9:1"), endpoint("127.0.0.1:1", 1)}),
              ElementsAre("0 192.0.2.9:1 1", "0 192.0.2.9:2 1", "0 192.0.2.10:1 1", "0 [::1]:1 1",
                          "1 127.0.0.1:1 1"));
}

TEST(SortEndpoints, AnAddressIsThereOnceWithItsBestRank) {
  EXPECT_THAT(
      sorted({endpoint("192.0.2.1:1", 2), endpoint("192.0.2.1:1", 1, 7), endpoint("192.0.2.1:1", 1, 9)}),
      ElementsAre("1 192.0.2.1:1 7"));
}

}  // namespace
}  // namespace weir::discovery
