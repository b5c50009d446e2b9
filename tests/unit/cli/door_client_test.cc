#include "cli/door_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "admin/http_server.h"
#include "unit/support.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;

// Says what it was asked, with a status of 202.
std::unique_ptr<admin::HttpServer> open_echo(const base::Address& address) {
  auto server =
      admin::HttpServer::open(address, [](admin::HttpRequest&& request, const admin::HttpReply& reply) {
        reply.send({202,
                    "text/plain",
                    request.method + " " + request.path + " " + request.query + " " + request.host + " " +
                        request.authorization + " " + request.content_type + " " + request.body,
                    {}});
      });
  EXPECT_TRUE(server.has_value());
  EXPECT_TRUE((*server)->start());
  return std::move(*server);
}

TEST(DoorClient, AsksOverTcpWithTheTokenAndItsBody) {
  const auto server = open_echo(test::loopback());
  const auto answer =
      ask_door({server->address(), "secret"}, {"PATCH", "/v1/x?a=1", R"({"b": 2})"}, test::kPatience);
  ASSERT_TRUE(answer.has_value()) << answer.error().message();
  EXPECT_EQ(answer->status, 202);
  EXPECT_EQ(answer->body, "PATCH /v1/x a=1 " + server->address().to_string() +
                              " Bearer secret application/json {\"b\": 2}");
}

TEST(DoorClient, AsksOverAUnixSocket) {
  const test::TempFolder folder;
  const auto server = open_echo(base::Address::unix_path(folder.file("admin.sock")));
  const auto answer = ask_door({server->address(), ""}, {"GET", "/x", ""}, test::kPatience);
  ASSERT_TRUE(answer.has_value()) << answer.error().message();
  EXPECT_EQ(answer->body, "GET /x  localhost   ");
}

TEST(DoorClient, TakesALargeAnswerWhole) {
  auto server =
      admin::HttpServer::open(test::loopback(), [](admin::HttpRequest&&, const admin::HttpReply& reply) {
        reply.send({200, "text/plain", std::string(5'000'000, 'x'), {}});
      });
  ASSERT_TRUE(server.has_value() && (*server)->start());
  const auto answer = ask_door({(*server)->address(), ""}, {"GET", "/", ""}, test::kPatience);
  ASSERT_TRUE(answer.has_value()) << answer.error().message();
  EXPECT_EQ(answer->body.size(), 5'000'000u);
}

TEST(DoorClient, SaysWhatToDoWhenNobodyIsThere) {
  const test::TempFolder folder;
  const auto missing =
      ask_door({base::Address::unix_path(folder.file("none.sock")), ""}, {}, test::kPatience);
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error().message(), HasSubstr("none.sock: No such file or directory: is Weir running"));
  const auto address = open_echo(test::loopback())->address();
  const auto refused = ask_door({address, ""}, {}, test::kPatience);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(),
              HasSubstr(address.to_string() + ": Connection refused: is Weir running"));
}

TEST(DoorClient, GivesUpOnWhoDoesNotAnswer) {
  const auto listener = test::listen_on_loopback();
  const auto answer = ask_door({listener.address, ""}, {}, base::Millis(100));
  ASSERT_FALSE(answer.has_value());
}

TEST(Escaped, LeavesNothingThatATargetWouldTakeForItsOwn) {
  EXPECT_EQ(escaped("web-1_a.b~c"), "web-1_a.b~c");
  EXPECT_EQ(escaped("a@[::1]:80/?&=% \xc3\xbc"), "a%40%5B%3A%3A1%5D%3A80%2F%3F%26%3D%25%20%C3%BC");
}

}  // namespace
}  // namespace weir::cli
