#include "balance/maglev.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

namespace weir::balance {
namespace {

std::vector<Candidate> backends(std::uint32_t count) {
  std::vector<Candidate> candidates;
  for (std::uint32_t i = 0; i < count; ++i)
    candidates.push_back({i, 1, "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ":80"});
  return candidates;
}

// Entries by index.
std::vector<std::uint32_t> shares(const MaglevTable& table, std::size_t count) {
  std::vector<std::uint32_t> shares(count);
  for (const std::uint32_t rank : table.entries()) ++shares[table.by_name()[rank]];
  return shares;
}

std::size_t moved(const MaglevTable& before, const MaglevTable& after) {
  std::size_t moved = 0;
  for (std::size_t i = 0; i < before.entries().size(); ++i)
    moved += before.by_name()[before.entries()[i]] != after.by_name()[after.entries()[i]] ? 1 : 0;
  return moved;
}

bool is_prime(std::size_t number) {
  for (std::size_t divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return number > 1;
}

TEST(MaglevTable, HasAPrimeNumberOfEntriesAndAHundredForEach) {
  for (const std::uint32_t count : {1u, 2u, 100u, 1310u, 1311u, 2000u, 10'000u}) {
    const MaglevTable table(backends(count));
    EXPECT_TRUE(is_prime(table.entries().size())) << count;
    EXPECT_GE(table.entries().size(), std::max(131'071u, 100 * count)) << count;
  }
}

TEST(MaglevTable, HasNoHoles) {
  for (const std::uint32_t count : {1u, 2u, 7u, 100u, 1000u}) {
    const MaglevTable table(backends(count));
    ASSERT_EQ(table.by_name().size(), count);
    for (const std::uint32_t rank : table.entries()) ASSERT_LT(rank, count);
  }
}

TEST(MaglevTable, IsBalancedWithinOnePercentForAHundredEqualOnes) {
  const MaglevTable table(backends(100));
  const double ideal = static_cast<double>(table.entries().size()) / 100;
  for (const std::uint32_t share : shares(table, 100)) EXPECT_NEAR(share / ideal, 1, 0.01);
}

TEST(MaglevTable, SharesByWeightWithinATenthOfAPercentAndTwoEntries) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 10; ++trial) {
    auto candidates = backends(1 + static_cast<std::uint32_t>(random() % 60));
    double total = 0;
    for (Candidate& candidate : candidates)
      total += candidate.weight = random() % 5 == 0 ? 256u : static_cast<std::uint32_t>(1 + random() % 10);
    const MaglevTable table(candidates);
    const auto entries = shares(table, candidates.size());
    for (const Candidate& candidate : candidates) {
      const double ideal = static_cast<double>(table.entries().size()) * candidate.weight / total;
      EXPECT_NEAR(entries[candidate.index], ideal, 2 + ideal / 1000)
          << "trial " << trial << ", weight " << candidate.weight;
    }
  }
}

TEST(MaglevTable, HasNoEntryForAWeightOfZero) {
  auto candidates = backends(5);
  candidates[2].weight = 0;
  const auto entries = shares(MaglevTable(candidates), 5);
  EXPECT_EQ(entries[2], 0u);
  EXPECT_GT(entries[1], 0u);
  for (Candidate& candidate : candidates) candidate.weight = 0;
  EXPECT_TRUE(MaglevTable(candidates).entries().empty());
}

TEST(MaglevTable, ForgetsNoLightOneAmongThousandsOfHeavyOnes) {
  auto candidates = backends(5000);
  for (Candidate& candidate : candidates) candidate.weight = 256;
  candidates[77].weight = 1;
  EXPECT_EQ(shares(MaglevTable(candidates), candidates.size())[77], 1u);
}

TEST(MaglevTable, MovesAtMostOneAndAHalfTimesTheIdealWhenOneOfAHundredGoes) {
  const auto candidates = backends(100);
  const MaglevTable before(candidates);
  for (std::size_t gone = 0; gone < candidates.size(); gone += 7) {
    auto others = candidates;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(gone));
    const MaglevTable after(others);
    ASSERT_EQ(after.entries().size(), before.entries().size());
    EXPECT_LE(static_cast<double>(moved(before, after)),
              1.5 * static_cast<double>(before.entries().size()) / 100)
        << gone;
  }
}

TEST(MaglevTable, MovesLittleWhenOneOfThousandsGoes) {
  const auto candidates = backends(2'000);
  const MaglevTable before(candidates);
  const MaglevTable after(std::span<const Candidate>(candidates).first(1'999));
  ASSERT_EQ(after.entries().size(), before.entries().size());
  EXPECT_LE(moved(before, after), before.entries().size() / 100);
}

TEST(MaglevTable, IsTheSameWhateverTheOrderOfTheListAndTheIndexes) {
  auto candidates = backends(50);
  for (Candidate& candidate : candidates) candidate.weight = 1 + candidate.index % 4;
  const MaglevTable one(candidates);
  std::mt19937 random(5);
  std::shuffle(candidates.begin(), candidates.end(), random);
  std::vector<std::string> names(50);
  for (std::uint32_t i = 0; i < 50; ++i) {
    candidates[i].index = 100 + i;
    names[i] = candidates[i].name;
  }
  const MaglevTable other(candidates);
  EXPECT_TRUE(
      std::equal(one.entries().begin(), one.entries().end(), other.entries().begin(), other.entries().end()));
  std::sort(names.begin(), names.end());
  for (std::uint32_t rank = 0; rank < 50; ++rank) {
    const auto of_rank = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
      return candidate.index == other.by_name()[rank];
    });
    EXPECT_EQ(of_rank->name, names[rank]);
  }
}

// Two Weirs of different versions stand side by side while one of them is upgraded: a table that comes out
// otherwise than in an older version tears clients from their backends.
TEST(MaglevTable, KnowsWhoseItIsByNamesAndWeights) {
  std::vector<Candidate> candidates = backends(3);
  const MaglevTable table(candidates);
  EXPECT_TRUE(table.is_of(candidates));
  std::reverse(candidates.begin(), candidates.end());
  for (Candidate& candidate : candidates) candidate.index += 7;
  candidates.push_back({99, 0, "of no weight"});
  EXPECT_TRUE(table.is_of(candidates));
  candidates[0].weight = 2;
  EXPECT_FALSE(table.is_of(candidates));
  EXPECT_FALSE(table.is_of(backends(2)));
  EXPECT_FALSE(table.is_of(backends(4)));
  EXPECT_FALSE(table.is_of({}));
}

TEST(MaglevTable, IsTheSameInEveryVersion) {
  auto candidates = backends(20);
  candidates[3].weight = 7;
  std::uint64_t digest = 0;
  const MaglevTable table(candidates);
  for (const std::uint32_t rank : table.entries()) digest = mix(digest + rank + kGolden);
  EXPECT_EQ(digest, 2'917'214'081'016'771'085u);
}

}  // namespace
}  // namespace weir::balance
