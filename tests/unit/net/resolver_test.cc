#include "net/resolver.h"

#include <gtest/gtest.h>

namespace weir::net {
namespace {

// Literals go through the resolver without asking anybody.
TEST(Resolve, GivesEachAddressOnceWithThePort) {
  const auto addresses = resolve({"127.0.0.1", 8080});
  ASSERT_TRUE(addresses.has_value()) << addresses.error().message();
  ASSERT_EQ(addresses->size(), 1u);
  EXPECT_EQ(addresses->front().to_string(), "127.0.0.1:8080");
}

TEST(Resolve, SaysWhichNameHasNoAddress) {
  // An empty label is no name anywhere: the resolver refuses it without a question to a server.
  const auto addresses = resolve({"no..such.name", 80});
  ASSERT_FALSE(addresses.has_value());
  EXPECT_EQ(addresses.error().side(), base::ErrorSide::kBackend);
  EXPECT_EQ(addresses.error().message().find("the name \"no..such.name\" does not resolve: "), 0u)
      << addresses.error().message();
}

}  // namespace
}  // namespace weir::net
