#include "pool/warm_pace.h"

#include <gtest/gtest.h>

#include <vector>

#include "unit/pool/backends.h"

namespace weir::pool {
namespace {

using base::Millis;
using base::TimePoint;

// How long the pause is that has just begun, to the millisecond.
Millis pause_of(const WarmPace& pace, TimePoint now) {
  Millis waited{0};
  while (!pace.may_connect(now + waited)) waited += Millis(1);
  return waited;
}

TEST(WarmPace, LetsConnectAtOnceAtFirst) {
  const WarmPace pace;
  EXPECT_TRUE(pace.may_connect(TimePoint::min()));
  EXPECT_TRUE(pace.may_connect(kStart));
}

TEST(WarmPace, DoublesThePauseUpToHalfAMinute) {
  WarmPace pace;
  TimePoint now = kStart;
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 7; ++i) {
    pace.failed(now);
    const Millis pause = pause_of(pace, now);
    pauses.push_back(pause.count());
    now += pause;
  }
  EXPECT_EQ(pauses, (std::vector<std::int64_t>{1'000, 2'000, 4'000, 8'000, 16'000, 30'000, 30'000}));
}

TEST(WarmPace, TakesMishapsOfOneSetForOne) {
  WarmPace pace;
  for (int i = 0; i < 100; ++i) pace.given_up(kStart + Millis(i), Millis(100));
  EXPECT_EQ(pause_of(pace, kStart), Millis(1'000));
  pace.failed(kStart + Millis(1'000));
  EXPECT_EQ(pause_of(pace, kStart + Millis(1'000)), Millis(2'000)) << "the hundred have counted once";
}

TEST(WarmPace, BeginsAnewOnceOneHasBeenUsedButDoesNotCutAPauseShort) {
  WarmPace pace;
  pace.given_up(kStart, Millis(100));
  pace.given_up(kStart + Millis(1'000), Millis(100));
  pace.used();
  EXPECT_FALSE(pace.may_connect(kStart + Millis(2'999)));
  EXPECT_TRUE(pace.may_connect(kStart + Millis(3'000)));
  pace.given_up(kStart + Millis(3'000), Millis(100));
  EXPECT_EQ(pause_of(pace, kStart + Millis(3'000)), Millis(1'000));
}

// A backend with an idle timeout of a minute keeps its warm connections for all but a second of it.
TEST(WarmPace, PausesShortlyAfterThoseThatStoodForLong) {
  WarmPace pace;
  TimePoint now = kStart;
  for (int i = 0; i < 5; ++i) {
    now += Millis(60'000);
    pace.given_up(now, Millis(59'000));
    EXPECT_EQ(pause_of(pace, now), Millis(1'000)) << i;
  }
  now += Millis(60'000);
  pace.given_up(now, Millis(29'999));
  EXPECT_EQ(pause_of(pace, now), Millis(2'000)) << "not quite long";
}

}  // namespace
}  // namespace weir::pool
