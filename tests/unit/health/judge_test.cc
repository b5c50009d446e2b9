#include "health/judge.h"

#include <gtest/gtest.h>

#include "unit/support.h"

namespace weir::health {
namespace {

Target target_of(decltype(Check::type) type) {
  Check check;
  check.type = std::move(type);
  return {test::loopback(80), std::make_shared<const Check>(std::move(check))};
}

TEST(Conversation, SaysNothingForAConnectionOrAHandshake) {
  for (const decltype(Check::type)& type :
       {decltype(Check::type)(TcpCheck{}), decltype(Check::type)(TlsCheck{})}) {
    const Target target = target_of(type);
    const Conversation conversation = build_conversation(target);
    EXPECT_EQ(conversation.request, "");
    EXPECT_EQ(conversation.judge, nullptr);
    EXPECT_TRUE(conversation.alpn.empty());
  }
}

TEST(Conversation, AsksForThePathAndJudgesHttp) {
  HttpCheck check;
  check.path = "/health";
  const Target target = target_of(check);
  const Conversation conversation = build_conversation(target);
  EXPECT_EQ(conversation.request.substr(0, 22), "GET /health HTTP/1.1\r\n");
  EXPECT_EQ(conversation.alpn, std::vector<std::string>{"http/1.1"});
  ASSERT_NE(conversation.judge, nullptr);
  EXPECT_EQ(conversation.judge->on_bytes("HTTP/1.1 204 \r\n\r\n").judgement, Judgement::kPassed);
}

TEST(Conversation, SendsAndJudgesWhatTheExchangeSays) {
  const Target target = target_of(ExchangeCheck{std::string("a\0b", 3), "ok"});
  const Conversation conversation = build_conversation(target);
  EXPECT_EQ(conversation.request, std::string("a\0b", 3));
  ASSERT_NE(conversation.judge, nullptr);
  EXPECT_EQ(conversation.judge->on_bytes("ok").judgement, Judgement::kPassed);
}

}  // namespace
}  // namespace weir::health
