#include "pool/last_minute.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace weir::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

base::TimePoint at(milliseconds since_start) { return base::TimePoint(since_start); }

TEST(LastMinute, HasNothingBeforeAnythingHappened) {
  const LastMinute minute;
  EXPECT_EQ(minute.within(seconds(60)), 0u);
  EXPECT_EQ(minute.within(seconds(0)), 0u);
}

// From the first seconds of a clock on, too.
TEST(LastMinute, ForgetsWhatIsAMinuteOld) {
  for (const seconds start : {seconds(0), seconds(1), seconds(59), seconds(1'000'000)}) {
    LastMinute minute;
    for (int i = 0; i < 60; ++i) minute.add(10, at(start + seconds(i)), at(start + seconds(i + 1)));
    EXPECT_EQ(minute.within(seconds(60)), 600u) << start.count();
    EXPECT_EQ(minute.within(seconds(1)), 10u);
    EXPECT_EQ(minute.within(seconds(25)), 250u);
    minute.add(0, at(start + seconds(60)), at(start + seconds(90)));
    EXPECT_EQ(minute.within(seconds(60)), 300u) << start.count();
    EXPECT_EQ(minute.within(seconds(30)), 0u);
    minute.add(0, at(start + seconds(90)), at(start + seconds(119)));
    EXPECT_EQ(minute.within(seconds(60)), 10u);
    minute.add(0, at(start + seconds(119)), at(start + seconds(120)));
    EXPECT_EQ(minute.within(seconds(60)), 0u);
  }
}

TEST(LastMinute, SpreadsOverTheTimeInWhichItHappened) {
  LastMinute minute;
  minute.add(0, at(seconds(100)), at(seconds(100)));
  minute.add(52, at(seconds(100)), at(seconds(105)));
  EXPECT_EQ(minute.within(seconds(5)), 52u);
  EXPECT_EQ(minute.within(seconds(1)), 10u);
  EXPECT_EQ(minute.within(seconds(3)), 30u) << "what is left over is of the first seconds";
}

TEST(LastMinute, KeepsTheLastPartOfWhatTookLongerThanAMinute) {
  LastMinute minute;
  minute.add(0, at(seconds(0)), at(seconds(0)));
  minute.add(1'000, at(seconds(0)), at(seconds(100)));
  EXPECT_EQ(minute.within(seconds(60)), 600u);
}

// Against the obvious way: a list of seconds.
TEST(LastMinute, AgreesWithAListOfAllSeconds) {
  std::mt19937 random(7);
  LastMinute minute;
  std::vector<std::uint64_t> all(1, 0);
  milliseconds now(0);
  minute.add(0, at(now), at(now));
  for (int i = 0; i < 2'000; ++i) {
    const milliseconds before = now;
    now += milliseconds(random() % 700);
    const std::uint64_t count = random() % 1'000;
    minute.add(count, at(before), at(now));
    all.resize(static_cast<std::size_t>(now.count() / 1'000) + 1);
    all.back() += count;  // steps are shorter than a second: all of it is of the last one
    const std::size_t age = random() % 61;
    std::uint64_t sum = 0;
    for (std::size_t s = all.size() - std::min(age, all.size()); s < all.size(); ++s) sum += all[s];
    ASSERT_EQ(minute.within(seconds(age)), sum) << "at " << now.count() << " of " << age << " s";
  }
}

}  // namespace
}  // namespace weir::pool
