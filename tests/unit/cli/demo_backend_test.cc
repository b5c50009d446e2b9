#include "cli/demo_backend.h"

#include <gtest/gtest.h>

#include "unit/support.h"

namespace weir::cli {
namespace {

constexpr const char* kHeaders =
    "HTTP/1.1 200 OK\r\nServer: weir-demo\r\nContent-Type: text/plain\r\nContent-Length: 25\r\n\r\n";
const std::string kAnswer = std::string(kHeaders) + "hello from backend alpha\n";

std::string answer_to(std::string received, std::string* left = nullptr) {
  std::string answer = demo_answer("alpha", received);
  if (left != nullptr) *left = received;
  return answer;
}

TEST(DemoAnswer, NamesTheBackendToAGet) {
  std::string left = "x";
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nHost: demo\r\n\r\n", &left), kAnswer);
  EXPECT_EQ(left, "");
}

TEST(DemoAnswer, TellsTheLengthOfTheBodyThatFollows) {
  const std::string answer = answer_to("GET / HTTP/1.1\r\n\r\n");
  const std::size_t body = answer.find("\r\n\r\n") + 4;
  EXPECT_NE(answer.find("Content-Length: " + std::to_string(answer.size() - body) + "\r\n"),
            std::string::npos);
}

TEST(DemoAnswer, SendsNoBodyToAHead) { EXPECT_EQ(answer_to("HEAD /x HTTP/1.1\r\n\r\n"), kHeaders); }

TEST(DemoAnswer, AnswersEachOfSeveralRequestsInOneRead) {
  std::string left;
  EXPECT_EQ(answer_to("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\nGET /4", &left),
            kAnswer + kHeaders + kAnswer);
  EXPECT_EQ(left, "GET /4");
}

TEST(DemoAnswer, WaitsForTheRestOfARequestWhereverItIsSplit) {
  const std::string request = "GET / HTTP/1.1\r\nHost: demo\r\n\r\n";
  for (std::size_t split = 4; split < request.size(); ++split) {
    std::string received = request.substr(0, split);
    ASSERT_EQ(demo_answer("alpha", received), "") << split;
    ASSERT_EQ(received, request.substr(0, split));
    received += request.substr(split);
    ASSERT_EQ(demo_answer("alpha", received), kAnswer) << split;
    ASSERT_EQ(received, "");
  }
}

TEST(DemoAnswer, EchoesLinesUnderItsName) {
  std::string left;
  EXPECT_EQ(answer_to("one\ntwo words\n\nunfinished", &left), "alpha: one\nalpha: two words\nalpha: \n");
  EXPECT_EQ(left, "unfinished");
}

TEST(DemoAnswer, OfNothingIsNothing) { EXPECT_EQ(answer_to(""), ""); }

TEST(DemoBackends, AnswerOnAnAddressEach) {
  const auto backends = DemoBackends::open({"alpha", "beta"});
  ASSERT_TRUE(backends.has_value());
  ASSERT_EQ((*backends)->addresses().size(), 2u);
  ASSERT_TRUE((*backends)->start());
  const char* const names[] = {"alpha", "beta"};
  for (std::size_t i = 0; i < 2; ++i) {
    const base::UniqueFd client = test::connect_to((*backends)->addresses()[i]);
    test::send_some(client.get(), "hi\n");
    EXPECT_EQ(test::receive(client.get()), std::string(names[i]) + ": hi\n");
    test::send_some(client.get(), "again\n");
    EXPECT_EQ(test::receive(client.get()), std::string(names[i]) + ": again\n");
  }
}

TEST(DemoBackends, CloseOnAClientThatSendsEndlesslyWithoutALine) {
  const auto backends = DemoBackends::open({"alpha"});
  ASSERT_TRUE(backends.has_value());
  ASSERT_TRUE((*backends)->start());
  const base::UniqueFd client = test::connect_to((*backends)->addresses()[0]);
  const std::string block(16 * 1024, 'x');
  std::size_t sent = 0;
  while (sent < 200'000 && test::wait_for(client.get(), POLLOUT)) {
    const std::size_t n = test::send_some(client.get(), block);
    if (n == 0) break;  // closed already
    sent += n;
  }
  EXPECT_EQ(test::receive_all(client.get()), "");
}

}  // namespace
}  // namespace weir::cli
