// One session as the admin door of the running binary shows it: by which pool, attempt and choice it has come
// to its backend, and what the time limit has left of each state.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/asking.h"
#include "support/backend.h"
#include "support/checked_backend.h"
#include "support/client_hello.h"
#include "support/pool_facts.h"
#include "support/test_user.h"
#include "support/tls_socket.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kPicked = "the policy of pool \"web\" picked it among the backends that are up";

// Everything about the session of that client; null: it has none.
json shown_of(const WeirProcess& weir, const Socket& client) {
  const json page = json::parse(weir.admin().get("/v1/sessions").body);
  for (const json& one : page.at("sessions")) {
    if (one.at("client") != client.local().to_string()) continue;
    const HttpAnswer answer = weir.admin().get("/v1/sessions/" + one.at("id").get<std::string>());
    if (answer.status == 200) return json::parse(answer.body);
  }
  return {};
}

// The same, once it is in that state.
json shown_in(const WeirProcess& weir, const Socket& client, const std::string& state) {
  json one;
  EXPECT_TRUE(eventually([&] {
    one = shown_of(weir, client);
    return !one.is_null() && one.at("state") == state;
  })) << one.dump(1);
  return one;
}

std::vector<std::string> why(const json& one) { return one.at("why").get<std::vector<std::string>>(); }

// The first of its time limits, with what is left of it.
void expect_limit(const json& one, const std::string& setting, std::int64_t at_most_ms) {
  ASSERT_FALSE(one.is_null());
  ASSERT_FALSE(one.at("deadlines").empty()) << one.at("state");
  const json& first = one.at("deadlines").at(0);
  EXPECT_EQ(first.at("setting"), setting);
  EXPECT_GT(first.at("left_ms"), at_most_ms / 2);
  EXPECT_LE(first.at("left_ms"), at_most_ms);
}

TEST(OneSession, NamesTheBackendThatHasRefusedItBefore) {
  const DeadPort dead;
  const Backend backend(names_itself("a"));
  Configuration configuration;
  configuration.backends = {entry(dead.address(), "dead"), entry(backend.address(), "a")};
  const WeirProcess weir(configuration);
  // One of two in turn meets the dead one first.
  const Held held[2] = {hold(weir), hold(weir)};
  json one = shown_of(weir, held[0].socket);
  json other = shown_of(weir, held[1].socket);
  if (one.at("attempts") == 1) std::swap(one, other);
  EXPECT_EQ(one.at("attempts"), 2);
  EXPECT_EQ(one.at("backend"), "a");
  EXPECT_EQ(one.at("failed_backend"), "dead");
  EXPECT_EQ(one.at("connect_error"), "ECONNREFUSED");
  EXPECT_EQ(why(one),
            (std::vector<std::string>{"an attempt at \"dead\" had failed: Connection refused", kPicked}));
  EXPECT_EQ(other.at("attempts"), 1);
  EXPECT_EQ(other.at("failed_backend"), nullptr);
  EXPECT_EQ(other.at("connect_error"), nullptr);
  EXPECT_EQ(why(other), std::vector<std::string>{kPicked});
}

TEST(OneSession, IsAtABackupSinceNoOtherWasUsable) {
  const Backend backend(names_itself("spare"));
  const DeadPort primary;
  Configuration configuration;
  configuration.backends = {entry_with(primary.address(), "primary", "state = \"maintenance\""),
                            entry_with(backend.address(), "spare", "backup = true")};
  const WeirProcess weir(configuration);
  const Held held = hold(weir);
  const json one = shown_of(weir, held.socket);
  EXPECT_EQ(one.at("choice"), "backup");
  EXPECT_EQ(one.at("attempts"), 1);
  EXPECT_EQ(why(one), std::vector<std::string>{"it is a backup, and no other backend was usable"});
}

TEST(OneSession, IsAtABackendThatIsDownInPanic) {
  CheckedBackend backend("a");
  backend.answer_checks(kHttpUnavailable);
  Configuration configuration;
  configuration.backends = {entry(backend.address(), "a")};
  configuration.pool = "panic_threshold = 1.0\n";
  configuration.rest =
      "[pools.web.health]\ntype = \"http\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\nhttp = { path = \"/\" "
      "}\n";
  const WeirProcess weir(configuration);
  ASSERT_TRUE(becomes(weir, "a", "down"));
  const Held held = hold(weir);
  const json one = shown_of(weir, held.socket);
  EXPECT_EQ(one.at("choice"), "panic");
  EXPECT_EQ(why(one), std::vector<std::string>{"it is not up, but too few backends are: all are used"});
}

TEST(OneSession, IsAtABackendThatWasPassedOverSinceNoneWasBetter) {
  const DeadPort dead;
  Configuration configuration;
  configuration.backends = {entry(dead.address(), "a")};
  configuration.rest = "[pools.web.outlier]\nconsecutive_failures = 1\n";
  const WeirProcess weir(configuration);
  EXPECT_EQ(weir.connect().receive_until_end().ended, Ended::kReset);
  wait_for_event_of(weir, "backend_passed_over", "a");
  const Backend back(dead.address(), names_itself("a"));
  const Held held = hold(weir);
  const json one = shown_of(weir, held.socket);
  EXPECT_EQ(one.at("choice"), "passed_over");
  EXPECT_EQ(why(one), std::vector<std::string>{
                          "its connects fail, but no backend was left that would have been better"});
}

TEST(OneSession, SaysThatItsConnectionWasWarm) {
  const Backend backend(names_itself("a"));
  Configuration configuration;
  configuration.backends = {entry(backend.address(), "a")};
  configuration.pool = "warm_connections = 1\n";
  const WeirProcess weir(configuration);
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").warm == 1; }));
  const Held held = hold(weir);
  const json one = shown_of(weir, held.socket);
  EXPECT_EQ(one.at("warm"), true);
  EXPECT_EQ(one.at("connect_us"), 0);
  EXPECT_EQ(one.at("attempts"), 1);
  EXPECT_EQ(why(one), (std::vector<std::string>{kPicked, "it was given a warm connection"}));
}

TEST(OneSession, NamesThePoolThatHadNoConnectionForIt) {
  const DeadPort dead;
  const Backend backend(names_itself("b"));
  Configuration configuration;
  configuration.backends = {entry(dead.address(), "dead")};
  configuration.pool = "fallback_pool = \"spare\"\n";
  configuration.rest = "[pools.spare]\nbackends = [" + entry(backend.address(), "b") + "]\n";
  const WeirProcess weir(configuration);
  const Held held = hold(weir);
  const json one = shown_of(weir, held.socket);
  EXPECT_EQ(one.at("listener_pool"), "web");
  EXPECT_EQ(one.at("first_pool"), "web");
  EXPECT_EQ(one.at("pool"), "spare");
  EXPECT_EQ(one.at("attempts"), 2);
  EXPECT_EQ(why(one), (std::vector<std::string>{
                          "an attempt at \"dead\" had failed: Connection refused",
                          "pool \"web\" had no connection for it: \"spare\" is a fallback of that one",
                          "the policy of pool \"spare\" picked it among the backends that are up"}));
}

// What led it there is kept after the connection stands, though the routes are not.
TEST(OneSession, NamesThePoolOfItsRouteAndTheFallbackOfThatOne) {
  const DeadPort dead;
  const Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address(), "a")};
  configuration.rest =
      "[listeners.web.tls]\nmode = \"passthrough\"\n"
      "[[listeners.web.routes]]\nserver_names = [\"api.example\"]\npool = \"api\"\n"
      "[[listeners.web.routes]]\nserver_names = [\"other.example\"]\npool = \"spare\"\n"
      "[pools.api]\nfallback_pool = \"spare\"\nbackends = [" +
      entry(dead.address(), "dead") + "]\n[pools.spare]\nbackends = [" + entry(backend.address(), "b") +
      "]\n";
  const WeirProcess weir(configuration);
  const auto come = [&](const std::string& name) {
    Socket client = weir.connect();
    client.send_all(client_hello(name));
    client.receive_exactly(1);
    return client;
  };
  const std::string picked = "the policy of pool \"spare\" picked it among the backends that are up";

  const Socket fallen = come("api.example");
  const json one = shown_of(weir, fallen);
  EXPECT_EQ(one.at("listener_pool"), "web");
  EXPECT_EQ(one.at("first_pool"), "api");
  EXPECT_EQ(one.at("pool"), "spare");
  EXPECT_EQ(why(one),
            (std::vector<std::string>{
                "a route of listener \"web\" led to pool \"api\"",
                "an attempt at \"dead\" had failed: Connection refused",
                "pool \"api\" had no connection for it: \"spare\" is a fallback of that one", picked}));

  const Socket routed = come("other.example");
  const json other = shown_of(weir, routed);
  EXPECT_EQ(other.at("first_pool"), "spare");
  EXPECT_EQ(why(other),
            (std::vector<std::string>{"a route of listener \"web\" led to pool \"spare\"", picked}));

  const Socket plain = come("nobody.example");
  const json third = shown_of(weir, plain);
  EXPECT_EQ(third.at("first_pool"), "web");
  EXPECT_EQ(why(third), std::vector<std::string>{kPicked});
}

TEST(OneSession, HasALimitWhileItIsReadAhead) {
  const Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.listener =
      "accept_proxy = \"required\"\nproxy_trust = [\"127.0.0.1\"]\npreread_timeout = \"1h\"\nmax_lifetime = "
      "\"2h\"\n";
  const WeirProcess weir(configuration);
  const Socket client = weir.connect();
  const json one = shown_in(weir, client, "preread");
  expect_limit(one, "preread_timeout", 3'600'000);
  ASSERT_EQ(one.at("deadlines").size(), 2u);
  EXPECT_EQ(one.at("deadlines").at(1).at("setting"), "max_lifetime");
  EXPECT_EQ(one.at("first_pool"), nullptr);
  EXPECT_EQ(one.at("attempts"), 0);
  EXPECT_EQ(one.at("why"), json::array());
}

TEST(OneSession, HasALimitWhileItShakesHands) {
  const TemporaryDirectory directory;
  const CertificatePaths paths =
      write_certificate(directory.path(), "own", TestCertificate::self_signed(server_spec({"a.example"})));
  give_to_test_user(paths.key);
  const Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.rest =
      "[listeners.web.tls]\nmode = \"terminate\"\nhandshake_timeout = \"1m\"\n" +
      ("certificates = [{ chain = \"" + paths.chain + "\", key = \"" + paths.key + "\" }]\n");
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all(first_flight());
  const json one = shown_in(weir, client, "handshake");
  expect_limit(one, "handshake_timeout", 60'000);
  EXPECT_EQ(one.at("pool"), nullptr);
  EXPECT_EQ(one.at("first_pool"), "web") << "where it will go is known";
}

TEST(OneSession, HasALimitWhileItConnects) {
  const DeafListener deaf;
  Configuration configuration;
  configuration.backends = {entry(deaf.address(), "deaf")};
  configuration.pool = "connect_timeout = \"1m\"\n";
  const WeirProcess weir(configuration);
  const Socket client = weir.connect();
  const json one = shown_in(weir, client, "connect");
  expect_limit(one, "connect_timeout", 60'000);
  EXPECT_EQ(one.at("backend"), "deaf");
  EXPECT_EQ(one.at("attempts"), 1);
  EXPECT_EQ(one.at("connect_us"), nullptr);
  EXPECT_EQ(one.at("first_pool"), "web");
}

// Of the two limits that hold the shorter one is named.
TEST(OneSession, HasALimitWhileOneStreamHasEnded) {
  for (const auto& [half_close, name, limit] :
       {std::tuple("1m", "half_close_timeout", 60'000), std::tuple("1h", "idle_timeout", 600'000)}) {
    Listener listener;
    Configuration configuration;
    configuration.backends = {entry(listener.address())};
    configuration.listener =
        "idle_timeout = \"10m\"\nhalf_close_timeout = \"" + std::string(half_close) + "\"\n";
    const WeirProcess weir(configuration);
    Socket client = weir.connect();
    Socket backend = listener.accept();
    client.end_stream();
    EXPECT_EQ(backend.receive_until_end().ended, Ended::kEndOfStream);
    expect_limit(shown_in(weir, client, "half_closed"), name, limit);
  }
}

TEST(OneSession, HasALimitWhileAResetWaitsToBePassedOn) {
  Listener listener;
  Configuration configuration;
  configuration.backends = {entry(listener.address())};
  configuration.listener = "reset_linger = \"1m\"\n";
  const WeirProcess weir(configuration);
  Socket::Options small;
  small.receive_buffer = 4096;
  const Socket client = weir.connect(small);
  Socket backend = listener.accept();
  backend.send_all(pattern(200'000));
  backend.wait_until_delivered();
  backend.reset();
  expect_limit(shown_in(weir, client, "linger"), "reset_linger", 60'000);
}

}  // namespace
}  // namespace weir::test
