#include "pool/pool.h"

#include <gtest/gtest.h>

#include <map>

namespace weir::pool {
namespace {

std::shared_ptr<Backend> backend(std::string name, BackendState state = BackendState::kUp,
                                 unsigned weight = 1) {
  BackendIdentity identity;
  identity.name = std::move(name);
  identity.state = state;
  identity.weight = weight;
  return std::make_shared<Backend>(std::move(identity));
}

TEST(Pool, PicksOnlyBackendsThatAreUp) {
  Pool pool({}, {backend("down", BackendState::kDown), backend("a"), backend("down2", BackendState::kDown),
                 backend("b")});
  std::map<std::string, int> picks;
  for (int i = 0; i < 10; ++i) {
    balance::Tried tried;
    ++picks[(*pool.pick(tried))->name()];
  }
  EXPECT_EQ(picks, (std::map<std::string, int>{{"a", 5}, {"b", 5}}));
}

TEST(Pool, RemembersInTriedWhatItPickedAndEndsWhenAllAreTried) {
  Pool pool({}, {backend("down", BackendState::kDown), backend("a"), backend("b"), backend("c")});
  balance::Tried tried;
  std::map<std::string, int> picks;
  for (int i = 0; i < 3; ++i) {
    const auto* picked = pool.pick(tried);
    ASSERT_NE(picked, nullptr);
    ++picks[(*picked)->name()];
  }
  EXPECT_EQ(picks.size(), 3u);
  EXPECT_EQ(tried.size(), 3u);
  EXPECT_FALSE(tried.contains(0));
  EXPECT_EQ(pool.pick(tried), nullptr);
  EXPECT_EQ(tried.size(), 3u);
}

TEST(Pool, FollowsWeights) {
  Pool pool({}, {backend("light"), backend("heavy", BackendState::kUp, 3)});
  std::map<std::string, int> picks;
  for (int i = 0; i < 40; ++i) {
    balance::Tried tried;
    ++picks[(*pool.pick(tried))->name()];
  }
  EXPECT_EQ(picks, (std::map<std::string, int>{{"light", 10}, {"heavy", 30}}));
}

TEST(Pool, PicksNothingWhenAllAreDown) {
  Pool pool({}, {backend("x", BackendState::kDown)});
  balance::Tried tried;
  EXPECT_EQ(pool.pick(tried), nullptr);
  EXPECT_EQ(tried.size(), 0u);
}

TEST(Pool, AFirstPickIsNotMovedByRetriesOfOthers) {
  Pool pool({}, {backend("a"), backend("b"), backend("c")});
  std::string order;
  for (int i = 0; i < 9; ++i) {
    balance::Tried tried;
    order += (*pool.pick(tried))->name();
    pool.pick(tried);
  }
  EXPECT_EQ(order, "abcabcabc");
}

TEST(BackendState, HasTheWordsOfTheLog) {
  EXPECT_EQ(word(BackendState::kUp), "up");
  EXPECT_EQ(word(BackendState::kDown), "down");
}

}  // namespace
}  // namespace weir::pool
