#include "server/graveyard.h"

#include <gtest/gtest.h>

#include "admission/limit_set.h"

namespace weir::server {
namespace {

TEST(Graveyard, KeepsAThingAsLongAsAnybodyElseHoldsItAndOneLookMore) {
  Graveyard graveyard;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  graveyard.keep(held);
  graveyard.keep(held);
  graveyard.keep(nullptr);
  graveyard.clear();
  EXPECT_EQ(graveyard.size(), 1u);
  held.reset();
  graveyard.clear();
  EXPECT_FALSE(seen.expired()) << "it is freed here, and not where it was let go";
  graveyard.clear();
  EXPECT_TRUE(seen.expired());
  EXPECT_EQ(graveyard.size(), 0u);
}

TEST(Graveyard, AsksBeforeItLetsAThingGo) {
  Graveyard graveyard;
  bool may_go = false;
  graveyard.keep(std::make_shared<int>(1), [&] { return may_go; });
  graveyard.clear();
  graveyard.clear();
  EXPECT_EQ(graveyard.size(), 1u);
  may_go = true;
  graveyard.clear();
  graveyard.clear();
  EXPECT_EQ(graveyard.size(), 0u);
}

TEST(Graveyard, WhatWasHeldByAnotherGoesAfterIt) {
  Graveyard graveyard;
  auto inner = std::make_shared<int>(1);
  auto outer = std::make_shared<std::shared_ptr<int>>(inner);
  graveyard.keep(std::move(outer));
  graveyard.keep(std::move(inner));
  for (int i = 0; i < 4; ++i) graveyard.clear();
  EXPECT_EQ(graveyard.size(), 0u);
}

// Each of the two would say that the other has what is out.
TEST(Graveyard, OfLimitsThatShareWhatIsOutTheLastStays) {
  admission::LimitSettings settings;
  settings.max_connections = 10;
  auto first = std::make_shared<admission::LimitSet>(settings);
  admission::LimitPermits permits;
  ASSERT_FALSE(first->admit(*base::parse_address("192.0.2.1:1"), base::precise_now(), permits));
  settings.max_connections = 20;
  auto second = std::make_shared<admission::LimitSet>(settings, first);
  second->take_over(base::precise_now());
  Graveyard graveyard;
  for (auto* limits : {&first, &second}) {
    graveyard.keep(*limits, [one = limits->get()] { return one->nothing_is_out(); });
    limits->reset();
  }
  for (int i = 0; i < 5; ++i) graveyard.clear();
  EXPECT_EQ(graveyard.size(), 1u);
  permits.release();
  for (int i = 0; i < 2; ++i) graveyard.clear();
  EXPECT_EQ(graveyard.size(), 0u);
}

}  // namespace
}  // namespace weir::server
