#include "wire/http_response.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::wire {
namespace {

using Outcome = HttpResponse::Outcome;

HttpResponse read(std::string_view stream) {
  HttpResponse response;
  response.feed(stream);
  return response;
}

const std::string kOk = "HTTP/1.1 200 OK\r\n";
const std::string kChunked = kOk + "Transfer-Encoding: chunked\r\n\r\n";

TEST(HttpResponse, ReadsStatusAndBodyByContentLength) {
  const HttpResponse response = read(kOk + "Content-Length: 2\r\n\r\nok");
  EXPECT_EQ(response.outcome(), Outcome::kComplete);
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body(), "ok");
  EXPECT_FALSE(response.body_is_cut());
  EXPECT_EQ(response.fault(), "");
}

TEST(HttpResponse, NeedsMoreUntilTheLastByteOfTheBody) {
  HttpResponse response;
  EXPECT_EQ(response.feed("HTTP/1.1 503 "), Outcome::kNeedsMore);
  EXPECT_EQ(response.status(), 0);
  EXPECT_EQ(response.feed("Busy\r\n"), Outcome::kNeedsMore);
  EXPECT_EQ(response.status(), 503);
  EXPECT_FALSE(response.has_head());
  EXPECT_EQ(response.feed("Content-Length: 2\r\n\r\n"), Outcome::kNeedsMore);
  EXPECT_TRUE(response.has_head());
  EXPECT_EQ(response.feed("n"), Outcome::kNeedsMore);
  EXPECT_EQ(response.feed("o"), Outcome::kComplete);
}

TEST(HttpResponse, IgnoresWhatFollowsTheAnswer) {
  HttpResponse response = read(kOk + "Content-Length: 2\r\n\r\nok and more");
  EXPECT_EQ(response.body(), "ok");
  EXPECT_EQ(response.feed("even more"), Outcome::kComplete);
  EXPECT_EQ(response.body(), "ok");
  EXPECT_EQ(response.end(), Outcome::kComplete);
}

TEST(HttpResponse, JoinsChunksAndPassesOverExtensionsAndTrailers) {
  const HttpResponse response =
      read(kChunked + "3;name=\"va;lue\"\r\nabc\r\n00A \r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n");
  EXPECT_EQ(response.outcome(), Outcome::kComplete);
  EXPECT_EQ(response.body(), "abc0123456789");
}

TEST(HttpResponse, IsNotCompleteBeforeTheTrailerSectionEnds) {
  HttpResponse response = read(kChunked + "1\r\na\r\n0\r\n");
  EXPECT_EQ(response.outcome(), Outcome::kNeedsMore);
  EXPECT_EQ(response.feed("\r\n"), Outcome::kComplete);
}

TEST(HttpResponse, ReadsABodyWithoutLengthUntilTheEndOfTheStream) {
  HttpResponse response = read("HTTP/1.0 200 OK\r\n\r\nall of it");
  EXPECT_EQ(response.outcome(), Outcome::kNeedsMore);
  EXPECT_EQ(response.end(), Outcome::kComplete);
  EXPECT_EQ(response.body(), "all of it");
}

TEST(HttpResponse, KnowsThatSomeAnswersHaveNoBodyWhateverTheySay) {
  for (const std::string code : {"204", "304"}) {
    for (const std::string field : {"Content-Length: 5", "Transfer-Encoding: chunked", "X: y"}) {
      const HttpResponse response = read("HTTP/1.1 " + code + "\r\n" + field + "\r\n\r\n");
      EXPECT_EQ(response.outcome(), Outcome::kComplete) << code << field;
      EXPECT_TRUE(response.has_head());
      EXPECT_EQ(response.body(), "");
    }
  }
}

TEST(HttpResponse, PassesOverInterimAnswersAndTheirFields) {
  HttpResponse response = read(
      "HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  EXPECT_EQ(response.outcome(), Outcome::kNeedsMore);
  EXPECT_EQ(response.status(), 0);
  EXPECT_FALSE(response.has_head());
  EXPECT_EQ(response.feed("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"), Outcome::kComplete);
  EXPECT_EQ(response.status(), 404);
  EXPECT_EQ(response.body(), "no");
}

TEST(HttpResponse, TakesAChangeOfProtocolAsFinal) {
  const HttpResponse response = read("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x01\x02");
  EXPECT_EQ(response.outcome(), Outcome::kComplete);
  EXPECT_EQ(response.status(), 101);
}

TEST(HttpResponse, LetsChunksGoBeforeContentLength) {
  const HttpResponse response =
      read(kOk + "Content-Length: 99\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
  EXPECT_EQ(response.outcome(), Outcome::kComplete);
  EXPECT_EQ(response.body(), "a");
}

TEST(HttpResponse, ReadsUntilTheEndWhenChunkedIsNotTheLastCoding) {
  HttpResponse response = read(kOk + "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n1\r\na");
  EXPECT_EQ(response.outcome(), Outcome::kNeedsMore);
  EXPECT_EQ(response.end(), Outcome::kComplete);
  EXPECT_EQ(response.body(), "1\r\na");
}

TEST(HttpResponse, AcceptsWhatAUserAgentShould) {
  for (const std::string& answer : {
           std::string("HTTP/1.1 200\nContent-Length: 2\n\nok"),
           kOk + "content-length:\t2 \r\n\r\nok",
           kOk + "CONTENT-LENGTH : 2\r\n\r\nok",
           kOk + "Content-Length:\r\n 2\r\n\r\nok",
           kOk + "X: folded\r\n\tand more\r\nContent-Length: 2\r\n\r\nok",
           kOk + "Content-Length: 2, 2\r\nContent-Length: 2\r\n\r\nok",
           std::string("HTTP/1.9 200 \r\nContent-Length: 2\r\n\r\nok"),
           std::string("HTTP/1.1 200 \xc3\xa4 phrase\r\nContent-Length: 2\r\n\r\nok"),
       }) {
    const HttpResponse response = read(answer);
    EXPECT_EQ(response.outcome(), Outcome::kComplete) << answer << response.fault();
    EXPECT_EQ(response.body(), "ok") << answer;
    EXPECT_EQ(response.status(), 200) << answer;
  }
}

TEST(HttpResponse, SaysWhatIsMalformed) {
  struct Case {
    std::string stream;
    std::string_view fault;
  };
  const std::vector<Case> cases = {
      {"SSH-2.0", "this is not HTTP/1"},
      {"HTTP/2", "this is not HTTP/1"},
      {"\r\n", "this is not HTTP/1"},
      {"\n", "the status line is broken"},
      {"HTTP/1.1\r\n", "the status line is broken"},
      {"HTTP/1.x 200 OK\r\n", "the status line is broken"},
      {"HTTP/1.1  200 OK\r\n", "the status code is not a number of three digits"},
      {"HTTP/1.1 20 OK\r\n", "the status code is not a number of three digits"},
      {"HTTP/1.1 2000 OK\r\n", "the status code is not a number of three digits"},
      {"HTTP/1.1 099 OK\r\n", "the status code is not a number of three digits"},
      {kOk + " X: y\r\n", "a header field begins with a blank"},
      {kOk + "nothing\r\n\r\n", "a header field has no colon"},
      {kOk + ": nothing\r\n\r\n", "a header field has no proper name"},
      {kOk + "a b: c\r\n\r\n", "a header field has no proper name"},
      {kOk + std::string("X: a\0b\r\n", 8), "a control character is in the head"},
      {kOk + "X: a\rb\r\n", "a control character is in the head"},
      {kOk + "Content-Length: -1\r\n\r\n", "Content-Length is not a number"},
      {kOk + "Content-Length:\r\n\r\n", "Content-Length is not a number"},
      {kOk + "Content-Length: 9999999999999999999\r\n\r\n", "Content-Length is not a number"},
      {kOk + "Content-Length: 1, 2\r\n\r\n", "two different Content-Lengths"},
      {kOk + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "two different Content-Lengths"},
      {kOk + "Transfer-Encoding: chunked, chunked\r\n\r\n", "chunked twice"},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.0 with a Transfer-Encoding"},
      {kChunked + "x\r\n", "a chunk's size is not a number"},
      {kChunked + "\r\n", "a chunk's size is not a number"},
      {kChunked + "1 2\r\n", "a chunk's size is not a number"},
      {kChunked + "1000000000000000\r\n", "a chunk's size is too large"},
      {kChunked + "1\r\nab\r\n", "a chunk is longer than its size"},
  };
  for (const Case& one : cases) {
    const HttpResponse response = read(one.stream);
    EXPECT_EQ(response.outcome(), Outcome::kMalformed) << one.stream;
    EXPECT_EQ(response.fault(), one.fault) << one.stream;
  }
}

TEST(HttpResponse, KnowsAnotherProtocolByItsFirstByte) {
  EXPECT_EQ(read("S").outcome(), Outcome::kMalformed);
  EXPECT_EQ(read("HTTP/1").outcome(), Outcome::kNeedsMore);
}

TEST(HttpResponse, SaysWhereAnAnswerWasCut) {
  struct Case {
    std::string stream;
    std::string_view fault;
  };
  const std::vector<Case> cases = {
      {"", "the stream ended before an answer"},
      {"HTT", "the stream ended within the head"},
      {kOk + "X: y\r\n", "the stream ended within the head"},
      {kOk + "Content-Length: 3\r\n\r\nok", "the stream ended within the body"},
      {kChunked + "2\r\nok\r\n", "the stream ended within the body"},
  };
  for (const Case& one : cases) {
    HttpResponse response = read(one.stream);
    EXPECT_EQ(response.outcome(), Outcome::kNeedsMore) << one.stream;
    EXPECT_EQ(response.end(), Outcome::kMalformed) << one.stream;
    EXPECT_EQ(response.fault(), one.fault) << one.stream;
  }
}

TEST(HttpResponse, BoundsTheHeadToTheByte) {
  const std::string end = "\r\nContent-Length: 0\r\n\r\n";
  const std::string fill(HttpResponse::kMaxHead - kOk.size() - end.size() - 3, 'f');
  EXPECT_EQ(read(kOk + "X: " + fill + end).outcome(), Outcome::kComplete);
  EXPECT_EQ(read(kOk + "X: f" + fill + end).outcome(), Outcome::kTooLong);
}

TEST(HttpResponse, CountsInterimHeadsAndTrailersWithTheHead) {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  std::string many;
  while (many.size() <= HttpResponse::kMaxHead) many += interim;
  EXPECT_EQ(read(many).outcome(), Outcome::kTooLong);
  std::string trailers = kChunked + "0\r\n";
  while (trailers.size() <= HttpResponse::kMaxHead + 8) trailers += "X: y\r\n";
  EXPECT_EQ(read(trailers).outcome(), Outcome::kTooLong);
}

TEST(HttpResponse, BoundsTheLineOfAChunk) {
  const std::string fill(HttpResponse::kMaxChunkLine - 4, 'x');
  EXPECT_EQ(read(kChunked + "1;" + fill + "\r\n").outcome(), Outcome::kNeedsMore);
  const HttpResponse response = read(kChunked + "1;" + fill + "xxxx\r\n");
  EXPECT_EQ(response.outcome(), Outcome::kTooLong);
  EXPECT_EQ(response.fault(), "the line before a chunk is too long");
}

TEST(HttpResponse, IsCompleteWhenTheBodyIsBeyondItsBound) {
  const std::string most(HttpResponse::kMaxBody, 'b');
  HttpResponse to_end = read(kOk + "\r\n" + most);
  EXPECT_EQ(to_end.outcome(), Outcome::kNeedsMore);
  EXPECT_EQ(to_end.feed("c"), Outcome::kComplete);
  EXPECT_TRUE(to_end.body_is_cut());
  EXPECT_EQ(to_end.body(), most);

  const HttpResponse exact = read(kOk + "Content-Length: " + std::to_string(most.size()) + "\r\n\r\n" + most);
  EXPECT_EQ(exact.outcome(), Outcome::kComplete);
  EXPECT_FALSE(exact.body_is_cut());

  const HttpResponse chunked = read(kChunked + "FFFFFFFF\r\n" + most + "c");
  EXPECT_EQ(chunked.outcome(), Outcome::kComplete);
  EXPECT_TRUE(chunked.body_is_cut());
}

// Every cut into three pieces of answers of every kind, and byte by byte.
TEST(HttpResponse, DoesNotCareWhereTheStreamIsCut) {
  for (const std::string& stream : {
           kOk + "Content-Length: 2\r\n\r\nok!",
           kChunked + "3;x\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\nmore",
           "HTTP/1.1 100 Continue\r\n\r\n" + kOk + "A:\r\n b\r\n\r\nto the end",
           std::string("HTTP/1.1 204 None\n\nignored"),
           kOk + "Content-Length: 2, 3\r\n\r\nok",
           kChunked + "1\r\nab\r\n",
           std::string("HTTP/1.1 2x0\r\n\r\n"),
           std::string("220 mail.example ESMTP\r\n"),
           kOk + "Content-Length: 9\r\n\r\ncut",
       }) {
    HttpResponse whole = read(stream);
    whole.end();
    const auto expect_alike = [&](HttpResponse& other, std::size_t i, std::size_t j) {
      other.end();
      EXPECT_EQ(other.outcome(), whole.outcome()) << stream << i << ' ' << j;
      EXPECT_EQ(other.status(), whole.status()) << stream << i << ' ' << j;
      EXPECT_EQ(other.body(), whole.body()) << stream << i << ' ' << j;
      EXPECT_EQ(other.fault(), whole.fault()) << stream << i << ' ' << j;
    };
    for (std::size_t i = 0; i <= stream.size(); ++i) {
      for (std::size_t j = i; j <= stream.size(); ++j) {
        HttpResponse pieces;
        pieces.feed(stream.substr(0, i));
        pieces.feed(stream.substr(i, j - i));
        pieces.feed(stream.substr(j));
        expect_alike(pieces, i, j);
      }
    }
    HttpResponse bytes;
    for (const char c : stream) bytes.feed({&c, 1});
    expect_alike(bytes, 1, 1);
  }
}

}  // namespace
}  // namespace weir::wire
