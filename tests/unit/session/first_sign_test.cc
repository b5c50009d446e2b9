#include "session/first_sign.h"

#include <gtest/gtest.h>

namespace weir::session {
namespace {

using base::Millis;
using Finding = FirstSign::Finding;

constexpr base::TimePoint kStart(std::chrono::seconds(1'000));
constexpr Millis kPatience{3'000};

// A connection on which nothing had come for `before` when the session was given it. `look` is at what has
// come since: nothing, or something that long ago.
class FirstSigns : public testing::Test {
 protected:
  FirstSigns() { sign.expect(kStart, kPatience); }

  Finding look(int unacknowledged) {
    now = sign.due();
    return sign.look(now, std::chrono::duration_cast<Millis>(now - kStart) + before, unacknowledged);
  }

  FirstSign sign;
  Millis before{1'500};
  base::TimePoint now = kStart;
};

TEST(FirstSign, IsNotDueUntilItIsExpected) {
  FirstSign sign;
  EXPECT_EQ(sign.due(), base::TimePoint::max());
  EXPECT_EQ(sign.look(kStart, Millis(100'000), 1), Finding::kAlive);
}

TEST_F(FirstSigns, ThatDoNotComeWhileBytesWaitFromOneLookToTheNextMeanThatTheHostIsGone) {
  EXPECT_EQ(sign.due(), kStart + kPatience);
  EXPECT_EQ(look(100), Finding::kUnknown) << "they may just have been written";
  EXPECT_EQ(sign.due(), kStart + 2 * kPatience);
  EXPECT_EQ(look(100), Finding::kGone);
  EXPECT_EQ(sign.due(), base::TimePoint::max());
}

TEST_F(FirstSigns, NeedNotComeWhileNothingIsSent) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(look(0), Finding::kUnknown);
  EXPECT_EQ(look(1), Finding::kUnknown);
  EXPECT_EQ(look(1), Finding::kGone);
}

TEST_F(FirstSigns, AreEnoughOnce) {
  EXPECT_EQ(look(100), Finding::kUnknown);
  now = sign.due();
  EXPECT_EQ(sign.look(now, Millis(2'900), 100), Finding::kAlive) << "it reads nothing, but it is there";
  EXPECT_EQ(sign.due(), base::TimePoint::max());
  EXPECT_EQ(sign.look(now + 2 * kPatience, 2 * kPatience, 100), Finding::kAlive);
}

// What was heard in the very moment in which it was given away says nothing of afterwards.
TEST_F(FirstSigns, AreNotTakenFromBefore) {
  before = Millis(0);
  EXPECT_EQ(look(1), Finding::kUnknown);
  before = Millis(-10);
  EXPECT_EQ(look(1), Finding::kGone);
}

}  // namespace
}  // namespace weir::session
