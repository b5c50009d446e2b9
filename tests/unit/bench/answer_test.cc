#include "load/answer.h"

#include <gtest/gtest.h>

namespace weir::load {
namespace {

using Is = Answer::Is;

const std::string kAnswer = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 3\r\nDate: now\r\n\r\nok\n";

TEST(Answer, IsWholeWhereverItIsCut) {
  for (std::size_t cut = 1; cut < kAnswer.size(); ++cut) {
    Answer answer;
    EXPECT_EQ(answer.take(kAnswer.substr(0, cut)), Is::kPart) << cut;
    EXPECT_EQ(answer.take(kAnswer.substr(cut)), Is::kWhole) << cut;
    EXPECT_EQ(answer.status(), 200);
  }
  Answer bytewise;
  for (std::size_t i = 0; i + 1 < kAnswer.size(); ++i)
    EXPECT_EQ(bytewise.take(kAnswer.substr(i, 1)), Is::kPart);
  EXPECT_EQ(bytewise.take("\n"), Is::kWhole);
}

TEST(Answer, ComesAgainAndAgain) {
  Answer answer;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(answer.take(kAnswer), Is::kWhole);
    answer.begin_anew();
  }
}

TEST(Answer, ItsBodyMayBeSkipped) {
  Answer answer;
  EXPECT_EQ(answer.missing(), 0u) << "nothing is known of a body";
  EXPECT_EQ(answer.take(kAnswer.substr(0, kAnswer.size() - 2)), Is::kPart);
  EXPECT_EQ(answer.missing(), 2u);
  EXPECT_EQ(answer.skip(1), Is::kPart);
  EXPECT_EQ(answer.take("\n"), Is::kWhole);
  answer.begin_anew();
  EXPECT_EQ(answer.missing(), 0u);
  answer.take(kAnswer.substr(0, kAnswer.size() - 3));
  EXPECT_EQ(answer.skip(3), Is::kWhole);
}

TEST(Answer, MayHaveNoBody) {
  Answer answer;
  EXPECT_EQ(answer.take("HTTP/1.1 503 Busy\r\ncontent-length:0\r\n\r\n"), Is::kWhole);
  EXPECT_EQ(answer.status(), 503);
}

TEST(Answer, ThatIsLongerThanItSaysOrNoneAtAllIsFaulty) {
  for (const std::string& text :
       {kAnswer + "x", std::string("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"), std::string("SSH-2.0-x\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")}) {
    Answer answer;
    EXPECT_EQ(answer.take(text), Is::kFaulty) << text;
    EXPECT_EQ(answer.take("y"), Is::kFaulty) << "and stays so";
  }
  Answer endless;
  EXPECT_EQ(endless.take("HTTP/1.1 200 OK\r\n" + std::string(20'000, 'a')), Is::kFaulty);
}

}  // namespace
}  // namespace weir::load
