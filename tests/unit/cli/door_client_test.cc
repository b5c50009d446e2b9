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

TEST(DoorClient, TakesAnObjectForTheDocumentThatItAskedFor) {
  const DoorAddress door{test::loopback(), ""};
  const auto document = document_of(door, {200, R"({"done": "yes"})"});
  ASSERT_TRUE(document.has_value()) << document.error().message();
  EXPECT_EQ(document->at("done"), "yes");
}

TEST(DoorClient, SaysWhatTheDoorSaysIsWrong) {
  const DoorAddress door{test::loopback(), ""};
  const DoorAnswer refused{409, R"({"error": "there is one already\u001b[2J"})"};
  EXPECT_EQ(why_not(door, refused), "there is one already\\x1b[2J");
  EXPECT_EQ(document_of(door, refused).error().message(), why_not(door, refused));
}

TEST(DoorClient, SaysThatAStrangerIsNoAdminDoor) {
  const DoorAddress door{*base::parse_address("127.0.0.1:80"), ""};
  for (const DoorAnswer& answer :
       {DoorAnswer{200, "<html>"}, DoorAnswer{200, "[1, 2]"}, DoorAnswer{200, ""}, DoorAnswer{404, "no"},
        DoorAnswer{200, "\"text\""}, DoorAnswer{500, R"({"error": 5})"}}) {
    const auto document = document_of(door, answer);
    ASSERT_FALSE(document.has_value()) << answer.body;
    EXPECT_THAT(
        document.error().message(),
        HasSubstr("admin door 127.0.0.1:80: what answers there is no admin door (its answer has status " +
                  std::to_string(answer.status)))
        << answer.body;
  }
  EXPECT_THAT(why_not(door, {404, "no"}), HasSubstr("is no JSON object): is it another program's address?"));
}

TEST(DoorClient, TakesWhatAChangeIsToldOfForANoteOnlyWhereItIsText) {
  EXPECT_EQ(note_of({{"done", "done"}}), "");
  EXPECT_EQ(note_of({{"done", "2 sessions go on"}}), ": 2 sessions go on");
  for (const char* other : {"{}", R"({"done": true})", R"({"done": null})", "[1]"}) {
    EXPECT_EQ(note_of(nlohmann::json::parse(other)), "") << other;
  }
}

TEST(Escaped, LeavesNothingThatATargetWouldTakeForItsOwn) {
  EXPECT_EQ(escaped("web-1_a.b~c"), "web-1_a.b~c");
  EXPECT_EQ(escaped("a@[::1]:80/?&=% \xc3\xbc"), "a%40%5B%3A%3A1%5D%3A80%2F%3F%26%3D%25%20%C3%BC");
}

}  // namespace
}  // namespace weir::cli
