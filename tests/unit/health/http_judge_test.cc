#include "health/http_judge.h"

#include <gtest/gtest.h>

#include "unit/support.h"

namespace weir::health {
namespace {

std::string answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

TEST(HttpRequest, NamesTheBackendUnlessAHostIsGiven) {
  HttpCheck check;
  check.path = "/health?x=1";
  EXPECT_EQ(build_http_request(check, {test::loopback(8080), {}}),
            "GET /health?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: weir-health\r\nAccept: */*\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_NE(
      build_http_request(check, {base::Address::unix_path("/run/app"), {}}).find("\r\nHost: localhost\r\n"),
      std::string::npos);
  const Target named{test::loopback(8080), {}, 0, "app.internal:8080"};
  EXPECT_NE(build_http_request(check, named).find("\r\nHost: app.internal:8080\r\n"), std::string::npos);
  check.host = "app.example";
  EXPECT_NE(build_http_request(check, named).find("\r\nHost: app.example\r\n"), std::string::npos);
}

TEST(HttpJudge, PassesAWholeAnswerWithTheRightStatus) {
  const HttpCheck check;
  HttpJudge judge(check);
  EXPECT_FALSE(judge.has_begun());
  EXPECT_EQ(judge.on_bytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").judgement, Judgement::kUndecided);
  EXPECT_TRUE(judge.has_begun());
  EXPECT_EQ(judge.on_bytes("o").judgement, Judgement::kUndecided);
  const Finding finding = judge.on_bytes("k");
  EXPECT_EQ(finding.judgement, Judgement::kPassed);
  EXPECT_EQ(finding.reason, "");
}

TEST(HttpJudge, FailsAWrongStatusWithTheHead) {
  HttpCheck check;
  const Finding one = HttpJudge(check).on_bytes("HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\n");
  EXPECT_EQ(one.judgement, Judgement::kFailed);
  EXPECT_EQ(one.reason, "status 503, expected 2xx");
  check.status = {{200, 200}, {301, 308}};
  EXPECT_EQ(HttpJudge(check).on_bytes(answer(204, "")).reason, "status 204, expected 200, 301-308");
  EXPECT_EQ(HttpJudge(check).on_bytes(answer(302, "")).judgement, Judgement::kPassed);
}

TEST(HttpJudge, LooksForTextInTheBodyOnly) {
  HttpCheck check;
  check.body_contains = "\"db\": \"ok\"";
  EXPECT_EQ(HttpJudge(check).on_bytes(answer(200, "{\"db\": \"ok\"}")).judgement, Judgement::kPassed);
  const Finding finding =
      HttpJudge(check).on_bytes("HTTP/1.1 200 OK\r\nX: \"db\": \"ok\"\r\nContent-Length: 3\r\n\r\nbad");
  EXPECT_EQ(finding.judgement, Judgement::kFailed);
  EXPECT_EQ(finding.reason, "the body does not contain \"\\\"db\\\": \\\"ok\\\"\"");
}

TEST(HttpJudge, FindsTextThatIsSpreadOverChunksAndReads) {
  HttpCheck check;
  check.body_contains = "healthy";
  HttpJudge judge(check);
  EXPECT_EQ(judge.on_bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nxhea").judgement,
            Judgement::kUndecided);
  EXPECT_EQ(judge.on_bytes("\r\n5\r\nlt").judgement, Judgement::kUndecided);
  EXPECT_EQ(judge.on_bytes("hyx\r\n0\r\n").judgement, Judgement::kUndecided);
  EXPECT_EQ(judge.on_bytes("\r\n").judgement, Judgement::kPassed);
}

TEST(HttpJudge, LooksNoFurtherThanTheBoundOfTheBody) {
  HttpCheck check;
  check.body_contains = "ok";
  const Finding finding = HttpJudge(check).on_bytes(answer(200, std::string(70'000, '.') + "ok"));
  EXPECT_EQ(finding.judgement, Judgement::kFailed);
  EXPECT_EQ(finding.reason, "the first 64KiB of the body do not contain \"ok\"");
  check.body_contains = "";
  EXPECT_EQ(HttpJudge(check).on_bytes(answer(200, std::string(70'000, '.'))).judgement, Judgement::kPassed);
}

TEST(HttpJudge, TakesTheEndOfTheStreamForTheEndOfABodyOnlyWhenItIsPlain) {
  const HttpCheck check;
  const std::string to_end = "HTTP/1.0 200 OK\r\n\r\nbody";
  HttpJudge plain(check);
  EXPECT_EQ(plain.on_bytes(to_end).judgement, Judgement::kUndecided);
  EXPECT_EQ(plain.on_end(StreamEnd::kClosed).judgement, Judgement::kPassed);
  HttpJudge reset(check);
  EXPECT_EQ(reset.on_bytes(to_end).judgement, Judgement::kUndecided);
  const Finding finding = reset.on_end(StreamEnd::kReset);
  EXPECT_EQ(finding.judgement, Judgement::kFailed);
  EXPECT_EQ(finding.reason, "the connection was reset within the answer");
  HttpJudge cut(check);
  EXPECT_EQ(cut.on_bytes(to_end).judgement, Judgement::kUndecided);
  EXPECT_EQ(cut.on_end(StreamEnd::kCut).reason,
            "the connection was closed within the answer, without close_notify");
}

TEST(HttpJudge, SaysThatAnAnswerWasCut) {
  const HttpCheck check;
  HttpJudge none(check);
  EXPECT_EQ(none.on_end(StreamEnd::kClosed).reason, "the connection was closed before an answer came");
  HttpJudge half(check);
  EXPECT_EQ(half.on_bytes("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok").judgement, Judgement::kUndecided);
  const Finding finding = half.on_end(StreamEnd::kClosed);
  EXPECT_EQ(finding.judgement, Judgement::kFailed);
  EXPECT_EQ(finding.reason, "the connection was closed within the answer");
}

TEST(HttpJudge, ShowsTheBeginningOfWhatIsNoHttp) {
  const HttpCheck check;
  const Finding finding = HttpJudge(check).on_bytes("SSH-2.0-x\x1b\r\n");
  EXPECT_EQ(finding.judgement, Judgement::kFailed);
  EXPECT_EQ(finding.reason, "malformed answer: this is not HTTP/1: \"SSH-2.0-x\\x1b\\r\\n\"");
  EXPECT_EQ(HttpJudge(check).on_bytes(std::string(100, 'z')).reason,
            "malformed answer: this is not HTTP/1: \"" + std::string(48, 'z') + "\"...");
  EXPECT_EQ(HttpJudge(check).on_bytes("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n").reason,
            "malformed answer: Content-Length is not a number");
  EXPECT_EQ(HttpJudge(check).on_bytes("HTTP/1.1 200 OK\r\nX: " + std::string(20'000, 'x')).reason,
            "malformed answer: the head is too long");
}

}  // namespace
}  // namespace weir::health
