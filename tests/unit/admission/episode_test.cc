#include "admission/episode.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace weir::admission {
namespace {

using Change = Episode::Change;
using base::Millis;
using base::TimePoint;

// From 10 a second, after 3 s, or at once from 100; until at most 2 a second for 5 s.
constexpr EpisodeRules kRules{10, 2, 100, Millis(3'000), Millis(5'000)};

TimePoint at(int second) { return TimePoint(std::chrono::seconds(second + 1'000'000)); }

// One count a second from second 0 on, as "b" where it began, "e" where it ended and "." elsewhere.
std::string run(Episode& episode, const std::vector<std::uint64_t>& counts) {
  std::string said;
  int second = 0;
  for (const std::uint64_t count : counts) {
    const auto change = episode.add(count, at(second), at(second + 1));
    said += !change ? '.' : *change == Change::kBegan ? 'b' : 'e';
    ++second;
  }
  return said;
}

TEST(Episode, BeginsAndEndsAsTheTableSays) {
  struct Case {
    const char* what;
    std::vector<std::uint64_t> counts;
    const char* changes;
  };
  const std::vector<Case> cases = {
      {"nothing", {0, 0, 0, 0}, "...."},
      {"too little for ever", {9, 9, 9, 9, 9, 9}, "......"},
      {"three seconds of trouble", {10, 10, 10}, "..b"},
      {"a burst of two seconds", {99, 99, 0, 0, 0}, "....."},
      {"a burst every other second", {99, 0, 99, 0, 99, 0}, "......"},
      {"trouble that stops and starts over", {10, 10, 9, 10, 10, 10}, ".....b"},
      {"one heavy second", {100}, "b"},
      {"one heavy second and quiet", {0, 100, 0, 0, 0, 0, 0}, ".b....e"},
      {"quiet that is nearly long enough", {100, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0}, "b.........e"},
      {"little, but more than quiet", {100, 3, 3, 3, 3, 3, 3, 3}, "b......."},
      {"as little as quiet is", {100, 2, 2, 2, 2, 2}, "b....e"},
      {"twice", {100, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0}, "b....e.b....e"},
  };
  for (const Case& c : cases) {
    Episode episode(kRules);
    EXPECT_EQ(run(episode, c.counts), c.changes) << c.what;
  }
}

TEST(Episode, KnowsWhenItBeganHowLongItLastedItsPeakAndItsSum) {
  Episode episode(kRules);
  EXPECT_EQ(run(episode, {0, 20, 30, 40, 1, 50, 2, 2, 0, 0, 1}), "...b......e");
  EXPECT_EQ(episode.facts().since, at(1));
  EXPECT_EQ(episode.facts().last, at(6));
  EXPECT_EQ(episode.facts().lasted(), Millis(5'000));
  EXPECT_EQ(episode.facts().peak_per_second, 50u);
  EXPECT_EQ(episode.facts().total, 20u + 30 + 40 + 1 + 50) << "what trickles in after the end does not count";
  EXPECT_FALSE(episode.active());
}

TEST(Episode, KeepsTheFactsOfTheLastOneWhileAnotherIsOnlySuspected) {
  Episode episode(kRules);
  EXPECT_EQ(run(episode, {100, 0, 0, 0, 0, 0, 50}), "b....e.");
  EXPECT_TRUE(episode.active_or_suspected());
  EXPECT_EQ(episode.facts().total, 100u);
}

TEST(Episode, StartsEachEpisodeFromNothing) {
  Episode episode(kRules);
  EXPECT_EQ(run(episode, {500, 1, 1, 1, 1, 1, 200}), "b....eb");
  EXPECT_EQ(episode.facts().since, at(6));
  EXPECT_EQ(episode.facts().total, 200u);
  EXPECT_EQ(episode.facts().peak_per_second, 200u);
}

TEST(Episode, JudgesByTheTimeThatPassedAndNotByTheNumberOfLooks) {
  Episode episode(kRules);
  EXPECT_EQ(episode.add(28, at(0), at(3)), std::nullopt) << "fewer than 10 a second";
  EXPECT_EQ(episode.add(30, at(3), at(6)), Change::kBegan) << "one look at three troubled seconds";
  EXPECT_EQ(episode.add(10, at(6), at(11)), Change::kEnded) << "one look at five quiet seconds";
}

TEST(Episode, BeginsWithTimeOnlyWhereNothingIsHeavy) {
  Episode episode({10, 2, 0, Millis(3'000), Millis(5'000)});
  EXPECT_EQ(run(episode, {1'000'000, 1'000'000, 0, 10, 10, 10}), ".....b");
}

TEST(Episode, AlternatesAndChangesNoFasterThanItsRulesWhateverComes) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Episode episode(kRules);
    std::uniform_int_distribution<int> height(0, round % 4 == 0 ? 5 : 130);
    std::optional<Change> last;
    TimePoint began;
    for (int second = 0; second < 300; ++second) {
      const auto count = static_cast<std::uint64_t>(std::max(0, height(random) - 20));
      const auto change = episode.add(count, at(second), at(second + 1));
      if (!change) continue;
      EXPECT_NE(change, last);
      EXPECT_EQ(episode.active(), change == Change::kBegan);
      if (change == Change::kBegan) began = at(second + 1);
      if (change == Change::kEnded) {
        EXPECT_GE(at(second + 1) - began, kRules.end_after);
      }
      EXPECT_LE(episode.facts().since, episode.facts().last);
      EXPECT_GE(episode.facts().total, episode.facts().peak_per_second);
      last = change;
    }
  }
}

TEST(RatePerSecond, IsRoundedAndNeverTooLargeForItsType) {
  EXPECT_EQ(rate_per_second(0, at(0), at(1)), 0u);
  EXPECT_EQ(rate_per_second(7, at(0), at(1)), 7u);
  EXPECT_EQ(rate_per_second(7, at(0), at(2)), 4u);
  EXPECT_EQ(rate_per_second(500, at(0), at(0) + Millis(500)), 1'000u);
  EXPECT_GT(rate_per_second(UINT64_MAX, at(0), at(0) + std::chrono::nanoseconds(1)), 1'000'000'000u);
}

}  // namespace
}  // namespace weir::admission
