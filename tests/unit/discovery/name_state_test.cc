#include "discovery/name_state.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::discovery {
namespace {

using base::Millis;
using base::TimePoint;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Kind = NameState::Kind;

const TimePoint kStart = TimePoint(hours(1));

NameState answered(NameRules rules, seconds ttl, TimePoint now = kStart, std::uint64_t seed = 1) {
  NameState state(rules, seed, now);
  state.asked(now);
  state.answered(now, ttl);
  return state;
}

TEST(NameState, AsksAtOnceFirst) {
  const NameState state({}, 1, kStart);
  EXPECT_EQ(state.next_question(), kStart);
  EXPECT_FALSE(state.last_answer().has_value());
}

TEST(NameState, AsksAgainWhenTheAnswersLifeEndsOrATenthEarlier) {
  std::set<TimePoint> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const NameState state = answered({}, seconds(100), kStart, seed);
    EXPECT_LE(state.next_question(), kStart + seconds(100));
    EXPECT_GE(state.next_question(), kStart + seconds(90));
    seen.insert(state.next_question());
  }
  EXPECT_GT(seen.size(), 150u) << "many names would ask together";
  EXPECT_LT(*seen.begin(), kStart + seconds(91)) << "the whole tenth is used";
  EXPECT_GT(*seen.rbegin(), kStart + seconds(99));
  EXPECT_EQ(answered({}, seconds(100)).last_answer(), kStart);
}

TEST(NameState, TheSameSeedGivesTheSameTimes) {
  EXPECT_EQ(answered({}, seconds(100), kStart, 5).next_question(),
            answered({}, seconds(100), kStart, 5).next_question());
}

TEST(NameState, NeverAsksMoreOftenThanTheFloorOrMoreSeldomThanTheCeiling) {
  EXPECT_EQ(answered({}, seconds(0)).next_question(), kStart + kQuestionFloor);
  EXPECT_EQ(answered({}, seconds(1)).next_question(), kStart + kQuestionFloor);
  for (const seconds ttl : {seconds(hours(48)), seconds(0x7fffffff), seconds::max()}) {
    EXPECT_LE(answered({}, ttl).next_question(), kStart + kQuestionCeiling);
    EXPECT_GE(answered({}, ttl).next_question(), kStart + kQuestionCeiling * 9 / 10);
  }
}

TEST(NameState, AFixedIntervalTakesThePlaceOfTheLife) {
  NameRules rules;
  rules.interval = Millis(10'000);
  EXPECT_LE(answered(rules, seconds(3'000)).next_question(), kStart + seconds(10));
  EXPECT_GE(answered(rules, seconds(1)).next_question(), kStart + seconds(9));
}

TEST(NameState, AnIntervalMayBeLongerThanAnyLife) {
  NameRules rules;
  rules.interval = Millis(24 * 3'600'000);
  EXPECT_GE(answered(rules, seconds(1)).next_question(), kStart + hours(24) * 9 / 10);
}

TEST(NameState, FailuresAreFollowedByLongerAndLongerWaits) {
  NameState state({}, 1, kStart);
  TimePoint now = kStart;
  for (const int wait : {1, 2, 4, 8, 16, 30, 30, 30}) {
    state.asked(now);
    EXPECT_FALSE(state.failed(now, Kind::kNoAnswer));
    EXPECT_TRUE(state.is_failing());
    EXPECT_LE(state.next_question(), now + seconds(wait));
    EXPECT_GE(state.next_question(), now + seconds(wait) * 9 / 10);
    EXPECT_GE(state.next_question(), now + kQuestionFloor);
    now = state.next_question();
  }
  state.asked(now);
  state.answered(now, seconds(60));
  EXPECT_FALSE(state.is_failing());
  state.asked(now);
  EXPECT_FALSE(state.failed(now, Kind::kNoAnswer));
  EXPECT_EQ(state.next_question(), now + seconds(1)) << "an answer starts the waits anew";
}

TEST(NameState, AFixedIntervalBoundsTheWaitAfterFailures) {
  NameRules rules;
  rules.interval = Millis(3'000);
  NameState state(rules, 1, kStart);
  for (int i = 0; i < 6; ++i) {
    state.asked(kStart);
    EXPECT_FALSE(state.failed(kStart, Kind::kNoAnswer));
  }
  EXPECT_LE(state.next_question(), kStart + seconds(3));
}

TEST(NameState, AHeldAnswerNeverEnds) {
  NameState state = answered({}, seconds(5));
  for (const Kind kind : {Kind::kNoAnswer, Kind::kNoSuchName}) {
    state.asked(kStart + hours(100));
    EXPECT_FALSE(state.failed(kStart + hours(100), kind));
  }
}

TEST(NameState, AnAnswerThatIsNotHeldEndsWithItsLife) {
  NameRules rules;
  rules.hold_last_good = false;
  NameState state = answered(rules, seconds(10));
  state.asked(kStart + seconds(9));
  EXPECT_FALSE(state.failed(kStart + seconds(9), Kind::kNoAnswer));
  state.asked(kStart + seconds(10));
  EXPECT_TRUE(state.failed(kStart + seconds(10), Kind::kNoAnswer));
}

TEST(NameState, AnAnswerThatIsNotHeldEndsWhenTheNameIsGone) {
  NameRules rules;
  rules.hold_last_good = false;
  NameState state = answered(rules, seconds(1'000));
  state.asked(kStart + seconds(1));
  EXPECT_TRUE(state.failed(kStart + seconds(1), Kind::kNoSuchName));
}

TEST(NameState, WhatWasFoundByOtherWaysCountsForAMinuteUnlessTheNameIsSaidNotToExist) {
  NameRules rules;
  rules.hold_last_good = false;
  for (const Kind kind : {Kind::kNoAnswer, Kind::kNoSuchName}) {
    NameState state(rules, 1, kStart);
    state.found(kStart);
    EXPECT_EQ(state.next_question(), kStart) << "it is no answer";
    EXPECT_FALSE(state.last_answer().has_value());
    state.asked(kStart + seconds(5));
    EXPECT_EQ(state.failed(kStart + seconds(5), kind), kind == Kind::kNoSuchName);
    state.asked(kStart + kUntoldTtl);
    EXPECT_TRUE(state.failed(kStart + kUntoldTtl, kind));
  }
  NameState held({}, 1, kStart);
  held.found(kStart);
  held.asked(kStart + hours(1));
  EXPECT_FALSE(held.failed(kStart + hours(1), Kind::kNoSuchName));
  NameState answered_since(rules, 1, kStart);
  answered_since.found(kStart);
  answered_since.asked(kStart);
  answered_since.answered(kStart, seconds(10));
  answered_since.asked(kStart + seconds(10));
  EXPECT_TRUE(answered_since.failed(kStart + seconds(10), Kind::kNoAnswer)) << "the answer's TTL counts";
}

TEST(NameState, FailedConnectsBringTheQuestionForwardOnceASecond) {
  NameState state = answered({}, seconds(1'000));
  state.connects_fail(kStart + Millis(200));
  EXPECT_EQ(state.next_question(), kStart + kQuestionFloor) << "a second after the last question";
  state.asked(kStart + seconds(1));
  state.answered(kStart + seconds(1), seconds(1'000));
  state.connects_fail(kStart + seconds(500));
  EXPECT_EQ(state.next_question(), kStart + seconds(500)) << "at once";
  state.connects_fail(kStart + seconds(501));
  EXPECT_EQ(state.next_question(), kStart + seconds(500)) << "never put off";
}

TEST(NameState, FailedConnectsChangeNothingWhileAQuestionIsOutOrQuestionsFail) {
  NameState state = answered({}, seconds(1'000));
  TimePoint due = state.next_question();
  state.asked(kStart + seconds(10));
  state.connects_fail(kStart + seconds(20));
  EXPECT_EQ(state.next_question(), due);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(state.failed(kStart + seconds(30), Kind::kNoAnswer));
    state.asked(kStart + seconds(30));
  }
  EXPECT_FALSE(state.failed(kStart + seconds(30), Kind::kNoAnswer));
  due = state.next_question();
  state.connects_fail(kStart + seconds(32));
  EXPECT_EQ(state.next_question(), due);
}

TEST(NameState, AnAnswerInPartIsAskedForAgainSoon) {
  const auto in_part = [](seconds ttl) {
    NameState state({}, 1, kStart);
    state.asked(kStart);
    state.answered(kStart, ttl, NameState::Extent::kPart);
    return state;
  };
  const NameState state = in_part(seconds(1'000));
  EXPECT_LE(state.next_question(), kStart + kLongestRetry);
  const NameState soon = in_part(seconds(5));
  EXPECT_LE(soon.next_question(), kStart + seconds(5));
}

TEST(NameState, KeepsWhatIsMissingUntilTheLastWholeAnswerIsOver) {
  NameRules rules;
  EXPECT_TRUE(answered(rules, seconds(10)).keeps_missing(kStart + hours(1)));
  rules.hold_last_good = false;
  NameState state = answered(rules, seconds(10));
  state.asked(kStart + seconds(8));
  state.answered(kStart + seconds(8), seconds(10), NameState::Extent::kPart);
  EXPECT_TRUE(state.keeps_missing(kStart + seconds(9)));
  EXPECT_FALSE(state.keeps_missing(kStart + seconds(10))) << "an answer in part does not make it younger";
  state.asked(kStart + seconds(12));
  state.answered(kStart + seconds(12), seconds(10));
  EXPECT_TRUE(state.keeps_missing(kStart + seconds(21)));
}

}  // namespace
}  // namespace weir::discovery
