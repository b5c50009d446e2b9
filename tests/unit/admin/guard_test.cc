#include "admin/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace weir::admin {
namespace {

using testing::HasSubstr;

const std::string kToken = "0123456789abcdef";

HttpRequest by_tcp(const std::string& host = "127.0.0.1:9900") {
  HttpRequest request;
  request.method = "GET";
  request.path = "/v1/pools";
  request.host = host;
  return request;
}

HttpRequest with_token(const std::string& authorization = "Bearer " + kToken) {
  HttpRequest request = by_tcp();
  request.authorization = authorization;
  return request;
}

HttpRequest from_page(const std::string& origin, const std::string& host) {
  HttpRequest request = with_token();
  request.host = host;
  request.origin = origin;
  return request;
}

HttpRequest with_body(const std::string& content_type, const std::string& body = "{}") {
  HttpRequest request = with_token();
  request.content_type = content_type;
  request.body = body;
  return request;
}

HttpRequest by_unix_socket(HttpRequest request) {
  request.is_local = true;
  return request;
}

GuardRules rules(bool is_far = false) {
  GuardRules rules;
  rules.token = kToken;
  rules.hosts = {"weir", "weir.example"};
  rules.is_far = is_far;
  return rules;
}

// 0: it may be done.
int status_of(const HttpRequest& request, Asking asking, const GuardRules& by = rules()) {
  const auto refused = refusal(request, asking, by);
  if (!refused) return 0;
  EXPECT_EQ(refused->content_type, "application/json");
  EXPECT_FALSE(nlohmann::json::parse(refused->body).at("error").get<std::string>().empty());
  return refused->status;
}

TEST(Guard, AnswersToAddressesLocalhostAndItsNamesOnly) {
  for (const char* own :
       {"", "127.0.0.1", "127.0.0.1:9900", "192.0.2.7:80", "[::1]", "[::1]:9900", "[2001:db8::1]:80",
        "localhost", "localhost:9900", "LOCALHOST:9900", "localhost.", "localhost.:80", "admin.localhost",
        "a.b.LocalHost.:80", "weir", "WEIR:9900", "weir.example", "Weir.Example.:443"}) {
    EXPECT_EQ(status_of(by_tcp(own), Asking::kRead), 0) << own;
  }
  for (const char* other : {"evil.example",
                            "evil.example:9900",
                            "127.0.0.1.evil.example",
                            "localhost.evil.example",
                            "evillocalhost",
                            "weir.evil.example",
                            "notweir",
                            "weir.example.org",
                            "[evil.example]:80",
                            "[",
                            "[]",
                            "[]:80",
                            ":80",
                            ".",
                            "1.2.3",
                            "127.1",
                            "0x7f000001",
                            "2130706433",
                            "127.0.0.0/8",
                            "[::/0]",
                            "localhost:80:evil.example",
                            "localhost:x",
                            "[::1]x",
                            "[::1",
                            "127.0.0.1:80/",
                            "user@localhost",
                            "local host",
                            "local\thost"}) {
    EXPECT_EQ(status_of(by_tcp(other), Asking::kRead), 421) << other;
    EXPECT_EQ(status_of(by_tcp(other), Asking::kEverybody), 421) << other;
    EXPECT_EQ(status_of(by_tcp(other), Asking::kChange), 421) << other;
    EXPECT_EQ(status_of(by_unix_socket(by_tcp(other)), Asking::kChange), 421) << "a port may lead to it";
  }
  const auto refused = refusal(by_tcp("evil.example\"\n"), Asking::kRead, rules());
  ASSERT_TRUE(refused);
  EXPECT_EQ(nlohmann::json::parse(refused->body).at("error"),
            "the admin door does not answer to the host \"evil.example\\\"\\u000a\": ask for an address or "
            "localhost, or "
            "add its name to admin.hosts");
}

TEST(Guard, LetsNoPageOfAnotherOriginAskForAnything) {
  const std::vector<std::pair<std::string, std::string>> own{{"http://127.0.0.1:9900", "127.0.0.1:9900"},
                                                             {"https://weir.example", "weir.example"},
                                                             {"HTTP://LocalHost:9900", "localhost:9900"},
                                                             {"http://[::1]:9900", "[::1]:9900"}};
  for (const auto& [origin, host] : own) {
    EXPECT_EQ(status_of(from_page(origin, host), Asking::kChange), 0) << origin;
  }
  const std::vector<std::pair<std::string, std::string>> others{{"null", "127.0.0.1:9900"},
                                                                {"http://evil.example", "127.0.0.1:9900"},
                                                                {"http://127.0.0.1", "127.0.0.1:9900"},
                                                                {"http://127.0.0.1:9901", "127.0.0.1:9900"},
                                                                {"http://localhost:9900", "127.0.0.1:9900"},
                                                                {"ftp://127.0.0.1:9900", "127.0.0.1:9900"},
                                                                {"127.0.0.1:9900", "127.0.0.1:9900"},
                                                                {"http://127.0.0.1:9900/", "127.0.0.1:9900"},
                                                                {"file://", "localhost"}};
  for (const auto& [origin, host] : others) {
    for (const Asking asking : {Asking::kRead, Asking::kChange}) {
      EXPECT_EQ(status_of(from_page(origin, host), asking), 403) << origin;
      EXPECT_EQ(status_of(by_unix_socket(from_page(origin, host)), asking), 403) << origin;
    }
    EXPECT_EQ(status_of(from_page(origin, host), Asking::kEverybody), 0);
  }
}

TEST(Guard, LetsNoPageAskThatTheBrowserCallsAnotherSites) {
  HttpRequest request = with_token();
  for (const char* own : {"", "same-origin", "none"}) {
    request.fetch_site = own;
    EXPECT_EQ(status_of(request, Asking::kChange), 0) << own;
  }
  for (const char* other : {"cross-site", "same-site"}) {
    request.fetch_site = other;
    EXPECT_EQ(status_of(request, Asking::kChange), 403) << other;
    EXPECT_EQ(status_of(request, Asking::kRead), 403) << other;
    EXPECT_EQ(status_of(request, Asking::kEverybody), 0) << other;
  }
}

TEST(Guard, TakesABodyOfAChangeAsJsonOnly) {
  for (const char* json : {"application/json", "Application/JSON", "application/json;charset=utf-8"}) {
    EXPECT_EQ(status_of(with_body(json), Asking::kChange), 0) << json;
  }
  for (const char* other :
       {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "application/jsonp", "text/plain;application/json", "json"}) {
    EXPECT_EQ(status_of(with_body(other), Asking::kChange), 415) << other;
    EXPECT_EQ(status_of(by_unix_socket(with_body(other)), Asking::kChange), 415) << other;
    EXPECT_EQ(status_of(with_body(other, ""), Asking::kChange), 0) << "there is no body";
    EXPECT_EQ(status_of(with_body(other), Asking::kRead), 0) << "nothing is done";
  }
}

TEST(Guard, LetsWhoHasTheTokenChangeThings) {
  for (const std::string& right : {"Bearer " + kToken, "bearer " + kToken, "BEARER " + kToken}) {
    EXPECT_EQ(status_of(with_token(right), Asking::kChange), 0) << right;
  }
  for (const std::string& wrong : std::vector<std::string>{
           "", kToken, "Basic " + kToken, "Bearer", "Bearer ", "Bearer" + kToken, "Bearer  " + kToken,
           "Bearer " + kToken + "0", "Bearer " + kToken.substr(1), "Bearer " + kToken.substr(0, 15),
           "Bearer 0123456789abcdeF", "Bearer 1123456789abcdef", "Bearer " + kToken + " "}) {
    EXPECT_EQ(status_of(with_token(wrong), Asking::kChange), 401) << wrong;
    EXPECT_EQ(status_of(with_token(wrong), Asking::kRead), 0) << "from this machine reading is free";
    EXPECT_EQ(status_of(by_unix_socket(with_token(wrong)), Asking::kChange), 0) << "the file's rights decide";
  }
}

TEST(Guard, SaysWhatItTakes) {
  const auto missing = refusal(by_tcp(), Asking::kChange, rules());
  const auto wrong = refusal(with_token("Bearer no"), Asking::kChange, rules());
  ASSERT_TRUE(missing && wrong);
  EXPECT_THAT(missing->body, HasSubstr("Authorization: Bearer TOKEN"));
  EXPECT_THAT(wrong->body, HasSubstr("this is not the token of admin.token_file"));
  const std::pair<std::string, std::string> challenge{"WWW-Authenticate", "Bearer realm=\"weir\""};
  EXPECT_THAT(missing->headers, testing::ElementsAre(challenge));
  EXPECT_THAT(wrong->headers, testing::ElementsAre(challenge));
}

TEST(Guard, WithoutATokenOnlyShowsByTcp) {
  GuardRules none;
  for (const std::string& given : {std::string(), std::string("Bearer "), "Bearer " + kToken}) {
    EXPECT_EQ(status_of(with_token(given), Asking::kChange, none), 403) << given;
    EXPECT_EQ(status_of(with_token(given), Asking::kRead, none), 0);
    EXPECT_EQ(status_of(by_unix_socket(with_token(given)), Asking::kChange, none), 0);
  }
  none.is_far = true;
  EXPECT_EQ(status_of(with_token("Bearer "), Asking::kRead, none), 403);
}

TEST(Guard, ShowsOtherMachinesReadinessOnlyWithoutTheToken) {
  const GuardRules far = rules(true);
  EXPECT_EQ(status_of(by_tcp(), Asking::kEverybody, far), 0);
  EXPECT_EQ(status_of(by_tcp(), Asking::kRead, far), 401);
  EXPECT_EQ(status_of(by_tcp(), Asking::kChange, far), 401);
  for (const Asking asking : {Asking::kEverybody, Asking::kRead, Asking::kChange}) {
    EXPECT_EQ(status_of(with_token(), asking, far), 0);
  }
}

TEST(ErrorResponse, IsJsonWhateverTheText) {
  const HttpResponse response = error_response(400, "a \"b\"\n\xff");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(nlohmann::json::parse(response.body).at("error"), "a \"b\"\n\xef\xbf\xbd");
}

}  // namespace
}  // namespace weir::admin
