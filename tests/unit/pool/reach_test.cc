#include "pool/reach.h"

#include <gtest/gtest.h>

#include <list>
#include <map>
#include <set>

#include "unit/pool/pools.h"
#include "unit/pool/waiting.h"

namespace weir::pool {
namespace {

using balance::PolicyName;

class Only final : public ClientReach {
 public:
  explicit Only(std::set<std::string> names) : names_(std::move(names)) {}
  bool reaches(const Backend& backend) const override { return names_.contains(backend.name()); }

 private:
  const std::set<std::string> names_;
};

std::shared_ptr<Pool> transparent_pool(Backends backends, PolicyName policy = PolicyName::kRoundRobin,
                                       bool transparent = true) {
  PoolSettings settings;
  settings.name = "p";
  settings.roster.policy = policy;
  settings.roster.policy_options.seed = 7;
  settings.queue_length = 10;
  settings.transparent = transparent;
  return std::make_shared<Pool>(std::move(settings), std::move(backends));
}

Slot pick(Pool& pool, const ClientReach& reach, NoPick& why_not, const balance::Tried& tried = {},
          std::uint64_t key = 0) {
  return pool.pick({key, tried, &reach}, why_not);
}

class ReachOfPolicy : public testing::TestWithParam<PolicyName> {};

TEST_P(ReachOfPolicy, LeadsSessionsOnlyWhereTheyCanGoWhateverElseThereIs) {
  // Far more of those that they cannot reach than a session may try.
  const auto pool = transparent_pool(several(26), GetParam());
  const Only reach({"c", "q", "z"});
  std::map<std::string, int> sessions;
  std::list<Slot> held;
  NoPick why_not = NoPick::kNone;
  for (std::uint64_t i = 0; i < 30; ++i) {
    held.push_back(pick(*pool, reach, why_not, {}, i * 0x9e3779b97f4a7c15u));
    ++sessions[name_of(held.back())];
  }
  EXPECT_EQ(sessions["c"] + sessions["q"] + sessions["z"], 30);
  if (GetParam() == PolicyName::kFirst) {
    EXPECT_EQ(sessions["c"], 30);
  } else if (GetParam() == PolicyName::kRoundRobin || GetParam() == PolicyName::kLeastConnections) {
    EXPECT_EQ(sessions["q"], 10) << "shared evenly";
  }
}

TEST_P(ReachOfPolicy, HasNothingForThoseWhoReachNobody) {
  const auto pool = transparent_pool(several(3), GetParam());
  NoPick why_not = NoPick::kNone;
  EXPECT_FALSE(pick(*pool, Only({}), why_not));
  EXPECT_EQ(why_not, NoPick::kNobody);
}

INSTANTIATE_TEST_SUITE_P(, ReachOfPolicy,
                         testing::Values(PolicyName::kRoundRobin, PolicyName::kLeastConnections,
                                         PolicyName::kRandomTwo, PolicyName::kFastest,
                                         PolicyName::kSourceHash, PolicyName::kFirst));

TEST(Reach, IsNotAskedForWhereEverybodyComesToEachBackend) {
  const auto pool = transparent_pool(several(1), PolicyName::kRoundRobin, false);
  NoPick why_not = NoPick::kNone;
  EXPECT_EQ(name_of(pick(*pool, Only({}), why_not)), "a");
}

TEST(Reach, LeavesBackupsToThoseWhoReachNoneOfTheOthers) {
  Backends backends = several(2);
  backends.push_back(backend("spare", {.is_backup = true}));
  const auto pool = transparent_pool(std::move(backends));
  NoPick why_not = NoPick::kNone;
  EXPECT_EQ(name_of(pick(*pool, Only({"b", "spare"}), why_not)), "b");
  EXPECT_EQ(name_of(pick(*pool, Only({"spare"}), why_not)), "spare");
  balance::Tried tried;
  tried.add(1);
  EXPECT_EQ(name_of(pick(*pool, Only({"b", "spare"}), why_not, tried)), "spare");
}

TEST(Reach, HasWhoWaitsPassAPlaceThatIsOutOfIt) {
  const auto pool = transparent_pool(several(2, {.most_sessions = 1}));
  NoPick why_not = NoPick::kNone;
  const Only of_a({"a"});
  const Only of_b({"b"});
  Slot at_a = pick(*pool, of_a, why_not);
  Slot at_b = pick(*pool, of_b, why_not);
  EXPECT_FALSE(pick(*pool, of_b, why_not));
  ASSERT_EQ(why_not, NoPick::kFull);
  Bell bell;
  Guest first(bell);
  Guest second(bell);
  ASSERT_TRUE(pool->wait(first.waiter, {0, first.tried, &of_b}));
  ASSERT_TRUE(pool->wait(second.waiter, {0, second.tried, &of_a}));
  at_a.release();
  bell.deliver();
  EXPECT_FALSE(first.was_told);
  EXPECT_EQ(second.at(), "a");
  at_b.release();
  bell.deliver();
  EXPECT_EQ(first.at(), "b");
}

}  // namespace
}  // namespace weir::pool
