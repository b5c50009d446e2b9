#include "net/timer_wheel.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <vector>

namespace weir::net {
namespace {

using base::Millis;
using base::TimePoint;
using std::chrono::hours;
using std::chrono::seconds;

// Not a multiple of a tick.
const TimePoint kStart = TimePoint(std::chrono::nanoseconds(987'654'321'123));

constexpr Millis kTurn{TimerWheel::kTick.count() * static_cast<std::int64_t>(TimerWheel::kSlots)};

class Entry final : public WheelEntry {
 public:
  explicit Entry(std::function<void(TimePoint)> fired = nullptr) : fired_(std::move(fired)) {}

  int count = 0;

 private:
  void on_deadline(TimePoint now) override {
    ++count;
    if (fired_) fired_(now);
  }
  const std::function<void(TimePoint)> fired_;
};

TEST(TimerWheel, FiresAtMostOneTickAfterTheDeadlineAndNeverBefore) {
  for (const Millis deadline :
       {Millis(0), Millis(1), Millis(63), Millis(64), Millis(65), Millis(1000), kTurn, Millis(200'000)}) {
    TimerWheel wheel(kStart);
    Entry entry;
    wheel.arm(entry, kStart + deadline);
    wheel.advance(kStart + deadline - std::chrono::nanoseconds(1));
    EXPECT_EQ(entry.count, 0) << deadline.count();
    wheel.advance(kStart + deadline + TimerWheel::kTick);
    EXPECT_EQ(entry.count, 1) << deadline.count();
    EXPECT_FALSE(entry.armed());
    EXPECT_EQ(wheel.size(), 0u);
  }
}

// Random arming, moving, taking away and advancing, against a list of what should happen.
TEST(TimerWheel, KeepsItsPromisesOverRandomDeadlinesAndAdvances) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    std::mt19937_64 random(seed);
    const auto between = [&](std::int64_t least, std::int64_t most) {
      return std::uniform_int_distribution<std::int64_t>(least, most)(random);
    };
    constexpr std::size_t kEntries = 60;
    TimerWheel wheel(kStart);
    TimePoint now = kStart;
    std::vector<TimePoint> deadlines(kEntries);
    std::vector<TimePoint> latest(kEntries);  // the latest moment to fire at
    std::vector<std::unique_ptr<Entry>> entries;
    for (std::size_t i = 0; i < kEntries; ++i) {
      entries.push_back(std::make_unique<Entry>([&, i](TimePoint at) {
        EXPECT_EQ(at, now);
        EXPECT_GE(at, deadlines[i]) << "fired before its deadline";
      }));
    }
    for (int step = 0; step < 2000 && !HasFailure(); ++step) {
      for (int change = 0; change < 3; ++change) {
        const auto i = static_cast<std::size_t>(between(0, kEntries - 1));
        if (between(0, 4) == 0) {
          entries[i]->disarm();
          continue;
        }
        // From the past to more than three turns ahead.
        const auto ahead = between(0, 3) == 0 ? between(-5'000, 220'000) : between(-100, 2'000);
        deadlines[i] = now + std::chrono::microseconds(ahead * 1000 + between(0, 999));
        latest[i] = std::max(deadlines[i], now) + TimerWheel::kTick;
        wheel.arm(*entries[i], deadlines[i]);
      }
      std::size_t armed = 0;
      for (std::size_t i = 0; i < kEntries; ++i) {
        if (!entries[i]->armed()) continue;
        ++armed;
        ASSERT_TRUE(wheel.next_advance().has_value());
        ASSERT_LE(*wheel.next_advance(), latest[i]);
      }
      ASSERT_EQ(wheel.size(), armed);
      ASSERT_EQ(wheel.next_advance().has_value(), armed > 0);
      now += std::chrono::microseconds(between(0, 20) == 0 ? between(0, 150'000'000) : between(0, 300'000));
      wheel.advance(now);
      for (std::size_t i = 0; i < kEntries; ++i) {
        const bool overdue = entries[i]->armed() && latest[i] <= now;
        ASSERT_FALSE(overdue) << "did not fire";
      }
      ASSERT_GT(wheel.next_advance().value_or(TimePoint::max()), now) << "would spin";
    }
    for (auto& entry : entries) entry->disarm();
  }
}

// As a loop does that sleeps until it is told to turn the wheel.
TEST(TimerWheel, FiresInTimeWhenItIsTurnedOnlyWhenItAsks) {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<std::int64_t> ahead(0, 300'000);
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Entry>> entries;
  int fired = 0;
  for (int i = 0; i < 300; ++i) {
    const TimePoint deadline = kStart + Millis(ahead(random));
    entries.push_back(std::make_unique<Entry>([&fired, deadline](TimePoint now) {
      ++fired;
      EXPECT_GE(now, deadline);
      EXPECT_LE(now, deadline + TimerWheel::kTick);
    }));
    wheel.arm(*entries.back(), deadline);
  }
  int advances = 0;
  while (const auto next = wheel.next_advance()) {
    wheel.advance(*next);
    ASSERT_LT(++advances, 10'000);
  }
  EXPECT_EQ(fired, 300);
}

TEST(TimerWheel, ArmingAgainMovesTheDeadline) {
  TimerWheel wheel(kStart);
  Entry entry;
  wheel.arm(entry, kStart + seconds(1));
  wheel.arm(entry, kStart + seconds(5));
  EXPECT_EQ(wheel.size(), 1u);
  wheel.advance(kStart + seconds(4));
  EXPECT_EQ(entry.count, 0);
  wheel.arm(entry, kStart + Millis(4'100));
  wheel.advance(kStart + Millis(4'200));
  EXPECT_EQ(entry.count, 1);
  wheel.advance(kStart + seconds(10));
  EXPECT_EQ(entry.count, 1);
}

TEST(TimerWheel, TakesAwayADestroyedEntry) {
  TimerWheel wheel(kStart);
  {
    Entry entry;
    wheel.arm(entry, kStart + seconds(1));
    EXPECT_EQ(wheel.size(), 1u);
  }
  EXPECT_EQ(wheel.size(), 0u);
  EXPECT_EQ(wheel.next_advance(), std::nullopt);
  wheel.advance(kStart + seconds(2));
}

TEST(TimerWheel, AnEntryMayArmItselfAgainInItsCallback) {
  TimerWheel wheel(kStart);
  Entry* self = nullptr;
  Entry entry([&](TimePoint now) { wheel.arm(*self, now + seconds(1)); });
  self = &entry;
  wheel.arm(entry, kStart + seconds(1));
  for (int i = 1; i <= 150; ++i) {
    wheel.advance(kStart + i * Millis(1'100));
    ASSERT_EQ(entry.count, i);
    ASSERT_TRUE(entry.armed());
  }
  entry.disarm();
}

TEST(TimerWheel, ADeadlineInThePastThatACallbackArmsWaitsForTheNextAdvance) {
  TimerWheel wheel(kStart);
  Entry* self = nullptr;
  Entry entry([&](TimePoint now) { wheel.arm(*self, now - seconds(1)); });
  self = &entry;
  wheel.arm(entry, kStart + Millis(10));
  wheel.advance(kStart + seconds(3));
  EXPECT_EQ(entry.count, 1);
  wheel.advance(kStart + seconds(3) + TimerWheel::kTick);
  EXPECT_EQ(entry.count, 2);
  entry.disarm();
}

TEST(TimerWheel, ACallbackMayDisarmANeighbourThatIsDueInTheSameSlot) {
  for (const bool destroys : {false, true}) {
    TimerWheel wheel(kStart);
    std::vector<std::unique_ptr<Entry>> entries;
    // The first to fire takes away all the others.
    int fired = 0;
    for (int i = 0; i < 5; ++i) {
      entries.push_back(std::make_unique<Entry>([&, i](TimePoint) {
        ++fired;
        for (int other = 0; other < 5; ++other) {
          if (other == i) continue;
          if (destroys) {
            entries[static_cast<std::size_t>(other)].reset();
          } else {
            entries[static_cast<std::size_t>(other)]->disarm();
          }
        }
      }));
    }
    for (auto& entry : entries) wheel.arm(*entry, kStart + Millis(100));
    wheel.advance(kStart + seconds(1));
    EXPECT_EQ(fired, 1);
    EXPECT_EQ(wheel.size(), 0u);
    EXPECT_EQ(wheel.next_advance(), std::nullopt);
  }
}

TEST(TimerWheel, ACallbackMayMoveANeighbourThatIsDueInTheSameSlot) {
  TimerWheel wheel(kStart);
  Entry second;
  Entry first([&](TimePoint now) { wheel.arm(second, now + seconds(1)); });
  wheel.arm(first, kStart + Millis(100));
  wheel.arm(second, kStart + Millis(100));
  wheel.advance(kStart + Millis(200));
  EXPECT_EQ(first.count, 1);
  EXPECT_EQ(second.count, 0);
  EXPECT_EQ(wheel.size(), 1u);
  wheel.advance(kStart + Millis(1'300));
  EXPECT_EQ(second.count, 1);
}

TEST(TimerWheel, AnEntryOfALaterTurnInTheSameSlotStays) {
  TimerWheel wheel(kStart);
  Entry now;
  Entry later;
  wheel.arm(later, kStart + Millis(100) + 2 * kTurn);
  wheel.arm(now, kStart + Millis(100));
  wheel.advance(kStart + Millis(200));
  EXPECT_EQ(now.count, 1);
  EXPECT_EQ(later.count, 0);
  EXPECT_TRUE(later.armed());
  wheel.advance(kStart + Millis(90) + 2 * kTurn);
  EXPECT_EQ(later.count, 0);
  wheel.advance(kStart + Millis(200) + 2 * kTurn);
  EXPECT_EQ(later.count, 1);
}

TEST(TimerWheel, AJumpByDaysFiresWhatIsDueOnceAndNothingElse) {
  TimerWheel wheel(kStart);
  Entry soon;
  Entry after_a_turn;
  Entry in_hours;
  Entry beyond;
  wheel.arm(soon, kStart + seconds(1));
  wheel.arm(after_a_turn, kStart + seconds(70));
  wheel.arm(in_hours, kStart + hours(5));
  wheel.arm(beyond, kStart + hours(72));
  wheel.advance(kStart + hours(48));
  EXPECT_EQ(soon.count, 1);
  EXPECT_EQ(after_a_turn.count, 1);
  EXPECT_EQ(in_hours.count, 1);
  EXPECT_EQ(beyond.count, 0);
  EXPECT_EQ(wheel.size(), 1u);
  wheel.advance(kStart + hours(72) - Millis(1));
  EXPECT_EQ(beyond.count, 0);
  wheel.advance(kStart + hours(72) + TimerWheel::kTick);
  EXPECT_EQ(beyond.count, 1);
}

TEST(TimerWheel, AnEntryArmedAfterALongRestFiresInItsTime) {
  TimerWheel wheel(kStart);
  Entry entry;
  const TimePoint now = kStart + hours(24);  // nothing was armed, so nobody turned it
  wheel.arm(entry, now + seconds(2));
  ASSERT_LE(*wheel.next_advance(), now + seconds(2) + TimerWheel::kTick);
  wheel.advance(now);
  EXPECT_EQ(entry.count, 0);
  ASSERT_GT(*wheel.next_advance(), now);
  ASSERT_LE(*wheel.next_advance(), now + seconds(2) + TimerWheel::kTick);
  wheel.advance(now + seconds(2) + TimerWheel::kTick);
  EXPECT_EQ(entry.count, 1);
}

TEST(TimerWheel, TimeThatGoesBackFiresNothing) {
  TimerWheel wheel(kStart);
  Entry entry;
  wheel.arm(entry, kStart + seconds(10));
  wheel.advance(kStart + seconds(5));
  wheel.advance(kStart + seconds(1));
  wheel.advance(kStart - hours(1));
  EXPECT_EQ(entry.count, 0);
  wheel.advance(kStart + seconds(11));
  EXPECT_EQ(entry.count, 1);
}

TEST(TimerWheel, AnEntryMovesFromOneWheelToAnother) {
  TimerWheel a(kStart);
  TimerWheel b(kStart);
  Entry entry;
  a.arm(entry, kStart + seconds(1));
  b.arm(entry, kStart + seconds(1));
  EXPECT_EQ(a.size(), 0u);
  EXPECT_EQ(b.size(), 1u);
  a.advance(kStart + seconds(2));
  EXPECT_EQ(entry.count, 0);
  b.advance(kStart + seconds(2));
  EXPECT_EQ(entry.count, 1);
}

}  // namespace
}  // namespace weir::net
