#include "health/exchange_judge.h"

#include <gtest/gtest.h>

namespace weir::health {
namespace {

const ExchangeCheck kPing{"PING\r\n", "+PONG"};

TEST(ExchangeJudge, PassesAsSoonAsTheAnswerBeginsWithWhatIsExpected) {
  ExchangeJudge judge(kPing);
  EXPECT_EQ(judge.on_bytes("+PO").judgement, Judgement::kUndecided);
  EXPECT_EQ(judge.on_bytes("NG and whatever follows").judgement, Judgement::kPassed);
}

TEST(ExchangeJudge, DoesNotLookForItFurtherIn) {
  const Finding finding = ExchangeJudge(kPing).on_bytes("x+PONG");
  EXPECT_EQ(finding.judgement, Judgement::kFailed);
  EXPECT_EQ(finding.reason, "the answer \"x+PONG\", expected \"+PONG\"");
}

TEST(ExchangeJudge, ShowsTheFirstLineOfAnotherAnswer) {
  EXPECT_EQ(ExchangeJudge(kPing).on_bytes("-LOADING\r\nmore").reason,
            "the answer \"-LOADING\", expected \"+PONG\"");
  EXPECT_EQ(ExchangeJudge(kPing).on_bytes("\r\n+PONG").reason,
            "the answer \"\\r\\n+PONG\", expected \"+PONG\"");
}

TEST(ExchangeJudge, ShowsTheLineThatDiffersWhenTheFirstIsRight) {
  const ExchangeCheck two_lines{"", "220 a\r\n221 b"};
  EXPECT_EQ(ExchangeJudge(two_lines).on_bytes("220 a\r\n222 c").reason,
            "the answer \"220 a\\r\\n222 c\", expected \"220 a\\r\\n221 b\"");
}

TEST(ExchangeJudge, FailsAtTheFirstByteThatDiffers) {
  ExchangeJudge judge(kPing);
  EXPECT_EQ(judge.on_bytes("+").judgement, Judgement::kUndecided);
  EXPECT_EQ(judge.on_bytes("P").judgement, Judgement::kUndecided);
  EXPECT_EQ(judge.on_bytes("A").judgement, Judgement::kFailed);
}

TEST(ExchangeJudge, ShowsAndKeepsABoundedPartOfALongAnswer) {
  EXPECT_EQ(ExchangeJudge(kPing).on_bytes(std::string(100'000, 'z')).reason,
            "the answer \"" + std::string(64, 'z') + "\"..., expected \"+PONG\"");
  const ExchangeCheck zeros{"", std::string(3, '\0')};
  EXPECT_EQ(ExchangeJudge(zeros).on_bytes(std::string(3, '\0')).judgement, Judgement::kPassed);
}

TEST(ExchangeJudge, TakesAnyByteWhenNothingIsExpected) {
  const ExchangeCheck any{"?", ""};
  ExchangeJudge judge(any);
  EXPECT_EQ(judge.on_bytes("x").judgement, Judgement::kPassed);
  ExchangeJudge silent(any);
  EXPECT_EQ(silent.on_end(StreamEnd::kClosed).judgement, Judgement::kFailed);
}

TEST(ExchangeJudge, FailsWhenTheStreamEndsFirst) {
  ExchangeJudge none(kPing);
  EXPECT_EQ(none.on_end(StreamEnd::kReset).reason, "the connection was reset before an answer came");
  ExchangeJudge half(kPing);
  EXPECT_EQ(half.on_bytes("+PON").judgement, Judgement::kUndecided);
  const Finding finding = half.on_end(StreamEnd::kClosed);
  EXPECT_EQ(finding.judgement, Judgement::kFailed);
  EXPECT_EQ(finding.reason, "the connection was closed within the answer");
}

}  // namespace
}  // namespace weir::health
