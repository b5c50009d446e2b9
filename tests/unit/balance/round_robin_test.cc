#include "balance/round_robin.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "unit/balance/pool_of_policy.h"

namespace weir::balance {
namespace {

class RoundRobinPool : public PoolOfPolicy {
 public:
  explicit RoundRobinPool(const std::vector<std::uint32_t>& weights)
      : PoolOfPolicy(PolicyName::kRoundRobin, weights) {}

  // Its places are all taken, without a pick.
  void fill(BackendIndex index) { set_most(index, 0); }
};

class Counts {
 public:
  explicit Counts(std::initializer_list<BackendIndex> expected) {
    for (const BackendIndex index : expected) counts_[index] = 0;
  }
  void add(std::optional<BackendIndex> index) { ++counts_[index.value()]; }
  int of(BackendIndex index) const { return counts_.at(index); }
  std::size_t size() const { return counts_.size(); }
  int spread() const {
    const auto [least, most] = std::minmax_element(
        counts_.begin(), counts_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return most->second - least->second;
  }

 private:
  std::map<BackendIndex, int> counts_;
};

TEST(RoundRobin, GivesEachItsShareWithinOne) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 30; ++trial) {
    std::vector<std::uint32_t> weights(1 + random() % 20);
    std::int64_t total = 0;
    for (auto& weight : weights) total += weight = 1 + random() % 256;
    RoundRobinPool pool(weights);
    std::vector<std::int64_t> picks(weights.size());
    for (std::int64_t all = 1; all <= 2000; ++all) {
      ++picks[position_of(pool.pick_and_take().value())];
      for (std::size_t i = 0; i < weights.size(); ++i)
        ASSERT_LT(std::abs(picks[i] * total - all * weights[i]), total)
            << "trial " << trial << ", pick " << all;
    }
  }
}

TEST(RoundRobin, SharesByTheWeightsOfTheMomentNotTheConfigured) {
  RoundRobinPool pool({1, 1});
  pool.members[index_at(1)].weight = 3;
  pool.policy->members_changed(pool.members);
  Counts counts({index_at(0), index_at(1)});
  for (int i = 0; i < 400; ++i) counts.add(pool.pick_and_take());
  EXPECT_EQ(counts.of(index_at(1)), 300);
}

TEST(RoundRobin, RetriesLeaveTheOrderOfFirstPicksAlone) {
  RoundRobinPool with({3, 1, 2});
  RoundRobinPool without({3, 1, 2});
  std::mt19937 random(4);
  for (int i = 0; i < 600; ++i) {
    for (auto retries = random() % 4; retries > 0; --retries) with.pick_and_take(tried_of({index_at(1)}));
    ASSERT_EQ(with.pick_and_take(), without.pick_and_take()) << i;
  }
}

TEST(RoundRobin, SpreadsADeadBackendsShareEvenlyOverTheOthers) {
  RoundRobinPool pool({1, 1, 1, 1});
  Counts counts({index_at(0), index_at(1), index_at(3)});
  for (int i = 0; i < 1000; ++i) {
    counts.add(pool.pick_and_take(tried_of({index_at(2)})));
    ASSERT_LE(counts.spread(), 1) << i;
  }
  EXPECT_EQ(counts.size(), 3u);
}

TEST(RoundRobin, SpreadsADeadBackendsShareByWeight) {
  RoundRobinPool pool({10, 1, 2, 3});
  Counts counts({});
  for (int i = 0; i < 600; ++i) counts.add(pool.pick_and_take(tried_of({index_at(0)})));
  EXPECT_NEAR(counts.of(index_at(1)), 100, 1);
  EXPECT_NEAR(counts.of(index_at(2)), 200, 1);
  EXPECT_NEAR(counts.of(index_at(3)), 300, 1);
}

TEST(RoundRobin, SpreadsTheShareOfTwoDeadOnesEvenlyOverTheLiving) {
  RoundRobinPool pool({1, 1, 1, 1, 1});
  Counts counts({index_at(2), index_at(3), index_at(4)});
  for (int session = 0; session < 5000; ++session) {
    Tried tried;
    auto picked = pool.pick_and_take();
    while (*picked <= index_at(1)) {
      pool.leave(*picked);
      tried.add(*picked);
      picked = pool.pick_and_take(tried);
    }
    counts.add(picked);
  }
  EXPECT_EQ(counts.size(), 3u);
  EXPECT_LE(counts.spread(), 3);
}

TEST(RoundRobin, DoesNotFloodABackendThatWasLeftOutOfRetriesForLong) {
  RoundRobinPool pool({1, 1, 1, 1});
  for (int i = 0; i < 100'000; ++i) pool.pick_and_take(tried_of({index_at(2)}));
  Counts counts({index_at(1), index_at(2), index_at(3)});
  for (int i = 0; i < 300; ++i) {
    counts.add(pool.pick_and_take(tried_of({index_at(0)})));
    ASSERT_LE(counts.spread(), 2) << i;
  }
}

TEST(RoundRobin, SpreadsRetriesEvenlyAfterMillionsOfThemToo) {
  RoundRobinPool pool({1, 1, 1});
  const Tried others = tried_of({index_at(0), index_at(1)});
  for (int i = 0; i < 5'000'000; ++i) pool.pick(others);
  Counts counts({index_at(0), index_at(1), index_at(2)});
  for (int i = 0; i < 300; ++i) {
    counts.add(pool.pick_and_take(tried_of({index_at(9)})));
    ASSERT_LE(counts.spread(), 2) << i;
  }
}

TEST(RoundRobin, SpreadsAFullBackendsShareEvenlyOverTheOthers) {
  RoundRobinPool pool({1, 1, 1, 1});
  pool.fill(index_at(1));
  Counts counts({index_at(0), index_at(2), index_at(3)});
  for (int i = 0; i < 1200; ++i) {
    counts.add(pool.pick_and_take());
    ASSERT_LE(counts.spread(), 2) << i;
  }
  EXPECT_EQ(counts.size(), 3u);
}

TEST(RoundRobin, SpreadsAFullBackendsShareByWeight) {
  RoundRobinPool pool({6, 1, 2, 3});
  pool.fill(index_at(0));
  Counts counts({});
  for (int i = 0; i < 1200; ++i) counts.add(pool.pick_and_take());
  EXPECT_NEAR(counts.of(index_at(1)), 200, 2);
  EXPECT_NEAR(counts.of(index_at(2)), 400, 2);
  EXPECT_NEAR(counts.of(index_at(3)), 600, 2);
}

TEST(RoundRobin, DoesNotFloodABackendThatWasFullForLong) {
  RoundRobinPool pool({1, 1, 1, 1});
  pool.fill(index_at(1));
  for (int i = 0; i < 10'000; ++i) pool.pick_and_take();
  pool.set_most(index_at(1), Member::kNoMost);
  Counts counts({index_at(0), index_at(1), index_at(2), index_at(3)});
  for (int i = 0; i < 400; ++i) {
    counts.add(pool.pick_and_take());
    ASSERT_LE(counts.spread(), 1) << i;
  }
}

TEST(RoundRobin, KeepsTheTurnsOfAllWhileAllAreFull) {
  RoundRobinPool pool({1, 1, 1});
  const auto first = pool.pick_and_take();
  for (std::size_t i = 0; i < 3; ++i) pool.fill(index_at(i));
  for (int i = 0; i < 10; ++i) ASSERT_EQ(pool.pick(), std::nullopt);
  for (std::size_t i = 0; i < 3; ++i) pool.set_most(index_at(i), Member::kNoMost);
  EXPECT_EQ(pool.pick_and_take(), index_at((position_of(*first) + 1) % 3));
}

TEST(RoundRobin, GoesOnWhereItWasWhenTheSetChanges) {
  RoundRobinPool pool({1, 1, 1, 1, 1});
  Counts counts({index_at(0), index_at(1), index_at(2), index_at(3)});
  for (int i = 0; i < 4000; ++i) {
    pool.set_usable(index_at(4), i % 2 == 0);
    const auto picked = pool.pick_and_take();
    if (*picked != index_at(4)) counts.add(picked);
  }
  EXPECT_LE(counts.spread(), 10);
}

}  // namespace
}  // namespace weir::balance
