#include "config/build_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Built {
  HealthConfig health;
  std::vector<std::string> problems;
};

// A table of health with these lines.
Built built(const std::string& lines) {
  Problems problems;
  Built out;
  out.health = build_health(tree_of(lines), "health", problems);
  out.problems = lines_of(problems);
  return out;
}

std::string exchange(const std::string& keys) { return "type = \"exchange\"\nexchange = { " + keys + " }\n"; }

TEST(BuildHealth, DefaultsOfTheSchemaAreThoseOfTheModel) {
  const Built a = built("type = \"tcp\"\n");
  EXPECT_THAT(a.problems, IsEmpty());
  const HealthConfig usual;
  EXPECT_EQ(a.health.interval, usual.interval);
  EXPECT_EQ(a.health.timeout, usual.timeout);
  EXPECT_EQ(a.health.rise, usual.rise);
  EXPECT_EQ(a.health.fall, usual.fall);
  EXPECT_EQ(a.health.jitter, usual.jitter);
  EXPECT_EQ(a.health.port, usual.port);
  EXPECT_EQ(a.health.initially_up, usual.initially_up);
  EXPECT_EQ(a.health.server_name, usual.server_name);
  EXPECT_EQ(a.health.http.path, usual.http.path);
  EXPECT_EQ(a.health.http.host, usual.http.host);
  EXPECT_EQ(a.health.http.statuses, usual.http.statuses);
  EXPECT_EQ(a.health.http.body_contains, usual.http.body_contains);
  EXPECT_EQ(a.health.exchange.send, usual.exchange.send);
  EXPECT_EQ(a.health.exchange.expect, usual.exchange.expect);
}

TEST(BuildHealth, EveryWrittenValueArrives) {
  const Built a = built(R"(
type = "http"
interval = "10s"
timeout = "3s"
rise = 4
fall = 5
jitter = 0.25
port = 8081
initial = "down"
server_name = "App.example."
http = { path = "/ready?full", host = "app.example", status = ["200", 204, "3xx"], body_contains = "ok" }
)");
  EXPECT_THAT(a.problems, IsEmpty());
  EXPECT_EQ(a.health.type, CheckType::kHttp);
  EXPECT_EQ(a.health.interval, Millis(10'000));
  EXPECT_EQ(a.health.timeout, Millis(3'000));
  EXPECT_EQ(a.health.rise, 4u);
  EXPECT_EQ(a.health.fall, 5u);
  EXPECT_EQ(a.health.jitter, 0.25);
  EXPECT_EQ(a.health.port, 8081u);
  EXPECT_FALSE(a.health.initially_up);
  EXPECT_EQ(a.health.server_name, "app.example");
  EXPECT_EQ(a.health.http.path, "/ready?full");
  EXPECT_EQ(a.health.http.host, "app.example");
  EXPECT_THAT(a.health.http.statuses,
              ElementsAre(StatusRange{200, 200}, StatusRange{204, 204}, StatusRange{300, 399}));
  EXPECT_EQ(a.health.http.body_contains, "ok");
}

TEST(BuildHealth, TypesStandInTheOrderOfTheirEnum) {
  EXPECT_EQ(built("type = \"tcp\"\n").health.type, CheckType::kTcp);
  EXPECT_EQ(built("type = \"http\"\n").health.type, CheckType::kHttp);
  EXPECT_EQ(built(exchange("expect = \"x\"")).health.type, CheckType::kExchange);
  EXPECT_EQ(built("type = \"tls\"\n").health.type, CheckType::kTls);
}

TEST(BuildHealth, WithoutATypeNothingElseIsSaidOfTheTypesTables) {
  EXPECT_THAT(built("http = { path = \"/ready\" }\n").problems,
              ElementsAre(HasSubstr("health.type: this key is missing")));
  EXPECT_THAT(built("type = \"https\"\nhttp = { path = \"/ready\" }\n").problems,
              ElementsAre(HasSubstr("health.type: found \"https\"")));
}

TEST(BuildHealth, ATimeoutMayBeAsLongAsTheIntervalAndNoLonger) {
  EXPECT_THAT(built("type = \"tcp\"\ninterval = \"3s\"\ntimeout = \"3s\"\n").problems, IsEmpty());
  EXPECT_THAT(built("type = \"tcp\"\ninterval = \"3s\"\ntimeout = \"3001ms\"\n").problems,
              ElementsAre(HasSubstr(
                  "t:3:11: error: health.timeout: the timeout 3001ms is longer than the interval 3s")));
  EXPECT_THAT(built("type = \"tcp\"\ninterval = \"500ms\"\n").problems,
              ElementsAre(HasSubstr("t:2:12: error: health.interval: the timeout 1s is longer")));
}

TEST(BuildHealth, ATimeThatCouldNotBeReadIsNotComparedByItsDefault) {
  EXPECT_THAT(built("type = \"tcp\"\ninterval = 30\ntimeout = \"20s\"\n").problems,
              ElementsAre(HasSubstr("health.interval: found 30")));
}

TEST(BuildHealth, AnExchangeMustExpectSomethingAndNeedNotSendAnything) {
  EXPECT_THAT(built("type = \"exchange\"\n").problems,
              ElementsAre(HasSubstr("expected an answer to wait for")));
  EXPECT_THAT(built(exchange("send = \"PING\"")).problems,
              ElementsAre(HasSubstr("expected an answer to wait for")));
  EXPECT_THAT(built(exchange("expect = \"220\"")).problems, IsEmpty());
}

TEST(BuildHealth, BytesComeFromEscapesOrFromHexadecimalDigits) {
  const Built text = built(exchange("send = \"PING\\r\\n\\u0000\", expect = \"+PONG\""));
  EXPECT_THAT(text.problems, IsEmpty());
  EXPECT_EQ(text.health.exchange.send, std::string("PING\r\n\0", 7));
  EXPECT_EQ(text.health.exchange.expect, "+PONG");
  const Built hex = built(exchange("send = \"00 00 00 08 04d2162f\", expect = \"53\", hex = true"));
  EXPECT_THAT(hex.problems, IsEmpty());
  EXPECT_EQ(hex.health.exchange.send, std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8));
  EXPECT_EQ(hex.health.exchange.expect, "S");
}

TEST(BuildHealth, DigitsThatAreNoBytesAreToldOnceWithTheirOwnPlace) {
  EXPECT_THAT(built(exchange("send = \"0\", expect = \"PONG\", hex = true")).problems,
              ElementsAre(HasSubstr("t:2:21: error: health.exchange.send: "),
                          HasSubstr("health.exchange.expect: found \"PONG\"")));
}

TEST(BuildHealth, AnExchangeReachesItsLimitOfBytesAndNotOneMore) {
  const auto problems = [](std::size_t count) {
    return built(exchange("expect = \"" + std::string(count, 'x') + "\"")).problems;
  };
  EXPECT_THAT(problems(kMaxExchangeBytes), IsEmpty());
  EXPECT_THAT(problems(kMaxExchangeBytes + 1),
              ElementsAre(HasSubstr("health.exchange.expect: found 1025 bytes, at most 1024 are allowed")));
  const std::string digits(2 * kMaxExchangeBytes, '0');
  EXPECT_THAT(built(exchange("expect = \"" + digits + "\", hex = true")).problems, IsEmpty());
}

TEST(BuildHealth, ATableOfAnotherTypeIsToldToBeUnused) {
  EXPECT_THAT(built("type = \"tcp\"\nhttp = { path = \"/ready\" }\n").problems,
              ElementsAre(HasSubstr("warning: health.http: it is not used, since type is \"tcp\"")));
  EXPECT_THAT(built("type = \"http\"\nexchange = { expect = \"x\" }\n").problems,
              ElementsAre(HasSubstr("warning: health.exchange: it is not used, since type is \"http\"")));
  EXPECT_THAT(built("type = \"tcp\"\nhttp = { path = \"/health\" }\n").problems, IsEmpty())
      << "nothing is lost that the type's own table would have said";
}

TEST(BuildHealth, StatusesThatCannotBeReadLeaveTheOthers) {
  const Built a = built("type = \"http\"\nhttp = { status = [\"200\", \"ok\", 600, \"3xx\"] }\n");
  EXPECT_THAT(a.problems, ElementsAre(HasSubstr("health.http.status: found \"ok\""),
                                      HasSubstr("health.http.status: found 600")));
  EXPECT_THAT(a.health.http.statuses, ElementsAre(StatusRange{200, 200}, StatusRange{300, 399}));
}

TEST(BuildHealth, StatusesWithoutBracketsAreToldToHaveThem) {
  EXPECT_THAT(built("type = \"http\"\nhttp = { status = \"200\" }\n").problems,
              ElementsAre(HasSubstr("; put it in brackets")));
  EXPECT_THAT(built("type = \"http\"\nhttp = { status = \"ok\" }\n").problems,
              ElementsAre(testing::Not(HasSubstr("brackets"))));
}

TEST(BuildHealth, ARequestThatHttpCannotCarryIsRefused) {
  const auto problems = [](const std::string& keys) {
    return built("type = \"http\"\nhttp = { " + keys + " }\n").problems;
  };
  EXPECT_THAT(problems("path = \"health\""), ElementsAre(HasSubstr("begins with \"/\"")));
  EXPECT_THAT(problems("path = \"\""), ElementsAre(HasSubstr("begins with \"/\"")));
  EXPECT_THAT(problems("path = \"/a b\""), ElementsAre(HasSubstr("write it as \"%20\"")));
  EXPECT_THAT(problems("path = \"/caf\u00e9\""), ElementsAre(HasSubstr("beyond ASCII")));
  EXPECT_THAT(problems("path = \"/a\\r\\nX: y\""), ElementsAre(HasSubstr("control characters")));
  EXPECT_THAT(problems("host = \"a b\""), ElementsAre(HasSubstr("expected a host name alone")));
  EXPECT_THAT(problems("host = \"me@a\""), ElementsAre(HasSubstr("expected a host name alone")));
  EXPECT_THAT(problems("host = \"http://a\""), ElementsAre(HasSubstr("expected a host name alone")));
  EXPECT_THAT(problems("host = \"a.example:8080\""), IsEmpty());
}

}  // namespace
}  // namespace weir::config
