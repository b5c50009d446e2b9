#include "admin/command_reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::admin {
namespace {

using testing::HasSubstr;

const Parameters kBackend{{"pool", "p"}, {"backend", "app@[::1]:80"}};
const Parameters kPool{{"pool", "p"}};
const Parameters kDeny{{"listener", "web"}, {"side", "deny"}};

// What was wrong; "" when nothing was.
template <class Value>
std::string fault(const base::Result<Value>& result) {
  return result ? "" : result.error().message();
}

std::string change_fault(std::string_view body) { return fault(read_backend_change(kBackend, body)); }
std::string added_fault(std::string_view body) { return fault(read_added_backend(kPool, body)); }
std::string access_fault(std::string_view body) { return fault(read_access_change(kDeny, body)); }
std::string level_fault(std::string_view body) { return fault(read_log_level(body)); }

TEST(ReadBackendChange, TakesStateAndWeight) {
  const auto both = read_backend_change(kBackend, R"({"weight": 0, "state": "maintenance"})");
  ASSERT_TRUE(both.has_value());
  EXPECT_EQ(both->pool, "p");
  EXPECT_EQ(both->backend, "app@[::1]:80");
  EXPECT_EQ(both->mode, pool::BackendMode::kMaintenance);
  EXPECT_EQ(both->weight, 0u);
  const auto drain = read_backend_change(kBackend, R"({"state": "drain"})");
  EXPECT_EQ(drain->mode, pool::BackendMode::kDrain);
  EXPECT_EQ(drain->weight, std::nullopt);
  EXPECT_EQ(read_backend_change(kBackend, R"({"state": "up"})")->mode, pool::BackendMode::kUp);
  EXPECT_EQ(read_backend_change(kBackend, R"({"weight": 256})")->weight, 256u);
  EXPECT_EQ(read_backend_change(kBackend, R"({"weight": 256})")->mode, std::nullopt);
}

TEST(ReadBackendChange, SaysWhatIsWrong) {
  EXPECT_EQ(change_fault("{}"), "nothing is to be changed: expected \"state\" or \"weight\"");
  EXPECT_EQ(change_fault(R"({"state": "down"})"),
            "\"state\" is \"down\", expected \"up\", \"drain\" or \"maintenance\"");
  EXPECT_EQ(change_fault(R"({"state": "up", "wieght": 1})"),
            "\"wieght\" is not known here: expected \"state\" or \"weight\"");
  for (const char* weight : {"257", "-1", "1.5", "1.0", "\"1\"", "null", "true", "[]", "18446744073709551615",
                             "9223372036854775808", "-9223372036854775808", "4294967296", "1e3"}) {
    EXPECT_EQ(change_fault("{\"weight\": " + std::string(weight) + "}"),
              "\"weight\" must be a whole number from 0 to 256")
        << weight;
  }
  for (const char* state : {"1", "null", "{}", "[\"up\"]"}) {
    EXPECT_EQ(change_fault("{\"state\": " + std::string(state) + "}"), "\"state\" must be a text") << state;
  }
}

// Of every body: what is no object, or holds what nobody asked for.
TEST(ReadBody, TakesAJsonObjectOnly) {
  for (const auto read : {change_fault, added_fault, access_fault, level_fault}) {
    for (const char* body : {"", "{", "x", "{} x", "{\"a\": \"\xff\"}", "{'a': 1}"}) {
      EXPECT_EQ(read(body), "the body is no JSON") << body;
    }
    for (const char* body : {"[]", "1", "\"up\"", "null", "true"}) {
      EXPECT_EQ(read(body), "the body must be a JSON object") << body;
    }
  }
  EXPECT_THAT(change_fault("{\"x\\u0000\\n\": 1}"), HasSubstr("\"x\\x00\\x0a\"")) << "no control characters";
  // As deep as a body can be.
  const std::string deep = std::string(30'000, '[') + std::string(30'000, ']');
  EXPECT_THAT(change_fault("{\"state\": " + deep + "}"), HasSubstr("\"state\" must be a text"));
}

TEST(ReadAddedBackend, NeedsAnAddressOnly) {
  const auto least = read_added_backend(kPool, R"({"address": "10.0.0.1:80"})");
  ASSERT_TRUE(least.has_value());
  const config::BackendConfig model;
  EXPECT_EQ(least->pool, "p");
  EXPECT_EQ(least->backend.name, "10.0.0.1:80");
  EXPECT_EQ(base::to_string(least->backend.address.value), "10.0.0.1:80");
  EXPECT_EQ(least->backend.weight, model.weight);
  EXPECT_EQ(least->backend.max_connections, model.max_connections);
  EXPECT_EQ(least->backend.is_backup, model.is_backup);
  EXPECT_EQ(least->backend.mode, model.mode);

  const auto all = read_added_backend(kPool, R"({"address": "[2001:db8::1]:443", "name": "a-1.x", "weight": 9,
                                                 "max_connections": 1, "backup": true, "state": "drain"})");
  ASSERT_TRUE(all.has_value()) << all.error().message();
  EXPECT_EQ(all->backend.name, "a-1.x");
  EXPECT_EQ(base::to_string(all->backend.address.value), "[2001:db8::1]:443");
  EXPECT_EQ(all->backend.weight, 9u);
  EXPECT_EQ(all->backend.max_connections, 1u);
  EXPECT_TRUE(all->backend.is_backup);
  EXPECT_EQ(all->backend.mode, config::BackendMode::kDrain);
  EXPECT_EQ(added_fault(R"({"address": "unix:/run/app.sock", "name": "app"})"), "");
}

TEST(ReadAddedBackend, SaysWhatIsWrong) {
  EXPECT_EQ(added_fault("{}"), "\"address\" is missing: expected one such as \"10.0.0.1:80\"");
  EXPECT_THAT(added_fault(R"({"address": "app.internal:80"})"),
              HasSubstr("\"address\" is \"app.internal:80\": a name has to be in the configuration"));
  for (const char* address : {"10.0.0.1", "10.0.0.1:0", "0.0.0.0:80", "10.0.0.1:65536", "unix:", ""}) {
    EXPECT_THAT(added_fault("{\"address\": \"" + std::string(address) + "\"}"),
                testing::StartsWith("\"address\": "))
        << address;
  }
  const auto with = [](const std::string& members) {
    return added_fault("{\"address\": \"10.0.0.1:80\", " + members + "}");
  };
  EXPECT_EQ(with("\"address\": 1"), "\"address\" must be a text") << "the last one counts";
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a/b"), std::string("a@b"),
                                  std::string(64, 'a'), std::string("\u00e4")}) {
    EXPECT_THAT(with("\"name\": \"" + name + "\""), testing::StartsWith("\"name\" cannot be ")) << name;
  }
  EXPECT_EQ(with("\"max_connections\": 0").find("\"max_connections\" must be a whole number from 1 to "), 0u);
  EXPECT_EQ(with("\"backup\": 1"), "\"backup\" must be true or false");
  EXPECT_EQ(with("\"state\": \"ejected\"").find("\"state\" is \"ejected\", expected "), 0u);
  EXPECT_EQ(with("\"retries\": 1"),
            "\"retries\" is not known here: expected \"address\", \"name\", \"weight\", \"max_connections\", "
            "\"backup\" "
            "or \"state\"");
}

TEST(ReadAccessChange, TakesANetworkOfEitherSide) {
  const auto denied = read_access_change(kDeny, R"({"network": "203.0.113.0/24"})");
  ASSERT_TRUE(denied.has_value());
  EXPECT_EQ(denied->listener, "web");
  EXPECT_TRUE(denied->denies);
  EXPECT_TRUE(denied->adds);
  EXPECT_EQ(denied->network.to_string(), "203.0.113.0/24");
  const auto allowed =
      read_access_change({{"listener", "web"}, {"side", "allow"}}, R"({"network": "2001:db8::7"})");
  ASSERT_TRUE(allowed.has_value());
  EXPECT_FALSE(allowed->denies);
  EXPECT_EQ(allowed->network.to_string(), "2001:db8::7/128");
}

TEST(ReadAccessChange, SaysWhatIsWrong) {
  EXPECT_EQ(
      fault(read_access_change({{"listener", "web"}, {"side", "denied"}}, R"({"network": "10.0.0.0/8"})")),
      "there is no list \"denied\": expected allow or deny");
  EXPECT_EQ(access_fault("{}"), "\"network\" is missing: expected one such as \"203.0.113.0/24\"");
  EXPECT_EQ(access_fault(R"({"network": "10.0.0.7/8"})"),
            "\"network\" is \"10.0.0.7/8\", which has bits beyond its length: is 10.0.0.0/8 meant?");
  for (const char* network : {"", "10.0.0.0/33", "10.0.0/8", "unix", "example.org", "10.0.0.0/8 "}) {
    EXPECT_THAT(access_fault("{\"network\": \"" + std::string(network) + "\"}"),
                testing::StartsWith("\"network\" is \"" + std::string(network) + "\": "));
  }
  EXPECT_EQ(access_fault(R"({"network": ["10.0.0.0/8"]})"), "\"network\" must be a text");
}

TEST(ReadLogLevel, TakesTheFourWords) {
  for (std::size_t i = 0; i < config::kLogLevelWords.size(); ++i) {
    const auto read = read_log_level("{\"level\": \"" + std::string(config::kLogLevelWords[i]) + "\"}");
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->level, static_cast<config::LogLevel>(i));
  }
  constexpr const char* kWords = "expected \"debug\", \"info\", \"warning\" or \"error\"";
  EXPECT_EQ(level_fault("{}"), std::string("\"level\" is missing: ") + kWords);
  EXPECT_EQ(level_fault(R"({"level": "DEBUG"})"), std::string("\"level\" is \"DEBUG\", ") + kWords);
}

TEST(ReadNothing, TakesNothingOrAnEmptyObject) {
  for (const char* body : {"", "{}", " { } "}) EXPECT_EQ(fault(read_nothing(body)), "") << body;
  EXPECT_EQ(fault(read_nothing("[]")), "the body must be a JSON object");
  EXPECT_EQ(fault(read_nothing("force=1")), "the body is no JSON");
  EXPECT_EQ(fault(read_nothing(R"({"force": true})")), "\"force\" is not known here: expected {}");
}

TEST(ReadSessionId, TakesHexadecimalDigits) {
  EXPECT_EQ(read_session_id("0104aed000000001"), 0x0104aed000000001u);
  EXPECT_EQ(read_session_id("ffffffffffffffff"), ~std::uint64_t{0});
  EXPECT_EQ(read_session_id("AbC"), 0xabcu);
  EXPECT_EQ(read_session_id("0"), 0u);
  for (const char* text : {"", "x", "0x1", "-1", "+1", " 1", "1 ", "10000000000000000", "1g"}) {
    EXPECT_EQ(fault(read_session_id(text)),
              "\"" + std::string(text) +
                  "\" is no id of a session: expected hexadecimal digits such as "
                  "0104aed000000001");
  }
}

TEST(ReadSessionQuery, TakesEveryFilter) {
  const auto least = read_session_query({});
  ASSERT_TRUE(least.has_value());
  EXPECT_EQ(least->kind, session::SurveyKind::kById);
  EXPECT_EQ(least->limit, 100u);
  EXPECT_EQ(least->filter.state, std::nullopt);
  EXPECT_EQ(least->filter.client, std::nullopt);

  const auto all = read_session_query({{"listener", "l"},
                                       {"pool", "p"},
                                       {"backend", "b"},
                                       {"client", "10.0.0.7/8"},
                                       {"state", "half_closed"},
                                       {"min_age", "30s"},
                                       {"sort", "bytes"},
                                       {"after", "ff"},
                                       {"limit", "1000"}});
  ASSERT_TRUE(all.has_value()) << all.error().message();
  EXPECT_EQ(all->kind, session::SurveyKind::kByBytes);
  EXPECT_EQ(all->filter.listener, "l");
  EXPECT_EQ(all->filter.pool, "p");
  EXPECT_EQ(all->filter.backend, "b");
  EXPECT_EQ(all->filter.client->to_string(), "10.0.0.0/8");
  EXPECT_EQ(all->filter.state, session::SessionState::kHalfClosed);
  EXPECT_EQ(all->filter.least_age, std::chrono::seconds(30));
  EXPECT_EQ(all->filter.after, 255u);
  EXPECT_EQ(all->limit, 1'000u);
  EXPECT_EQ(read_session_query({{"sort", "id"}})->kind, session::SurveyKind::kById);
}

TEST(ReadSessionQuery, SaysWhatIsWrong) {
  const auto wrong = [](const std::string& name, const std::string& value) {
    return fault(read_session_query({{name, value}}));
  };
  for (const char* limit : {"0", "1001", "-1", "", "x", "1x", "99999999999999999999"}) {
    EXPECT_EQ(wrong("limit", limit),
              "limit is \"" + std::string(limit) + "\", expected a whole number from 1 to 1000");
  }
  EXPECT_EQ(wrong("state", "open"),
            "state is \"open\", expected \"preread\", \"handshake\", \"connect\", \"relay\", \"half_closed\" "
            "or \"linger\"");
  EXPECT_EQ(wrong("sort", "age"), "sort is \"age\", expected id or bytes");
  EXPECT_THAT(wrong("client", "x"), testing::StartsWith("client is \"x\": "));
  EXPECT_THAT(wrong("min_age", "old"), testing::StartsWith("min_age is \"old\": "));
  EXPECT_THAT(wrong("min_age", "106752d"), testing::StartsWith("min_age is \"106752d\": at most "));
  EXPECT_THAT(wrong("after", "x"), HasSubstr("is no id of a session"));
  EXPECT_EQ(wrong("clients", "x"),
            "the query has \"clients\", expected \"listener\", \"pool\", \"backend\", \"client\", \"state\", "
            "\"min_age\", \"sort\", \"after\" or \"limit\"");
}

TEST(ReadClientQuery, KnowsFewerParameters) {
  const auto read = read_client_query({{"pool", "p"}, {"limit", "5"}});
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->kind, session::SurveyKind::kByClient);
  EXPECT_EQ(read->filter.pool, "p");
  EXPECT_EQ(read->limit, 5u);
  for (const char* name : {"client", "state", "min_age", "sort", "after"}) {
    EXPECT_EQ(fault(read_client_query({{name, "1"}})),
              "the query has \"" + std::string(name) +
                  "\", expected \"listener\", \"pool\", \"backend\" or \"limit\"");
  }
}

}  // namespace
}  // namespace weir::admin
