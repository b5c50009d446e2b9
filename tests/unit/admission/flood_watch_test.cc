#include "admission/flood_watch.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace weir::admission {
namespace {

using Change = Episode::Change;
using base::Millis;
using base::TimePoint;

TimePoint at(int second) { return TimePoint(std::chrono::seconds(second + 1'000'000)); }

// What is added to the counters in one second.
using Second = KernelSigns;

Second cookies(std::uint64_t sent, std::uint64_t answered) { return {sent, answered, 0, 0, 0}; }
Second drops(std::uint64_t count) { return {0, 0, 0, count, 0}; }
Second overflows(std::uint64_t count) { return {0, 0, 0, count, count}; }

// A kernel whose counters have been running for long, and the watch that looks at it every second.
class Kernel {
 public:
  Kernel() { watch.look(signs_, at(0)); }

  FloodWatch::Events second(const Second& added) {
    signs_.cookies_sent += added.cookies_sent;
    signs_.cookies_answered += added.cookies_answered;
    signs_.cookies_failed += added.cookies_failed;
    signs_.listen_drops += added.listen_drops;
    signs_.accept_overflows += added.accept_overflows;
    return watch.look(signs_, at(++now_));
  }

  // "b" where a SYN flood began, "e" where it ended, "." where nothing changed; in capitals: an overflow.
  std::string run(int seconds, const std::function<Second(int)>& added) {
    std::string said;
    for (int i = 0; i < seconds; ++i) {
      const auto events = second(added(i));
      std::string word;
      if (events.syn_flood) word += events.syn_flood->change == Change::kBegan ? 'b' : 'e';
      if (events.accept_overflow) word += events.accept_overflow->change == Change::kBegan ? 'B' : 'E';
      said += word.empty() ? "." : word;
    }
    return said;
  }

  FloodWatch watch;

 private:
  KernelSigns signs_{5'000, 4'000, 3'000, 9'000, 2'000};
  int now_ = 0;
};

TEST(FloodWatch, TellsFloodsFromWhatOnlyLooksLikeOne) {
  struct Case {
    const char* what;
    std::function<Second(int)> second;
    const char* said;
  };
  const std::vector<Case> cases = {
      {"a quiet door", [](int) { return Second{}; }, "................"},
      {"a flood, answered with cookies", [](int) { return cookies(5'000, 0); }, ".b.............."},
      {"a flood of four seconds", [](int i) { return cookies(i < 4 ? 5'000 : 0, 0); }, ".b............e."},
      {"a flood among honest clients", [](int) { return cookies(5'300, 300); }, ".b.............."},
      {"a slow flood", [](int) { return cookies(60, 0); }, "...b............"},
      {"scanners", [](int) { return cookies(30, 0); }, "................"},
      {"honest clients faster than the queue is long", [](int) { return cookies(9'000, 9'000); },
       "................"},
      {"the same, a tenth of a second away", [](int i) { return cookies(9'000, i == 0 ? 8'100 : 9'000); },
       "................"},
      {"a burst of honest clients just before a look",
       [](int i) { return cookies(i == 0 ? 9'000 : 0, i == 1 ? 9'000 : 0); }, "................"},
      {"what the queue holds after a flood, and honest clients", [](int) { return cookies(400, 400); },
       "................"},
      {"a flood of drops, cookies off", [](int) { return drops(5'000); }, "b..............."},
      {"a slow flood of drops, cookies off", [](int) { return drops(80); }, "..b............."},
      {"honest clients who try again after 1 and 3 seconds, cookies off",
       [](int i) {
         return drops(i == 0 ? 900 : i == 1 ? 300 : i == 3 ? 60 : 0);
       },
       "................"},
      {"forged ACKs",
       [](int) {
         return Second{0, 0, 5'000, 0, 0};
       },
       "................"},
      {"a full accept queue", [](int) { return overflows(500); }, "B..............."},
      {"a full accept queue for a second", [](int i) { return overflows(i == 2 ? 500 : 0); },
       "..B.........E..."},
      {"an accept queue that is now and then full", [](int i) { return overflows(i % 2 == 0 ? 50 : 0); },
       "................"},
      {"a few that find the accept queue full, all the time", [](int) { return overflows(2); },
       "..B............."},
      {"a flood and a full accept queue",
       [](int) {
         return Second{5'000, 0, 0, 500, 500};
       },
       "Bb.............."},
  };
  for (const Case& c : cases) {
    Kernel kernel;
    EXPECT_EQ(kernel.run(16, c.second), c.said) << c.what;
  }
}

TEST(FloodWatch, LearnsWhereTheCountersStandFirst) {
  FloodWatch watch;
  const KernelSigns long_running{1'000'000, 0, 0, 1'000'000, 500'000};
  EXPECT_FALSE(watch.look(long_running, at(0)).syn_flood);
  const auto events = watch.look(long_running, at(1));
  EXPECT_FALSE(events.syn_flood || events.accept_overflow);
  EXPECT_EQ(watch.per_second(), SynCounts{});
}

TEST(FloodWatch, SaysAtTheBeginningHowFastItIs) {
  Kernel kernel;
  kernel.second({2'200, 200, 5, 10, 10});
  const auto events = kernel.second({3'300, 300, 6, 27, 20});
  ASSERT_TRUE(events.syn_flood);
  EXPECT_EQ(events.syn_flood->change, Change::kBegan);
  EXPECT_TRUE(kernel.watch.active());
  const SynCounts now{3'300, 300, 1'700, 6, 7};
  EXPECT_EQ(events.syn_flood->per_second, now) << "300 of the 2000 that were open came back";
  EXPECT_EQ(kernel.watch.per_second(), now);
  EXPECT_EQ(events.syn_flood->facts.peak_per_second, 1'707u);
  EXPECT_EQ(events.syn_flood->facts.since, at(1));
}

// One look without a number, as when the file cannot be read, must not make all that was ever counted new.
TEST(FloodWatch, ACounterThatGoesBackAndComesAgainIsNoFlood) {
  FloodWatch watch;
  KernelSigns signs;
  signs.listen_drops = 500'000;
  signs.cookies_sent = 500'000;
  for (int i = 0; i < 20; ++i) {
    const auto events = watch.look(i % 5 == 4 ? KernelSigns{} : signs, at(i));
    EXPECT_FALSE(events.syn_flood) << i;
    EXPECT_FALSE(watch.active());
  }
}

// The end of a flood of five such seconds.
std::optional<SynFloodEvent> end_of_five(Kernel& kernel, const Second& each) {
  std::optional<SynFloodEvent> ended;
  for (int i = 0; i < 30; ++i) {
    const auto events = kernel.second(i >= 3 && i < 8 ? each : Second{});
    if (events.syn_flood) ended = events.syn_flood;
  }
  return ended;
}

// They were sent before the look that makes a flood of them.
TEST(FloodWatch, CountsTheCookiesOfItsFirstSecondToo) {
  Kernel kernel;
  const auto ended = end_of_five(kernel, Second{1'000, 0, 0, 0, 0});
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->facts.total, 5'000u);
  EXPECT_EQ(ended->total, (SynCounts{5'000, 0, 5'000, 0, 0}));
}

TEST(FloodWatch, SaysAtTheEndWhatTheWholeFloodCameTo) {
  Kernel kernel;
  const auto ended = end_of_five(kernel, Second{1'000, 0, 2, 100, 0});
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->change, Change::kEnded);
  EXPECT_FALSE(kernel.watch.active());
  EXPECT_EQ(ended->facts.since, at(3));
  EXPECT_EQ(ended->facts.lasted(), Millis(6'000)) << "the last cookies had a second to be brought back";
  EXPECT_EQ(ended->facts.peak_per_second, 1'100u);
  EXPECT_EQ(ended->facts.total, 5'500u);
  EXPECT_EQ(ended->total, (SynCounts{5'000, 0, 5'000, 10, 500}));
  EXPECT_EQ(ended->per_second, SynCounts{});
}

TEST(FloodWatch, StartsEachFloodFromNothing) {
  Kernel kernel;
  kernel.run(30, [](int i) { return drops(i < 3 ? 4'000 : 0); });
  const auto events = kernel.second(drops(1'500));
  ASSERT_TRUE(events.syn_flood);
  EXPECT_EQ(events.syn_flood->total.dropped, 1'500u);
  EXPECT_EQ(events.syn_flood->facts.total, 1'500u);
}

TEST(FloodWatch, PassesOverLooksThatComeTooSoonAndLosesNothing) {
  FloodWatch watch;
  watch.look({}, at(0));
  KernelSigns signs;
  for (int i = 1; i <= 4; ++i) {
    signs.listen_drops += 400;
    const auto events = watch.look(signs, at(0) + i * Millis(100));
    EXPECT_FALSE(events.syn_flood) << "as fast as 4000 a second, but who knows";
  }
  const auto events = watch.look(signs, at(1));
  ASSERT_TRUE(events.syn_flood);
  EXPECT_EQ(events.syn_flood->per_second.dropped, 1'600u);
}

TEST(FloodWatch, TakesALateLookForTheTimeThatPassed) {
  FloodWatch watch;
  watch.look({}, at(0));
  EXPECT_FALSE(watch.look(drops(2'000), at(60)).syn_flood) << "33 a second";
  EXPECT_TRUE(watch.look(drops(8'000), at(120)).syn_flood) << "100 a second, for a minute";
}

TEST(FloodWatch, TakesACounterThatWentBackForOneThatStoodStill) {
  FloodWatch watch;
  watch.look({9'000, 9'000, 9'000, 9'000, 9'000}, at(0));
  const auto events = watch.look({}, at(1));
  EXPECT_FALSE(events.syn_flood || events.accept_overflow);
  EXPECT_EQ(watch.per_second(), SynCounts{});
}

// Whatever honest clients do within a second of round trip, they are no flood; and a flood among them is
// found.
TEST(FloodWatch, IsNeverMisledByHonestClients) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    Kernel kernel;
    std::uint64_t late = 0;
    std::uniform_int_distribution<std::uint64_t> clients(0, 20'000);
    for (int second = 0; second < 60; ++second) {
      const std::uint64_t sent = clients(random);
      const std::uint64_t now_late = std::uniform_int_distribution<std::uint64_t>(0, sent)(random);
      const auto events = kernel.second(cookies(sent, sent - now_late + late));
      late = now_late;
      ASSERT_FALSE(events.syn_flood);
      ASSERT_EQ(kernel.watch.per_second().cookies_unanswered, 0u);
    }
    std::string said;
    for (int second = 0; second < 6; ++second) {
      const std::uint64_t sent = clients(random);
      const std::uint64_t now_late = std::uniform_int_distribution<std::uint64_t>(0, sent)(random);
      if (kernel.second(cookies(sent + 25'000, sent - now_late + late)).syn_flood) said += 'b';
      late = now_late;
    }
    ASSERT_EQ(said, "b");
  }
}

}  // namespace
}  // namespace weir::admission
