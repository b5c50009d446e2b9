#include "pool/port_use.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <vector>

namespace weir::pool {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Change = PortForecast::Change;

// A source and a backend in virtual time: connections are opened, held and ended, and the kernel keeps those
// that are to be kept for `life`.
class World {
 public:
  explicit World(unsigned usable) { sample_.usable = usable; }

  PortSample& sample() { return sample_; }
  base::TimePoint now() const { return now_; }
  PortForecast& forecast() { return forecast_; }
  const PortOutlook& outlook() const { return forecast_.outlook(); }
  const std::vector<std::pair<Change, seconds>>& told() const { return told_; }
  void tw_life(seconds life) { life_ = life; }
  std::uint64_t busy() const { return sample_.held + sample_.time_wait; }

  // In a second `opened` come, `kept` end so that their ports stay, and `reset` so that they do not.
  void second(std::uint64_t opened, std::uint64_t kept, std::uint64_t reset = 0) {
    now_ += seconds(1);
    sample_.held += opened;
    sample_.held -= kept + reset;
    sample_.opened_total += opened;
    waiting_.push_back({now_, kept});
    sample_.time_wait += kept;
    while (!waiting_.empty() && now_ - waiting_.front().first >= life_) {
      sample_.time_wait -= waiting_.front().second;
      waiting_.pop_front();
    }
    look();
  }

  void look() {
    if (const auto change = forecast_.add(sample_, now_)) {
      told_.emplace_back(*change, std::chrono::duration_cast<seconds>(now_ - base::TimePoint()));
    }
  }

  void pass(milliseconds time) { now_ += time; }

 private:
  base::TimePoint now_;
  PortSample sample_;
  std::deque<std::pair<base::TimePoint, std::uint64_t>> waiting_;
  seconds life_{60};
  PortForecast forecast_;
  std::vector<std::pair<Change, seconds>> told_;
};

base::Address ip(const char* text) { return *base::parse_address(text); }

TEST(TimeWaitReuse, IsWhatTheKernelsSettingSays) {
  const base::Address own = ip("192.0.2.1:0");
  const base::Address other = ip("192.0.2.2:80");
  const base::Address loopback = ip("127.0.0.1:80");
  const base::Address loopback6 = ip("[::1]:80");
  EXPECT_EQ(time_wait_reuse(0, own, other), TimeWaitReuse::kNever);
  EXPECT_EQ(time_wait_reuse(0, loopback, loopback), TimeWaitReuse::kNever);
  EXPECT_EQ(time_wait_reuse(1, own, other), TimeWaitReuse::kAfterASecond);
  EXPECT_EQ(time_wait_reuse(1, loopback, loopback), TimeWaitReuse::kAfterASecond);
  EXPECT_EQ(time_wait_reuse(2, own, other), TimeWaitReuse::kNever);
  EXPECT_EQ(time_wait_reuse(2, own, own), TimeWaitReuse::kNever);
  EXPECT_EQ(time_wait_reuse(2, own, loopback), TimeWaitReuse::kAfterASecond);
  EXPECT_EQ(time_wait_reuse(2, loopback6, other), TimeWaitReuse::kAfterASecond);
  EXPECT_EQ(time_wait_reuse(2, base::Address(), other), TimeWaitReuse::kNever) << "the kernel chooses";
  EXPECT_EQ(time_wait_reuse(7, own, other), TimeWaitReuse::kNever);
}

TEST(PortForecast, CountsWhatIsFreeFromTheFirstSampleOn) {
  World world(1'000);
  world.sample().held = 300;
  world.sample().time_wait = 200;
  world.look();
  EXPECT_EQ(world.outlook().free, 500u);
  EXPECT_EQ(world.outlook().shrinking_per_second, 0.0);
  EXPECT_EQ(world.outlook().dry_in, std::nullopt);
  EXPECT_TRUE(world.told().empty());
}

TEST(PortForecast, SeesNoEndOfWhatStaysAsItIs) {
  World world(28'000);
  world.sample().held = 5'000;
  for (int i = 0; i < 300; ++i) world.second(100, 50, 50);
  EXPECT_EQ(world.outlook().free, 28'000u - 5'000 - 3'000);
  EXPECT_EQ(world.outlook().eventual_need, 8'000u);
  EXPECT_NEAR(world.outlook().shrinking_per_second, 0, 0.01);
  EXPECT_EQ(world.outlook().dry_in, std::nullopt);
  EXPECT_FALSE(world.forecast().warns());
}

TEST(PortForecast, SaysWhenHeldConnectionsWillHaveUsedUpEveryPort) {
  World world(28'000);
  for (int i = 0; i < 100; ++i) world.second(100, 0);
  EXPECT_EQ(world.outlook().free, 18'000u);
  EXPECT_NEAR(world.outlook().shrinking_per_second, 100, 0.01);
  ASSERT_TRUE(world.outlook().dry_in.has_value());
  EXPECT_NEAR(static_cast<double>(world.outlook().dry_in->count()), 180, 1);
  EXPECT_EQ(world.outlook().eventual_need, 10'000u) << "held ones alone";
}

// The case of the ledger: there is room, and yet it is known that there will be none.
TEST(PortForecast, SaysBeforehandThatShortConnectionsWillUseUpEveryPort) {
  World world(3'000);
  world.second(0, 0);
  for (int i = 0; i < 10; ++i) world.second(100, 100);
  EXPECT_EQ(world.outlook().free, 2'000u);
  EXPECT_EQ(world.outlook().eventual_need, 6'000u);
  EXPECT_EQ(world.outlook().dry_in, seconds(20));
  ASSERT_EQ(world.told().size(), 1u);
  EXPECT_EQ(world.told()[0].first, Change::kBegan);
  EXPECT_LE(world.told()[0].second, seconds(6)) << "after three seconds of it";
  for (int i = 10; i < 30; ++i) world.second(100, 100);
  EXPECT_EQ(world.outlook().free, 0u);
  EXPECT_EQ(world.outlook().dry_in, seconds(0));
  EXPECT_EQ(world.told().size(), 1u) << "told once";
}

TEST(PortForecast, KnowsThatTimeWaitGrowsForAMinuteOnly) {
  World world(6'500);
  world.second(0, 0);
  for (int i = 0; i < 30; ++i) world.second(100, 100);
  EXPECT_NEAR(world.outlook().shrinking_per_second, 100, 0.01);
  EXPECT_EQ(world.outlook().eventual_need, 6'000u);
  EXPECT_EQ(world.outlook().dry_in, std::nullopt) << "3 500 are free, at 100/s, but 3 000 more are enough";
  EXPECT_FALSE(world.forecast().warns());
}

// The kernel's timers for a minute are exact to some seconds, and fire together.
TEST(PortForecast, IsNotLedAstrayByAMinuteThatLastsLonger) {
  World world(28'000);
  world.tw_life(seconds(64));
  for (int i = 0; i < 600; ++i) {
    world.second(100, 100);
    if (i < 70) continue;
    ASSERT_NEAR(static_cast<double>(world.outlook().eventual_need), 6'000, 100) << i;
    ASSERT_EQ(world.outlook().dry_in, std::nullopt) << i;
  }
}

TEST(PortForecast, CountsOnlyThePartThatThisSideEndsFirst) {
  World world(28'000);
  world.second(0, 0);
  for (int i = 0; i < 20; ++i) world.second(100, 25, 75);
  EXPECT_NEAR(static_cast<double>(world.outlook().eventual_need), 1'500, 50);
  for (int i = 0; i < 200; ++i) world.second(100, 25, 75);
  EXPECT_NEAR(static_cast<double>(world.outlook().eventual_need), 1'500, 50);
  world.second(100, 100);
  for (int i = 0; i < 100; ++i) world.second(100, 100);
  EXPECT_NEAR(static_cast<double>(world.outlook().eventual_need), 6'000, 200);
}

// In every kind of load: what was foretold for a time is what is there then.
TEST(PortForecast, ForetellsWhatComesWhenAllGoesOn) {
  struct Case {
    std::uint64_t opened, kept, reset;
    int seconds_before;
  };
  for (const Case c : {Case{50, 50, 0, 5}, Case{50, 50, 0, 45}, Case{50, 50, 0, 200}, Case{80, 20, 10, 20},
                       Case{80, 20, 10, 100}, Case{7, 0, 0, 30}, Case{90, 30, 60, 30}, Case{60, 59, 0, 90}}) {
    World world(4'000);
    world.second(0, 0);
    for (int i = 0; i < c.seconds_before; ++i) world.second(c.opened, c.kept, c.reset);
    const auto dry_in = world.outlook().dry_in;
    int lasted = 0;
    while (lasted < 4'000 && world.busy() < 4'000) {
      world.second(c.opened, c.kept, c.reset);
      ++lasted;
    }
    if (lasted == 4'000) {
      EXPECT_EQ(dry_in, std::nullopt) << c.opened << " " << c.kept << " after " << c.seconds_before;
    } else {
      ASSERT_TRUE(dry_in.has_value()) << c.opened << " " << c.kept << " after " << c.seconds_before;
      EXPECT_NEAR(static_cast<double>(dry_in->count()), lasted, 2 + 0.05 * lasted)
          << c.opened << " " << c.kept << " after " << c.seconds_before;
    }
  }
}

TEST(PortForecast, NeedsASecondsWorthOfPortsWhereTimeWaitIsReused) {
  World world(3'000);
  world.sample().reuse = TimeWaitReuse::kAfterASecond;
  world.sample().held = 200;
  world.second(0, 0);
  for (int i = 0; i < 45; ++i) world.second(100, 100);
  // What the kernel takes out early leaves TIME_WAIT as full as it is.
  EXPECT_EQ(world.sample().time_wait, 4'500u);
  EXPECT_EQ(world.outlook().free, 2'700u);
  EXPECT_EQ(world.outlook().eventual_need, 300u);
  EXPECT_EQ(world.outlook().dry_in, std::nullopt);
  EXPECT_NEAR(world.outlook().shrinking_per_second, 0, 0.01);
  EXPECT_TRUE(world.told().empty());
}

TEST(PortForecast, SeesThatEvenReusedPortsAreTooFew) {
  World world(3'000);
  world.sample().reuse = TimeWaitReuse::kAfterASecond;
  world.second(0, 0);
  for (int i = 0; i < 5; ++i) world.second(4'000, 4'000);
  EXPECT_EQ(world.outlook().eventual_need, 4'000u);
  EXPECT_EQ(world.outlook().free, 0u);
  EXPECT_TRUE(world.forecast().warns());
}

// What a process before this one left behind goes within a minute.
TEST(PortForecast, TakesTheRestOfAnotherProcessForSomethingThatPasses) {
  World world(5'000);
  world.sample().time_wait = 3'000;
  world.second(0, 0);
  EXPECT_EQ(world.outlook().free, 2'000u);
  EXPECT_EQ(world.outlook().eventual_need, 0u);
  for (int i = 0; i < 5; ++i) world.second(20, 20);
  EXPECT_EQ(world.outlook().eventual_need, 1'200u);
  EXPECT_EQ(world.outlook().dry_in, std::nullopt);
  EXPECT_TRUE(world.told().empty());
}

TEST(PortForecast, WarnsAtOnceWhenLessThanAFifthIsFreeAndNotSooner) {
  World world(1'000);
  world.sample().held = 800;
  for (int i = 0; i < 30; ++i) world.second(5, 0, 5);
  EXPECT_TRUE(world.told().empty()) << "a fifth is free";
  world.second(1, 0);
  ASSERT_EQ(world.told().size(), 1u);
  EXPECT_EQ(world.told()[0], std::pair(Change::kBegan, seconds(31)));
}

TEST(PortForecast, DoesNotWarnOfASingleBurst) {
  World world(1'000);
  for (int i = 0; i < 30; ++i) world.second(5, 0, 5);
  world.second(300, 0);
  EXPECT_TRUE(world.outlook().dry_in.has_value() && *world.outlook().dry_in < seconds(60));
  world.second(0, 0, 300);
  for (int i = 0; i < 60; ++i) world.second(5, 0, 5);
  EXPECT_TRUE(world.told().empty());
}

TEST(PortForecast, EndsItsWarningOnceWhenThereIsRoomForAWhile) {
  World world(1'000);
  world.sample().held = 900;
  world.look();
  ASSERT_EQ(world.told().size(), 1u);
  // Between the two bounds nothing changes, however long.
  world.second(0, 0, 150);
  for (int i = 0; i < 60; ++i) world.second(5, 0, 5);
  EXPECT_EQ(world.outlook().free, 250u);
  EXPECT_TRUE(world.forecast().warns());
  // Room, but not for long enough.
  world.second(0, 0, 60);
  for (int i = 0; i < 5; ++i) world.second(5, 0, 5);
  world.second(30, 0);
  EXPECT_TRUE(world.forecast().warns());
  world.second(0, 0, 100);
  for (int i = 0; i < 9; ++i) world.second(0, 0);
  EXPECT_TRUE(world.forecast().warns()) << "nine seconds";
  world.second(0, 0);
  EXPECT_FALSE(world.forecast().warns());
  for (int i = 0; i < 100; ++i) world.second(5, 0, 5);
  ASSERT_EQ(world.told().size(), 2u);
  EXPECT_EQ(world.told()[1].first, Change::kEnded);
}

TEST(PortForecast, DoesNotFlapWhileWhatIsFreeGoesUpAndDownAroundTheBound) {
  World world(1'000);
  world.sample().held = 800;
  for (int i = 0; i < 600; ++i) {
    const auto wave = static_cast<std::int64_t>(std::lround(40 * std::sin(i * 0.5)));
    const std::int64_t held = 800 + wave;
    const auto is = static_cast<std::int64_t>(world.sample().held);
    world.second(static_cast<std::uint64_t>(std::max<std::int64_t>(held - is, 0)), 0,
                 static_cast<std::uint64_t>(std::max<std::int64_t>(is - held, 0)));
  }
  EXPECT_EQ(world.told().size(), 1u);
}

TEST(PortForecast, WarnsAtOnceWhenAConnectFoundNoPortWhateverTheNumbersSay) {
  World world(1'000);
  world.sample().dry_total = 4;
  world.second(10, 0);
  EXPECT_TRUE(world.told().empty()) << "found before the first sample";
  world.sample().dry_total = 5;
  world.second(0, 0);
  ASSERT_EQ(world.told().size(), 1u);
  for (int i = 0; i < 30; ++i) world.second(0, 0);
  EXPECT_EQ(world.told().size(), 2u);
}

TEST(PortForecast, PassesOverASampleThatComesTooSoonAndLosesNothing) {
  World world(1'000);
  world.second(0, 0);
  world.second(100, 0);
  world.pass(milliseconds(100));
  world.sample().held += 50;
  world.sample().opened_total += 50;
  world.look();
  EXPECT_EQ(world.outlook().free, 900u);
  world.pass(milliseconds(900));
  world.look();
  EXPECT_EQ(world.outlook().free, 850u);
  EXPECT_GT(world.outlook().shrinking_per_second, 50);
}

TEST(PortForecast, BeginsAnewAfterAGapAndKeepsItsWarning) {
  World world(1'000);
  world.second(0, 0);
  for (int i = 0; i < 9; ++i) world.second(95, 0);
  ASSERT_TRUE(world.forecast().warns());
  world.pass(seconds(61));
  world.look();
  EXPECT_EQ(world.outlook().shrinking_per_second, 0.0);
  EXPECT_EQ(world.outlook().free, 145u);
  EXPECT_EQ(world.told().size(), 1u);
}

TEST(PortForecast, HasNoPortWhereNoneIsUsable) {
  World world(0);
  world.look();
  EXPECT_EQ(world.outlook().free, 0u);
  EXPECT_EQ(world.outlook().dry_in, seconds(0));
  EXPECT_TRUE(world.forecast().warns());
}

TEST(PortForecast, HasNoneFreeWhenMoreAreBusyThanThereAre) {
  World world(100);
  world.sample().held = 90;
  world.sample().time_wait = 90;
  world.look();
  EXPECT_EQ(world.outlook().free, 0u) << "the range was made smaller";
}

}  // namespace
}  // namespace weir::pool
