#include "balance/factory.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::balance {
namespace {

constexpr std::array kNames{PolicyName::kRoundRobin};
constexpr std::array<Candidate, 3> kCandidates{{{7, 1}, {9, 2}, {4, 1}}};

bool is_candidate(BackendIndex index) { return index == 7 || index == 9 || index == 4; }

TEST(Factory, EveryPolicyPicksAmongItsCandidatesOnly) {
  for (const PolicyName name : kNames) {
    const auto policy = make_policy(name, kCandidates);
    ASSERT_NE(policy, nullptr);
    for (int i = 0; i < 20; ++i) {
      const auto picked = policy->pick();
      ASSERT_TRUE(picked);
      EXPECT_TRUE(is_candidate(*picked)) << *picked;
    }
  }
}

TEST(Factory, EveryPolicyTriesEachCandidateOnceAndThenNoMore) {
  for (const PolicyName name : kNames) {
    const auto policy = make_policy(name, kCandidates);
    Tried tried;
    for (std::size_t i = 0; i < kCandidates.size(); ++i) {
      const auto picked = policy->pick_untried(tried);
      ASSERT_TRUE(picked);
      EXPECT_TRUE(is_candidate(*picked)) << *picked;
      EXPECT_FALSE(tried.contains(*picked)) << *picked;
      tried.add(*picked);
    }
    EXPECT_EQ(policy->pick_untried(tried), std::nullopt);
  }
}

TEST(Factory, APolicyWithoutCandidatesPicksNothing) {
  for (const PolicyName name : kNames) {
    const auto policy = make_policy(name, {});
    ASSERT_NE(policy, nullptr);
    EXPECT_EQ(policy->pick(), std::nullopt);
    EXPECT_EQ(policy->pick_untried(Tried()), std::nullopt);
  }
}

TEST(Factory, PoliciesOfOneNameTakeTheirTurnsApart) {
  const auto one = make_policy(PolicyName::kRoundRobin, kCandidates);
  const auto other = make_policy(PolicyName::kRoundRobin, kCandidates);
  const auto first = one->pick();
  EXPECT_NE(one->pick(), first);
  EXPECT_EQ(other->pick(), first);
}

TEST(Factory, APolicyOutlivesTheListItWasMadeFrom) {
  auto candidates = std::make_unique<std::array<Candidate, 3>>(kCandidates);
  const auto policy = make_policy(PolicyName::kRoundRobin, *candidates);
  candidates.reset();
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(is_candidate(policy->pick().value()));
}

}  // namespace
}  // namespace weir::balance
