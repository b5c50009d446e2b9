#include "admin/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "unit/admin/a_status.h"

namespace weir::admin {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Source final : public server::StatusSource {
 public:
  server::ProcessStatus read_status() const override {
    ++asked;
    return status;
  }
  bool is_draining() const override {
    ++asked;
    return status.draining;
  }
  std::vector<config::Setting> read_settings() const override {
    ++asked;
    return settings;
  }
  server::ProcessStatus status = a_status();
  std::vector<config::Setting> settings;
  mutable int asked = 0;
};

// Keeps the last command or survey, and answers it at once with what a test wants.
class Taker final : public server::CommandTaker {
 public:
  void take(server::Command asked, server::CommandDone done) override {
    ++commands;
    command = std::move(asked);
    done(server::CommandAnswer(answer));
  }
  bool survey(session::SurveyRequest request, session::Survey::Done done) override {
    surveyed = request;
    if (!has_time) return false;
    done({std::move(request), {part}, is_whole});
    return true;
  }
  template <class Wanted>
  const Wanted& last() const {
    return std::get<Wanted>(command.value());
  }
  std::optional<server::Command> command;
  int commands = 0;
  server::CommandAnswer answer;
  std::optional<session::SurveyRequest> surveyed;
  session::SurveyPart part;
  bool has_time = true;
  bool is_whole = true;
};

class Routes : public testing::Test {
 protected:
  HttpRequest request(const std::string& method, const std::string& target, const std::string& body = "") {
    HttpRequest made;
    made.method = method;
    made.path = target.substr(0, target.find('?'));
    if (target.size() > made.path.size()) made.query = target.substr(made.path.size() + 1);
    made.body = body;
    if (!body.empty()) made.content_type = "application/json";
    made.is_local = true;
    return made;
  }
  HttpResponse ask(HttpRequest asked) {
    std::optional<HttpResponse> response;
    const HttpReply reply([&](HttpReply::Make&& make) { response = make(); });
    answer(std::move(asked), reply, {source, taker, [this] { return rules; }});
    EXPECT_TRUE(response.has_value()) << "no answer";
    return response.value_or(HttpResponse{});
  }
  HttpResponse ask(const std::string& method, const std::string& target, const std::string& body = "") {
    return ask(request(method, target, body));
  }
  json shown(const std::string& target) {
    const HttpResponse response = ask("GET", target);
    EXPECT_EQ(response.status, 200) << target << ": " << response.body;
    EXPECT_EQ(response.content_type, "application/json");
    return json::parse(response.body);
  }
  // What a refused request says.
  std::string error(const std::string& method, const std::string& target, int status,
                    const std::string& body = "") {
    const HttpResponse response = ask(method, target, body);
    EXPECT_EQ(response.status, status) << method << " " << target << ": " << response.body;
    return json::parse(response.body).at("error");
  }

  Source source;
  Taker taker;
  GuardRules rules;
};

TEST_F(Routes, ShowMetricsAsText) {
  const HttpResponse metrics = ask("GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(metrics.body, HasSubstr("weir_process_connections 3\n"));
}

TEST_F(Routes, SayReadyUntilWeirDrains) {
  EXPECT_EQ(ask("GET", "/ready").status, 200);
  EXPECT_EQ(ask("GET", "/ready").body, "ready\n");
  source.status.draining = true;
  EXPECT_EQ(ask("GET", "/ready").status, 503);
  EXPECT_EQ(ask("GET", "/ready").body, "draining\n");
}

TEST_F(Routes, ShowThePageAndItsParts) {
  EXPECT_EQ(ask("GET", "/").content_type, "text/html; charset=utf-8");
  EXPECT_EQ(ask("GET", "/dashboard/main.js").content_type, "text/javascript; charset=utf-8");
  EXPECT_THAT(error("GET", "/dashboard/no.js", 404), HasSubstr("\"no.js\""));
  EXPECT_EQ(ask("GET", "/dashboard").status, 404);
  EXPECT_EQ(source.asked, 0) << "it holds nothing of the process's";
}

TEST_F(Routes, ShowEachListWhole) {
  EXPECT_EQ(shown("/v1/process").at("connections"), 3);
  EXPECT_EQ(shown("/v1/listeners").at("listeners").size(), 2u);
  EXPECT_EQ(shown("/v1/pools").at("pools").size(), 1u);
  EXPECT_EQ(shown("/v1/limits").at("limits").size(), 2u);
  EXPECT_EQ(shown("/v1/refusals").at("refusals").size(), 0u);
  EXPECT_EQ(shown("/v1/configuration").at("settings").size(), 0u);
  EXPECT_EQ(shown("/v1/openapi.json").at("openapi"), "3.1.0");
}

TEST_F(Routes, ShowOneByItsNameHoweverItIsEscaped) {
  source.status.pools[0].backends[1].name = "app@[::1]:80";
  EXPECT_EQ(shown("/v1/listeners/web").at("accepted_total"), 30);
  EXPECT_EQ(shown("/v1/listeners/q%22%5C%0A").at("name"), "q\"\\\n");
  EXPECT_EQ(shown("/v1/pools/p").at("backends").size(), 2u);
  EXPECT_EQ(shown("/v1/pools/p/backends/a").at("weight"), 5);
  EXPECT_EQ(shown("/v1/pools/p/backends/app@[::1]:80").at("state"), "down");
  EXPECT_EQ(shown("/v1/pools/p/backends/app%40%5B%3A%3A1%5D%3A80").at("state"), "down");
  EXPECT_EQ(error("GET", "/v1/listeners/Web", 404), "there is no listener \"Web\"");
  EXPECT_EQ(error("GET", "/v1/pools/q", 404), "there is no pool \"q\"");
  EXPECT_EQ(error("GET", "/v1/pools/q/backends/a", 404), "there is no pool \"q\"");
  EXPECT_EQ(error("GET", "/v1/pools/p/backends/c", 404), "there is no backend \"c\"");
}

TEST_F(Routes, GiveCommandsWhatTheyNeed) {
  EXPECT_EQ(ask("PATCH", "/v1/pools/p/backends/app%40%5B%3A%3A1%5D%3A80", R"({"weight": 7})").status, 200);
  EXPECT_EQ(taker.last<server::ChangeBackendCommand>().pool, "p");
  EXPECT_EQ(taker.last<server::ChangeBackendCommand>().backend, "app@[::1]:80");
  EXPECT_EQ(taker.last<server::ChangeBackendCommand>().weight, 7u);

  EXPECT_EQ(ask("POST", "/v1/pools/p/backends", R"({"address": "10.0.0.1:80", "name": "n"})").status, 200);
  EXPECT_EQ(taker.last<server::AddBackendCommand>().pool, "p");
  EXPECT_EQ(taker.last<server::AddBackendCommand>().backend.name, "n");

  EXPECT_EQ(ask("DELETE", "/v1/pools/p/backends/n").status, 200);
  EXPECT_EQ(taker.last<server::RemoveBackendCommand>().pool, "p");
  EXPECT_EQ(taker.last<server::RemoveBackendCommand>().backend, "n");

  EXPECT_EQ(ask("POST", "/v1/listeners/web/access/deny", R"({"network": "10.0.0.0/8"})").status, 200);
  EXPECT_EQ(taker.last<server::ChangeAccessCommand>().listener, "web");
  EXPECT_TRUE(taker.last<server::ChangeAccessCommand>().denies);
  EXPECT_TRUE(taker.last<server::ChangeAccessCommand>().adds);
  EXPECT_EQ(ask("DELETE", "/v1/listeners/web/access/allow", R"({"network": "10.0.0.0/8"})").status, 200);
  EXPECT_FALSE(taker.last<server::ChangeAccessCommand>().denies);
  EXPECT_FALSE(taker.last<server::ChangeAccessCommand>().adds);

  EXPECT_EQ(ask("PUT", "/v1/log/level", R"({"level": "debug"})").status, 200);
  EXPECT_EQ(taker.last<server::LogLevelCommand>().level, config::LogLevel::kDebug);

  EXPECT_EQ(ask("DELETE", "/v1/sessions/0104aed000000001").status, 200);
  EXPECT_EQ(taker.last<server::CloseSessionCommand>().id, 0x0104aed000000001u);

  EXPECT_EQ(ask("POST", "/v1/reload").status, 200);
  EXPECT_NO_THROW(taker.last<server::ReloadCommand>());
  EXPECT_EQ(ask("POST", "/v1/drain", "{}").status, 200);
  EXPECT_NO_THROW(taker.last<server::StopCommand>());
  EXPECT_EQ(taker.commands, 9);
}

TEST_F(Routes, AskSurveysForWhatTheQuerySays) {
  taker.part.matching = 7;
  EXPECT_EQ(shown("/v1/sessions?listener=web&sort=bytes&limit=5").at("matching"), 7);
  EXPECT_EQ(taker.surveyed->kind, session::SurveyKind::kByBytes);
  EXPECT_EQ(taker.surveyed->filter.listener, "web");
  EXPECT_EQ(taker.surveyed->limit, 5u);
  EXPECT_EQ(shown("/v1/clients?pool=p").at("matching"), 7);
  EXPECT_EQ(taker.surveyed->kind, session::SurveyKind::kByClient);
  EXPECT_EQ(taker.surveyed->filter.pool, "p");
  EXPECT_EQ(error("GET", "/v1/sessions/00ff", 404), "there is no session \"00ff\" open");
  EXPECT_EQ(taker.surveyed->kind, session::SurveyKind::kOne);
  EXPECT_EQ(taker.surveyed->filter.after, 255u);
  taker.part.one.emplace().view.id = 255;
  EXPECT_EQ(shown("/v1/sessions/00ff").at("id"), "00000000000000ff");
}

TEST_F(Routes, SayThatASurveyIsNotToBeHadNow) {
  taker.is_whole = false;
  for (const char* path : {"/v1/sessions", "/v1/sessions/00ff", "/v1/clients"}) {
    EXPECT_THAT(error("GET", path, 503), HasSubstr("ask again")) << path;
  }
  taker.has_time = false;
  for (const char* path : {"/v1/sessions", "/v1/sessions/00ff", "/v1/clients"}) {
    EXPECT_EQ(error("GET", path, 503), "too many look at the sessions already: ask again") << path;
  }
}

TEST_F(Routes, AskNobodyWhatTheyDoNotUnderstand) {
  const std::vector<std::tuple<std::string, std::string, std::string>> cases{
      {"GET", "/v1/sessions?limit=0", ""},
      {"GET", "/v1/sessions?limit=1&limit=2", ""},
      {"GET", "/v1/clients?x=%zz", ""},
      {"GET", "/v1/sessions/xyz", ""},
      {"DELETE", "/v1/sessions/xyz", ""},
      {"DELETE", "/v1/sessions/1", "{\"a\": 1}"},
      {"PATCH", "/v1/pools/p/backends/a", ""},
      {"POST", "/v1/pools/p/backends", "{}"},
      {"DELETE", "/v1/pools/p/backends/a", "x"},
      {"POST", "/v1/listeners/web/access/deny", "{}"},
      {"DELETE", "/v1/listeners/web/access/nobody", R"({"network": "10.0.0.0/8"})"},
      {"PUT", "/v1/log/level", "{}"},
      {"POST", "/v1/reload", "now"},
      {"POST", "/v1/drain", "[]"},
  };
  for (const auto& [method, target, body] : cases) error(method, target, 400, body);
  EXPECT_EQ(taker.commands, 0);
  EXPECT_FALSE(taker.surveyed.has_value());
}

TEST_F(Routes, SayByTheStatusWhatHasCome) {
  const std::vector<std::pair<server::CommandResult, int>> cases{{server::CommandResult::kNoSuch, 404},
                                                                 {server::CommandResult::kRefused, 409},
                                                                 {server::CommandResult::kStopping, 503},
                                                                 {server::CommandResult::kBusy, 503}};
  for (const auto& [result, status] : cases) {
    taker.answer = {result, "why \"not\"", {}};
    EXPECT_EQ(error("POST", "/v1/drain", status), "why \"not\"");
  }
  taker.answer = {};
  EXPECT_EQ(json::parse(ask("POST", "/v1/drain").body), (json{{"done", "done"}}));
  taker.answer.text = "it is in force";
  taker.answer.reload.emplace().sessions_kept = 4;
  const json reloaded = json::parse(ask("POST", "/v1/reload").body);
  EXPECT_EQ(reloaded.at("done"), "it is in force");
  EXPECT_EQ(reloaded.at("sessions_kept"), 4);
  taker.answer.result = server::CommandResult::kRefused;
  taker.answer.reload->problems = {{config::Severity::kError, {"weir.toml", 3, 7}, "no"}};
  const HttpResponse refused = ask("POST", "/v1/reload");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(json::parse(refused.body).at("problems").at(0).at("place"), "weir.toml:3:7");
}

TEST_F(Routes, NameThePathsThereAreToAnUnknownOne) {
  for (const char* path :
       {"//", "", "/metrics/", "/Metrics", "/v1/backends", "//metrics", "/v1/pools/p/x", "/%zz"}) {
    const std::string said = error("GET", path, 404);
    EXPECT_THAT(said, testing::StartsWith("no such path; there are: / /dashboard/{file} /metrics /ready "))
        << path;
    for (const RouteName& route : route_names()) {
      if (route.method != "GET") continue;
      EXPECT_THAT(said + " ", HasSubstr(" " + std::string(route.path) + " "));
    }
  }
  error("POST", "/nothing", 404);
}

TEST_F(Routes, SayWhatAPathTakesToAnotherMethod) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"/metrics", "GET, HEAD"},
      {"/v1/pools/p/backends", "POST"},
      {"/v1/pools/p/backends/a", "GET, HEAD, PATCH, DELETE"},
      {"/v1/listeners/l/access/deny", "POST, DELETE"},
      {"/v1/sessions/1", "GET, HEAD, DELETE"},
      {"/v1/log/level", "PUT"},
  };
  for (const auto& [path, allowed] : cases) {
    for (const char* method : {"OPTIONS", "OTHER", "get"}) {
      const HttpResponse response = ask(method, path);
      EXPECT_EQ(response.status, 405) << method << path;
      EXPECT_THAT(response.headers,
                  testing::ElementsAre(std::pair<std::string, std::string>("Allow", allowed)));
    }
  }
  EXPECT_EQ(ask("POST", "/metrics").status, 405);
  EXPECT_EQ(ask("HEAD", "/v1/pools/p/backends").status, 405);
  EXPECT_EQ(taker.commands, 0);
}

TEST_F(Routes, TakeHeadWhereTheyTakeGet) {
  for (const char* path : {"/metrics", "/ready", "/v1/pools/p", "/v1/sessions"}) {
    EXPECT_EQ(ask("HEAD", path).status, 200) << path;
  }
  EXPECT_EQ(ask("HEAD", "/v1/pools/q").status, 404);
}

// Each route as somebody who comes by TCP and may not: nothing is told, and nothing done.
TEST_F(Routes, AskTheGuardBeforeAnythingElse) {
  rules.token = "0123456789abcdef";
  rules.is_far = true;
  std::vector<HttpRequest> all{request("GET", "/nothing"), request("OTHER", "/metrics"),
                               request("GET", "/v1/sessions?limit=x")};
  const std::set<std::string_view> open{"/ready", "/", "/dashboard/{file}"};
  for (const RouteName& route : route_names()) {
    if (!open.contains(route.path))
      all.push_back(request(std::string(route.method), std::string(route.path)));
  }
  for (HttpRequest& one : all) {
    one.is_local = false;
    one.host = "127.0.0.1:9900";
    EXPECT_EQ(ask(one).status, 401) << one.method << " " << one.path;
    one.authorization = "Bearer wrong";
    EXPECT_EQ(ask(one).status, 401) << one.method << " " << one.path;
    one.host = "evil.example";
    EXPECT_EQ(ask(one).status, 421) << one.method << " " << one.path;
  }
  EXPECT_EQ(source.asked, 0);
  EXPECT_EQ(taker.commands, 0);
  EXPECT_FALSE(taker.surveyed.has_value());
  for (const char* path : {"/ready", "/", "/dashboard/main.js"}) {
    HttpRequest one = request("GET", path);
    one.is_local = false;
    EXPECT_EQ(ask(one).status, 200) << path;
    one.fetch_site = "cross-site";
    EXPECT_EQ(ask(one).status, 200) << path << ": a link in another page leads here";
    one.host = "evil.example";
    EXPECT_EQ(ask(one).status, 421) << path;
  }
}

// Changes are those whose method is none that only looks.
TEST_F(Routes, TakeTheTokenForEveryChangeByTcp) {
  rules.token = "0123456789abcdef";
  for (const RouteName& route : route_names()) {
    HttpRequest one = request(std::string(route.method), std::string(route.path));
    one.is_local = false;
    EXPECT_EQ(ask(one).status == 401, route.method != "GET") << route.method << " " << route.path;
    one.authorization = "Bearer " + rules.token;
    EXPECT_NE(ask(one).status, 401) << route.method << " " << route.path;
  }
}

TEST_F(Routes, AskForTheRulesAsTheyAreNow) {
  HttpRequest drain = request("POST", "/v1/drain");
  drain.is_local = false;
  drain.authorization = "Bearer 0123456789abcdef";
  EXPECT_EQ(ask(drain).status, 403);
  rules.token = "0123456789abcdef";
  EXPECT_EQ(ask(drain).status, 200);
  rules.token = "fedcba9876543210";
  EXPECT_EQ(ask(drain).status, 401);
}

// What the document says there is, and what there is.
TEST(Openapi, HasEveryRouteAndNoOther) {
  std::set<std::string> routes;
  for (const RouteName& route : route_names()) {
    EXPECT_TRUE(routes.insert(std::string(route.method) + " " + std::string(route.path)).second);
  }
  std::set<std::string> described;
  const json document = json::parse(openapi_text());
  for (const auto& [path, methods] : document.at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      if (method == "parameters") continue;
      std::string upper;
      for (const char c : method) upper += static_cast<char>(std::toupper(c));
      described.insert(upper + " " + path);
    }
  }
  EXPECT_EQ(described, routes);
}

// Every reference leads somewhere, every name in a path is a parameter, and each operation has a name of its
// own.
TEST(Openapi, IsWholeInItself) {
  const json document = json::parse(openapi_text());
  const std::function<void(const json&)> follow = [&](const json& node) {
    if (node.is_object() && node.contains("$ref")) {
      const std::string reference = node.at("$ref");
      ASSERT_TRUE(reference.starts_with("#"));
      EXPECT_TRUE(document.contains(json::json_pointer(reference.substr(1)))) << reference;
    }
    if (node.is_structured()) {
      for (const json& one : node) follow(one);
    }
  };
  follow(document);
  std::set<std::string> operations;
  for (const auto& [path, methods] : document.at("paths").items()) {
    for (const auto& [method, operation] : methods.items()) {
      EXPECT_TRUE(operations.insert(operation.at("operationId")).second) << path;
      std::set<std::string> parameters;
      for (const json& one : operation.value("parameters", json::array())) {
        const json& parameter = document.at(json::json_pointer(one.at("$ref").get<std::string>().substr(1)));
        if (parameter.at("in") == "path") parameters.insert(parameter.at("name"));
      }
      std::set<std::string> in_path;
      for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
        in_path.insert(path.substr(at + 1, path.find('}', at) - at - 1));
      }
      EXPECT_EQ(parameters, in_path) << method << " " << path;
    }
  }
}

}  // namespace
}  // namespace weir::admin
