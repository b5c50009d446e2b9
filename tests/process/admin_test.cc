// What an operator changes at the admin door of the running binary: backends, access lists, the log's level,
// single sessions, the configuration, the end. Each is in force when it is answered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "support/asking.h"
#include "support/checked_backend.h"
#include "support/clients.h"
#include "support/dns_server.h"
#include "support/parallel.h"
#include "support/pool_facts.h"
#include "support/reloaded.h"

namespace weir::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kBackends = "/v1/pools/web/backends";

std::string backend_path(const std::string& name) { return kBackends + "/" + name; }

// A door on a unix socket, where everything is allowed.
class Admin : public testing::Test {
 protected:
  Configuration configuration_of(const std::vector<std::string>& backends) const {
    Configuration configuration;
    configuration.workers = 2;
    configuration.admin = "unix:" + directory.file("admin.sock");
    configuration.backends = backends;
    return configuration;
  }
  const TemporaryDirectory directory;
};

// The status, with what was said where it is another one.
testing::AssertionResult is(int status, const HttpAnswer& answer) {
  if (answer.status == status) return testing::AssertionSuccess();
  return testing::AssertionFailure() << answer.status << ": " << answer.body;
}

std::string error_of(const HttpAnswer& answer) { return json::parse(answer.body).value("error", ""); }

json shown(const WeirProcess& weir, const std::string& path) {
  const HttpAnswer answer = weir.admin().get(path);
  EXPECT_TRUE(is(200, answer)) << path;
  return json::parse(answer.body);
}

// The same file again.
HttpAnswer reload(const WeirProcess& weir) { return weir.admin().ask("POST", "/v1/reload"); }
HttpAnswer reload_with(const WeirProcess& weir, const Configuration& configuration) {
  std::ofstream(weir.config_path()) << configuration.to_toml();
  return reload(weir);
}

// Sessions at `name` and at no other, held open.
Held hold_at(const WeirProcess& weir, const std::string& name) {
  for (;;) {
    Held held = hold(weir);
    if (held.name == name) return held;
  }
}

void expect_goes_on(Held& held) {
  held.socket.end_stream();
  EXPECT_EQ(held.socket.receive_until_end().ended, Ended::kEndOfStream);
}

TEST_F(Admin, ShowsWhatThereIs) {
  Backend a(names_itself("a"));
  const WeirProcess weir(configuration_of({entry(a.address(), "a")}));
  Held held = hold(weir);
  EXPECT_EQ(shown(weir, "/v1/process").at("state"), "serving");
  EXPECT_EQ(shown(weir, "/v1/process").at("pid"), weir.pid());
  EXPECT_EQ(shown(weir, "/v1/listeners").at("listeners").at(0).at("accepted_total"), 1);
  EXPECT_EQ(shown(weir, "/v1/listeners/web").at("sessions_open"), 1);
  EXPECT_EQ(shown(weir, "/v1/pools").at("pools").at(0).at("name"), "web");
  EXPECT_EQ(shown(weir, "/v1/pools/web").at("healthy"), 1);
  EXPECT_EQ(shown(weir, backend_path("a")).at("in_flight"), 1);
  EXPECT_EQ(shown(weir, "/v1/limits").at("limits").at(0).at("name"), "listeners.web.limits");
  EXPECT_EQ(shown(weir, "/v1/refusals").at("refusals"), json::array());
  EXPECT_EQ(shown(weir, "/v1/sessions").at("matching"), 1);
  EXPECT_EQ(shown(weir, "/v1/clients").at("clients").at(0).at("client"), "127.0.0.1");
  EXPECT_EQ(shown(weir, "/v1/openapi.json").at("openapi"), "3.1.0");
  bool knows_workers = false;
  const json settings = shown(weir, "/v1/configuration").at("settings");
  for (const json& one : settings) {
    if (one.at("setting") == "process.workers") knows_workers = one.at("value") == "2";
  }
  EXPECT_TRUE(knows_workers);
  EXPECT_TRUE(is(404, weir.admin().get("/v1/backends")));
  EXPECT_TRUE(is(405, weir.admin().ask("DELETE", "/v1/process")));
  expect_goes_on(held);
}

TEST_F(Admin, ShowsEachLimitAndHowMuchOfItIsUsed) {
  Backend backend(echo());
  Configuration configuration = configuration_of({entry(backend.address(), "a")});
  configuration.process = "max_connections = 50\n";
  // Rates that give nothing back while the test runs.
  const std::string process = "[process.limits]\nconnection_rate = \"2/h\"\nconnection_burst = 20\n";
  const std::string own = "[listeners.web.limits]\nclient_max_connections = 2\nconnection_rate = \"1/h\"\n";
  configuration.rest = process + own + "connection_burst = 10\nmax_connections = 3\n";
  const WeirProcess weir(configuration);
  const auto limits = [&] { return shown(weir, "/v1/limits").at("limits").at(0); };
  const auto process_limits = [&] { return shown(weir, "/v1/limits").at("process"); };
  EXPECT_EQ(limits().at("connection_burst_used"), 0);

  std::vector<Socket> open;
  for (const char* host : {"127.0.0.2", "127.0.0.2", "127.0.0.3"})
    open.push_back(served_and_open(weir, host));
  EXPECT_EQ(how_refused(weir, "127.0.0.2"), Ended::kReset) << "it has as many as it may";
  EXPECT_EQ(how_refused(weir, "127.0.0.4"), Ended::kReset) << "there are as many as there may be";
  json now = limits();
  EXPECT_EQ(now.at("listeners"), json{"web"});
  EXPECT_EQ(now.at("connections"), 3);
  EXPECT_EQ(now.at("max_connections"), 3);
  EXPECT_EQ(now.at("connection_rate"), "1/h");
  EXPECT_EQ(now.at("connection_burst"), 10);
  EXPECT_EQ(now.at("connection_burst_used"), 3) << "who is refused uses nothing up";
  EXPECT_EQ(now.at("client_max_connections"), 2);
  EXPECT_EQ(now.at("client_connection_rate"), nullptr);
  EXPECT_EQ(now.at("clients"), 2);
  EXPECT_EQ(now.at("when_exceeded"), "reset");
  EXPECT_EQ(now.at("dry_run"), false);
  now = process_limits();
  EXPECT_EQ(now.at("connections"), 3);
  EXPECT_EQ(now.at("max_connections"), 50);
  EXPECT_EQ(now.at("when_full"), "wait");
  EXPECT_EQ(now.at("connection_rate"), "2/h");
  EXPECT_EQ(now.at("connection_burst"), 20);
  EXPECT_EQ(now.at("connection_burst_used"), 3);

  open.clear();
  EXPECT_TRUE(eventually([&] { return limits().at("connections") == 0; }));
  EXPECT_EQ(limits().at("connection_burst_used"), 3) << "that comes back by time alone";

  configuration.rest = own + "connection_burst = 12\nmax_connections = 4\nwhen_exceeded = \"close\"\n";
  ASSERT_TRUE(is(200, reload_with(weir, configuration)));
  now = limits();
  EXPECT_EQ(now.at("max_connections"), 4);
  EXPECT_EQ(now.at("connection_burst"), 12);
  EXPECT_EQ(now.at("connection_burst_used"), 3) << "a reload keeps what is used up";
  EXPECT_EQ(now.at("when_exceeded"), "close");
  EXPECT_EQ(process_limits().at("connection_burst_used"), nullptr);
}

TEST_F(Admin, ShowsLimitsThatAreSharedOnceAndThatTheyAreOff) {
  Backend backend(echo());
  Configuration configuration = configuration_of({entry(backend.address(), "a")});
  configuration.rest =
      "[listeners.web.limits]\nshared = \"all\"\n[listeners.other]\nbind = \"127.0.0.1:0\"\npool = "
      "\"web\"\nlimits.shared = \"all\"\n[listeners.free]\nbind = \"127.0.0.1:0\"\npool = \"web\"\n"
      "[limits.all]\nmax_connections = 1\ndry_run = true\n";
  const WeirProcess weir(configuration);
  const std::vector<Socket> open = [&] {
    std::vector<Socket> sockets;
    for (int i = 0; i < 3; ++i) sockets.push_back(served_and_open(weir, "127.0.0.2"));
    return sockets;
  }();
  std::map<std::string, json> by_name;
  const json document = shown(weir, "/v1/limits");
  for (const json& one : document.at("limits")) by_name[one.at("name")] = one;
  ASSERT_EQ(by_name.size(), 2u) << document;
  const json all = by_name["limits.all"];
  EXPECT_THAT(all.at("listeners").get<std::vector<std::string>>(),
              testing::UnorderedElementsAre("web", "other"));
  EXPECT_EQ(all.at("dry_run"), true);
  EXPECT_EQ(all.at("connections"), 1) << "who is over a limit that only counts does not count towards it";
  const json free = by_name["listeners.free.limits"];
  for (const char* off : {"connections", "max_connections", "connection_rate", "connection_burst_used",
                          "client_max_connections", "client_connection_burst", "upload_rate"}) {
    EXPECT_EQ(free.at(off), nullptr) << off;
  }
}

TEST_F(Admin, DrainsABackendWhoseSessionsStayAndKeepsItSoOverAReload) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  const WeirProcess weir(configuration_of({entry(a.address(), "a"), entry(b.address(), "b")}));
  Held held = hold_at(weir, "a");
  ASSERT_TRUE(is(200, weir.admin().ask("PATCH", backend_path("a"), R"({"state": "drain"})")));
  EXPECT_EQ(facts_of(weir, "a").state, "drain");
  EXPECT_EQ(ask_in_turn(weir, 10).of("b"), 10u);
  ASSERT_TRUE(is(200, reload(weir)));
  EXPECT_EQ(facts_of(weir, "a").state, "drain") << "the file says the same as before";
  EXPECT_EQ(ask_in_turn(weir, 10).of("b"), 10u);
  expect_goes_on(held);
  ASSERT_TRUE(is(200, weir.admin().ask("PATCH", backend_path("a"), R"({"state": "up"})")));
  EXPECT_EQ(ask_in_turn(weir, 10).of("a"), 5u);
  ASSERT_TRUE(eventually([&] { return events_of(weir, "command", "a").size() == 2; }));
  const auto commands = events_of(weir, "command", "a");
  EXPECT_EQ(commands[0].text("mode"), "drain");
  EXPECT_TRUE(is(404, weir.admin().ask("PATCH", backend_path("c"), R"({"state": "up"})")));
  EXPECT_TRUE(is(404, weir.admin().ask("PATCH", "/v1/pools/no/backends/a", R"({"state": "up"})")));
}

TEST_F(Admin, ChangesAWeightUntilTheFileSaysAnother) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  const auto with_weight = [&](unsigned weight) {
    return configuration_of({entry(a.address(), "a", weight), entry(b.address(), "b")});
  };
  const WeirProcess weir(with_weight(1));
  ASSERT_TRUE(is(200, weir.admin().ask("PATCH", backend_path("a"), R"({"weight": 4})")));
  EXPECT_EQ(ask_in_turn(weir, 50).of("a"), 40u);
  ASSERT_TRUE(is(200, reload(weir)));
  EXPECT_EQ(ask_in_turn(weir, 50).of("a"), 40u);
  EXPECT_EQ(shown(weir, backend_path("a")).at("weight"), 4);
  ASSERT_TRUE(is(200, reload_with(weir, with_weight(2))));
  EXPECT_EQ(ask_in_turn(weir, 30).of("a"), 20u);
  ASSERT_TRUE(is(200, weir.admin().ask("PATCH", backend_path("a"), R"({"weight": 0})")));
  EXPECT_EQ(ask_in_turn(weir, 10).of("b"), 10u);
  EXPECT_TRUE(is(400, weir.admin().ask("PATCH", backend_path("a"), R"({"weight": 257})")));
}

TEST_F(Admin, AddsABackendThatIsCheckedAndServes) {
  CheckedBackend a("a");
  CheckedBackend b("b");
  Configuration configuration = configuration_of({entry(a.address(), "a")});
  configuration.rest =
      "[pools.web.health]\ntype = \"http\"\ninterval = \"1s\"\ntimeout = \"1s\"\nfall = 1\nhttp = { path "
      "= \"/\" }\n";
  const WeirProcess weir(configuration);
  const std::string added = R"({"name": "b", "weight": 3, "address": ")" + b.address().to_string() + "\"}";
  ASSERT_TRUE(is(200, weir.admin().ask("POST", kBackends, added)));
  EXPECT_EQ(ask_in_turn(weir, 40).of("b"), 30u) << "at once";
  EXPECT_TRUE(eventually([&] { return facts_of(weir, "b").checks_passed > 0; }));
  EXPECT_EQ(wait_for_event_of(weir, "backend_added", "b").text("pool"), "web");
  EXPECT_EQ(error_of(weir.admin().ask("POST", kBackends, added)), "there is a backend \"b\" already");
  ASSERT_TRUE(is(200, reload(weir)));
  b.answer_checks(kHttpUnavailable);
  EXPECT_TRUE(becomes(weir, "b", "down"));
  EXPECT_EQ(ask_in_turn(weir, 10).of("a"), 10u);
  b.answer_checks(kHttpOk);
  EXPECT_TRUE(becomes(weir, "b", "up"));
  ASSERT_TRUE(is(200, weir.admin().ask("DELETE", backend_path("b"))));
  EXPECT_EQ(ask_in_turn(weir, 10).of("a"), 10u);
  EXPECT_TRUE(is(404, weir.admin().ask("DELETE", backend_path("b"))));
  EXPECT_TRUE(is(404, weir.admin().ask("POST", "/v1/pools/no/backends", added)));
}

TEST_F(Admin, LeavesOutABackendWhoseAddressHasBecomeAListenersByAReload) {
  Backend a(names_itself("a"));
  auto b = std::make_unique<Backend>(names_itself("b"));
  Configuration configuration = configuration_of({entry(a.address(), "a")});
  const WeirProcess weir(configuration);
  const base::Address address = b->address();
  const std::string added = R"({"name": "b", "address": ")" + address.to_string() + "\"}";
  ASSERT_TRUE(is(200, weir.admin().ask("POST", kBackends, added)));
  EXPECT_EQ(ask_in_turn(weir, 10).of("b"), 5u);
  b.reset();
  configuration.rest = "[listeners.second]\nbind = \"" + address.to_string() + "\"\npool = \"web\"\n";
  ASSERT_TRUE(is(200, reload_with(weir, configuration)));
  EXPECT_TRUE(eventually([&] {
    for (const LogLine& line : weir.events("configuration")) {
      if (line.text("backend") == "b" && line.text("msg").find("is left out") != std::string::npos)
        return true;
    }
    return false;
  }));
  EXPECT_EQ(ask_in_turn(weir, 10).of("a"), 10u) << "nobody goes round in a loop";
}

TEST_F(Admin, RefusesABackendThatLeadsBackToWeir) {
  Backend a(names_itself("a"));
  Configuration configuration = configuration_of({entry(a.address(), "a")});
  configuration.bind = "unix:" + directory.file("web.sock");
  const WeirProcess weir(configuration);
  const std::string own = R"({"name": "own", "address": ")" + configuration.bind + "\"}";
  EXPECT_TRUE(is(409, weir.admin().ask("POST", kBackends, own)));
  const std::string door = R"({"name": "door", "address": ")" + configuration.admin + "\"}";
  EXPECT_TRUE(is(409, weir.admin().ask("POST", kBackends, door))) << "its clients would be operators";
  std::filesystem::create_symlink(directory.file("web.sock"), directory.file("link"));
  const std::string link = R"({"name": "link", "address": "unix:)" + directory.file("link") + "\"}";
  EXPECT_THAT(error_of(weir.admin().ask("POST", kBackends, link)), HasSubstr("this process's own listener"));
  EXPECT_EQ(ask_in_turn(weir, 4).of("a"), 4u);
}

TEST_F(Admin, RemovesABackendWhoseSessionsMeetOnRemoved) {
  for (const bool closes : {false, true}) {
    Backend a(names_itself("a"));
    Backend b(names_itself("b"));
    Configuration configuration = configuration_of({entry(a.address(), "a"), entry(b.address(), "b")});
    if (closes) configuration.rest = "[pools.web.sessions]\non_removed = \"close\"\n";
    const WeirProcess weir(configuration);
    Held held = hold_at(weir, "a");
    const std::string client = held.socket.local().to_string();
    ASSERT_TRUE(is(200, weir.admin().ask("DELETE", backend_path("a"))));
    EXPECT_EQ(ask_in_turn(weir, 10).of("b"), 10u);
    if (closes) {
      EXPECT_EQ(held.socket.receive_until_end().ended, Ended::kReset);
      EXPECT_EQ(weir.wait_for_session_of(address_of(client)).text("reason"), "backend_removed");
    } else {
      EXPECT_EQ(facts_of(weir, "a").state_reason, "it no longer belongs to the pool");
      EXPECT_TRUE(is(404, weir.admin().ask("DELETE", backend_path("a"))));
      expect_goes_on(held);
    }
    EXPECT_TRUE(eventually([&] { return weir.admin().get(backend_path("a")).status == 404; }));
    ASSERT_TRUE(is(200, reload(weir)));
    EXPECT_EQ(ask_in_turn(weir, 10).of("b"), 10u) << "its entry is written as before";
    EXPECT_TRUE(is(409, weir.admin().ask("POST", kBackends, R"({"name": "a", "address": "127.0.0.9:1"})")));
    ASSERT_TRUE(is(200, reload_with(weir, configuration_of({entry(b.address(), "b")}))));
    ASSERT_TRUE(is(200, reload_with(weir, configuration)));
    EXPECT_EQ(ask_in_turn(weir, 10).of("a"), 5u) << "it was written anew";
  }
}

TEST_F(Admin, ChangesTheAddressOfANameButRemovesOnlyTheName) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  DnsServer dns;
  dns.set_addresses("app.test", 3'600, {"127.0.0.1"});
  const std::string name = "app.test:" + std::to_string(a.address().port());
  Configuration configuration = configuration_of({"\"" + name + "\"", entry(b.address(), "b")});
  configuration.rest = "[pools.web.resolve]\nservers = [\"" + dns.address().to_string() + "\"]\n";
  const WeirProcess weir(configuration);
  const std::string escaped = "app.test%3A" + std::to_string(a.address().port()) + "%40127.0.0.1";
  ASSERT_TRUE(is(200, weir.admin().ask("PATCH", backend_path(escaped), R"({"state": "maintenance"})")));
  EXPECT_EQ(facts_of(weir, name + "@127.0.0.1").state, "maintenance");
  EXPECT_EQ(ask_in_turn(weir, 6).of("b"), 6u);
  const HttpAnswer refused = weir.admin().ask("DELETE", backend_path(name + "@127.0.0.1"));
  EXPECT_TRUE(is(409, refused));
  EXPECT_THAT(error_of(refused), HasSubstr("drain it, or remove the name's entry \"" + name + "\""));
  ASSERT_TRUE(is(200, weir.admin().ask("DELETE", backend_path(name))));
  EXPECT_TRUE(is(404, weir.admin().get(backend_path(escaped))));
}

const std::string kDeny = "/v1/listeners/web/access/deny";
const std::string kAllow = "/v1/listeners/web/access/allow";

std::string network(const std::string& text) { return R"({"network": ")" + text + "\"}"; }

TEST_F(Admin, DeniesANetworkAtOnceAndUntilItIsTakenBack) {
  Backend backend(echo());
  const WeirProcess weir(configuration_of({entry(backend.address(), "a")}));
  Socket before = served_and_open(weir, "127.0.0.2");
  ASSERT_TRUE(is(200, weir.admin().ask("POST", kDeny, network("127.0.0.2"))));
  EXPECT_EQ(how_refused(weir, "127.0.0.2"), Ended::kReset);
  EXPECT_TRUE(is_served(weir, "127.0.0.3"));
  before.send_all("y");
  EXPECT_EQ(before.receive_exactly(1), "y") << "who is in stays";
  EXPECT_TRUE(is(200, weir.admin().ask("POST", kDeny, network("127.0.0.2/32")))) << "it is denied already";
  ASSERT_TRUE(is(200, reload(weir)));
  EXPECT_EQ(how_refused(weir, "127.0.0.2"), Ended::kReset) << "a reload keeps it";
  EXPECT_EQ(refused(weir, "denied"), 2u);
  ASSERT_TRUE(is(200, weir.admin().ask("DELETE", kDeny, network("127.0.0.2"))));
  EXPECT_TRUE(is_served(weir, "127.0.0.2"));
  const HttpAnswer again = weir.admin().ask("DELETE", kDeny, network("127.0.0.2"));
  EXPECT_TRUE(is(409, again));
  EXPECT_THAT(error_of(again), StartsWith("127.0.0.2/32 is none that was added here"));
}

TEST_F(Admin, AllowsANetworkOnlyBesideOthers) {
  Backend backend(echo());
  Configuration configuration = configuration_of({entry(backend.address(), "a")});
  const WeirProcess weir(configuration);
  const HttpAnswer alone = weir.admin().ask("POST", kAllow, network("127.0.0.4"));
  EXPECT_TRUE(is(409, alone));
  EXPECT_THAT(error_of(alone), StartsWith("the listener has no `allow`"));
  EXPECT_TRUE(is_served(weir, "127.0.0.3")) << "nobody is denied for it";
  EXPECT_TRUE(is(404, weir.admin().ask("POST", "/v1/listeners/no/access/deny", network("10.0.0.0/8"))));
  EXPECT_TRUE(is(400, weir.admin().ask("POST", kDeny, network("10.0.0.1/8"))));
  configuration.listener = "access.allow = [\"127.0.0.3\"]\n";
  ASSERT_TRUE(is(200, reload_with(weir, configuration)));
  EXPECT_EQ(how_refused(weir, "127.0.0.4"), Ended::kReset);
  ASSERT_TRUE(is(200, weir.admin().ask("POST", kAllow, network("127.0.0.4"))));
  EXPECT_TRUE(is_served(weir, "127.0.0.4"));
  EXPECT_EQ(how_refused(weir, "127.0.0.5"), Ended::kReset);
  configuration.listener = "";
  ASSERT_TRUE(is(200, reload_with(weir, configuration)));
  EXPECT_TRUE(is_served(weir, "127.0.0.5")) << "there is no list any more that it would be beside";
}

TEST_F(Admin, KeepsANetworkBesideAFileThatChanges) {
  Backend backend(echo());
  const std::string file = directory.write("denied", "127.0.0.5\n");
  Configuration configuration = configuration_of({entry(backend.address(), "a")});
  configuration.listener = "access.deny_files = [\"" + file + "\"]\n";
  const WeirProcess weir(configuration);
  ASSERT_TRUE(is(200, weir.admin().ask("POST", kDeny, network("127.0.0.2"))));
  directory.replace("denied", "127.0.0.6\n");
  ASSERT_TRUE(eventually([&] { return is_served(weir, "127.0.0.5"); }));
  EXPECT_EQ(how_refused(weir, "127.0.0.6"), Ended::kReset);
  EXPECT_EQ(how_refused(weir, "127.0.0.2"), Ended::kReset);
  directory.replace("denied", "127.0.0.1/8\nno network\n");
  const HttpAnswer wrong = weir.admin().ask("POST", kDeny, network("127.0.0.7"));
  EXPECT_TRUE(is(409, wrong));
  EXPECT_THAT(error_of(wrong), HasSubstr("denied:2")) << "not what is only warned of";
  EXPECT_EQ(how_refused(weir, "127.0.0.6"), Ended::kReset) << "the list before stays";
  EXPECT_TRUE(is_served(weir, "127.0.0.7"));
}

TEST_F(Admin, ManyNetworksAtOnceAreAllAnsweredAndInForce) {
  Backend backend(echo());
  const WeirProcess weir(configuration_of({entry(backend.address(), "a")}));
  in_parallel(8, 40, [&](std::size_t i) {
    const std::string host = "127.0.1." + std::to_string(i + 1);
    ASSERT_TRUE(is(200, weir.admin().ask("POST", kDeny, network(host))));
    EXPECT_EQ(how_refused(weir, host), Ended::kReset) << host;
  });
  EXPECT_TRUE(is_served(weir, "127.0.0.2"));
}

TEST_F(Admin, ChangesTheLevelOfTheLogUntilTheFileSaysAnother) {
  Backend a(names_itself("a"));
  Configuration configuration = configuration_of({entry(a.address(), "a")});
  const WeirProcess weir(configuration);
  const auto set_level = [&](const std::string& level) {
    return is(200, weir.admin().ask("PUT", "/v1/log/level", R"({"level": ")" + level + "\"}"));
  };
  // Leaves a line of the level "info".
  const auto set_weight = [&](unsigned weight) {
    return is(200,
              weir.admin().ask("PATCH", backend_path("a"), R"({"weight": )" + std::to_string(weight) + "}"));
  };
  const auto last_command = [&] {
    const auto commands = weir.events("command");
    return commands.empty() ? LogLine{} : commands.back();
  };
  ASSERT_TRUE(set_level("error"));
  EXPECT_EQ(shown(weir, "/v1/process").at("log_level"), "error");
  ASSERT_TRUE(set_weight(2));
  ASSERT_TRUE(is(200, reload(weir)));
  EXPECT_EQ(shown(weir, "/v1/process").at("log_level"), "error") << "the file says the same as before";
  ASSERT_TRUE(set_level("debug"));
  ASSERT_TRUE(set_weight(3));
  ASSERT_TRUE(eventually([&] { return last_command().number("weight") == 3; }));
  EXPECT_TRUE(weir.events("reload").empty());
  std::vector<std::string> levels;
  for (const LogLine& line : weir.events("command")) levels.push_back(line.text("log_level"));
  EXPECT_EQ(levels, (std::vector<std::string>{"error", "debug", ""})) << "and not the one of the weight 2";
  configuration.log = "level = \"warning\"\n";
  ASSERT_TRUE(is(200, reload_with(weir, configuration)));
  EXPECT_EQ(shown(weir, "/v1/process").at("log_level"), "warning");
  ASSERT_TRUE(set_level("info"));
}

TEST_F(Admin, ClosesASession) {
  Backend a(names_itself("a"));
  const WeirProcess weir(configuration_of({entry(a.address(), "a")}));
  Held closed = hold(weir);
  Held other = hold(weir, from("127.0.0.2"));
  const json found = shown(weir, "/v1/sessions?client=127.0.0.1").at("sessions");
  ASSERT_EQ(found.size(), 1u);
  const std::string path = "/v1/sessions/" + found.at(0).at("id").get<std::string>();
  ASSERT_TRUE(is(200, weir.admin().ask("DELETE", path)));
  EXPECT_EQ(closed.socket.receive_until_end().ended, Ended::kReset);
  const LogLine line = weir.wait_for_session_of(address_of(found.at(0).at("client").get<std::string>()));
  EXPECT_EQ(line.text("reason"), "operator");
  EXPECT_EQ(line.text("id"), found.at(0).at("id"));
  EXPECT_TRUE(is(404, weir.admin().ask("DELETE", path)));
  EXPECT_TRUE(is(404, weir.admin().get(path)));
  EXPECT_EQ(weir.admin().sum("weir_sessions_closed_total", {{"reason", "operator"}}), 1u);
  expect_goes_on(other);
}

TEST_F(Admin, ReloadsAndSaysWhatHasChangedOrEveryProblem) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  Configuration configuration = configuration_of({entry(a.address(), "a")});
  const WeirProcess weir(configuration);
  Configuration changed = configuration;
  changed.pool = "retries = 5\n";
  const HttpAnswer good = reload_with(weir, changed);
  ASSERT_TRUE(is(200, good));
  const json report = json::parse(good.body);
  ASSERT_EQ(report.at("changes").size(), 1u);
  EXPECT_EQ(report.at("changes").at(0).at("setting"), "pools.web.retries");
  EXPECT_EQ(report.at("changes").at(0).at("before"), "2");
  EXPECT_EQ(report.at("changes").at(0).at("after"), "5");
  EXPECT_THAT(report.at("changes").at(0).at("place").get<std::string>(), HasSubstr("weir.toml:"));
  EXPECT_EQ(report.at("problems"), json::array());

  Configuration broken = configuration_of({entry(b.address(), "b")});
  broken.process = "drain_timeout = \"soon\"\n";
  broken.pool = "retries = 99\n";
  broken.listener = "nothing = 1\n";
  const HttpAnswer bad = reload_with(weir, broken);
  ASSERT_TRUE(is(409, bad));
  std::string texts;
  const json problems = json::parse(bad.body).at("problems");
  for (const json& one : problems) texts += one.at("text").get<std::string>() + "\n";
  EXPECT_EQ(problems.size(), 3u) << texts;
  for (const char* setting :
       {"process.drain_timeout", "unknown key \"nothing\" in [listeners.web]", "pools.web.retries"}) {
    EXPECT_THAT(texts, HasSubstr(setting));
  }
  EXPECT_EQ(ask_in_turn(weir, 4).of("a"), 4u);
  EXPECT_EQ(shown(weir, backend_path("a")).at("sessions_total"), 4);
}

TEST_F(Admin, SaysWhatAReloadDoesToTheSessionsOfBackendsThatAreGone) {
  const std::set<std::string> counts = {"sessions_kept", "sessions_draining", "sessions_closing"};
  for (const auto& [fate, what] :
       {std::pair("keep", "sessions_kept"), std::pair("drain 1h", "sessions_draining"),
        std::pair("close", "sessions_closing")}) {
    SCOPED_TRACE(fate);
    Backend a(names_itself("a"));
    Backend b(names_itself("b"));
    const auto removing = [&](const std::string& backend) {
      Configuration configuration = configuration_of({backend});
      configuration.rest = "[pools.web.sessions]\non_removed = \"" + std::string(fate) + "\"\n";
      return configuration;
    };
    const WeirProcess weir(removing(entry(a.address(), "a")));
    std::vector<Held> held;
    for (int i = 0; i < 3; ++i) held.push_back(hold(weir));
    const HttpAnswer answer = reload_with(weir, removing(entry(b.address(), "b")));
    ASSERT_TRUE(is(200, answer));
    for (const std::string& count : counts) {
      EXPECT_EQ(json::parse(answer.body).at(count), count == what ? 3 : 0) << count;
    }
    for (Held& one : held) {
      if (std::string(fate) != "close") {
        expect_goes_on(one);
      } else {
        EXPECT_EQ(one.socket.receive_until_end().ended, Ended::kReset);
      }
    }
  }
}

// A pool whose names no server answers: the reload waits for them for a while.
class SlowReload : public Admin {
 protected:
  SlowReload() {
    auto silent = std::make_unique<DnsServer::Answer>();
    silent->mood = DnsServer::Mood::kSilent;
    dns.set_all(std::move(silent));
  }
  Configuration slow(const std::string& name) const {
    Configuration configuration = configuration_of({entry(a.address(), "a")});
    configuration.rest =
        "[listeners.slow]\nbind = \"127.0.0.1:0\"\npool = \"slow\"\n[pools.slow]\nbackends = [\"" + name +
        ".test:80\"]\n[pools.slow.resolve]\nservers = [\"" + dns.address().to_string() + "\"]\n";
    return configuration;
  }
  Backend a{names_itself("a")};
  DnsServer dns;
};

TEST_F(SlowReload, KeepsNobodyElseWaiting) {
  const WeirProcess weir(configuration_of({entry(a.address(), "a")}));
  std::ofstream(weir.config_path()) << slow("one").to_toml();
  std::atomic<bool> is_over{false};
  std::vector<HttpAnswer> answers(2);
  std::vector<Background> asking;
  for (HttpAnswer& answer : answers) {
    asking.emplace_back([&] {
      answer = reload(weir);
      is_over = true;
    });
  }
  int looks = 0;
  ASSERT_TRUE(eventually([&] {
    if (is_over) return true;
    EXPECT_TRUE(is(200, weir.admin().get("/ready")));
    EXPECT_TRUE(is(200, weir.admin().get("/metrics")));
    EXPECT_TRUE(is(200, weir.admin().get("/v1/sessions")));
    EXPECT_EQ(ask_in_turn(weir, 1).of("a"), 1u);
    ++looks;
    return false;
  }));
  EXPECT_GT(looks, 5) << "it took no time";
  for (Background& one : asking) one.join();
  for (const HttpAnswer& answer : answers) EXPECT_TRUE(is(200, answer));
  EXPECT_EQ(shown(weir, "/v1/pools/slow").at("backends").size(), 1u);
}

TEST_F(SlowReload, IsAnsweredWhenWeirIsToldToStopMeanwhile) {
  WeirProcess weir(configuration_of({entry(a.address(), "a")}));
  std::ofstream(weir.config_path()) << slow("one").to_toml();
  Held held = hold(weir);
  HttpAnswer answer;
  Background asking([&] { answer = reload(weir); });
  ASSERT_TRUE(eventually([&] { return dns.questions() > 0; }));
  ASSERT_TRUE(is(200, weir.admin().ask("POST", "/v1/drain")));
  asking.join();
  EXPECT_TRUE(is(503, answer));
  EXPECT_TRUE(is(503, reload(weir)));
  expect_goes_on(held);
  EXPECT_EQ(weir.wait().value_or(Exit{}).status, kClean);
}

// The upgrade has not begun: the reload comes first.
TEST_F(SlowReload, AStopGivesUpAnUpgradeThatWaitsForIt) {
  WeirProcess weir(configuration_of({entry(a.address(), "a")}));
  std::ofstream(weir.config_path()) << slow("one").to_toml();
  Background asking([&] { static_cast<void>(reload(weir)); });
  ASSERT_TRUE(eventually([&] { return dns.questions() > 0; }));
  HttpAnswer answer;
  Background upgrading([&] { answer = weir.admin().ask("POST", "/v1/upgrade"); });
  ASSERT_TRUE(eventually([&] { return weir.events("command").size() == 2; }));
  weir.terminate();
  upgrading.join();
  asking.join();
  EXPECT_TRUE(is(409, answer));
  EXPECT_EQ(error_of(answer), "Weir is stopping");
  EXPECT_EQ(weir.wait().value_or(Exit{}).status, kClean);
  for (const LogLine& line : weir.events("upgrade"))
    EXPECT_NE(line.text("msg"), "the new process is started");
}

TEST_F(Admin, DrainsWeir) {
  Backend a(names_itself("a"));
  WeirProcess weir(configuration_of({entry(a.address(), "a")}));
  Held held = hold(weir);
  ASSERT_TRUE(is(200, weir.admin().ask("POST", "/v1/drain")));
  EXPECT_TRUE(is(503, weir.admin().get("/ready")));
  EXPECT_EQ(shown(weir, "/v1/process").at("state"), "draining");
  expect_goes_on(held);
  EXPECT_EQ(weir.wait().value_or(Exit{}).status, kClean);
}

// Over TCP, with a token in a file.
class AdminByTcp : public Admin {
 protected:
  static constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

  Configuration by_tcp(const std::string& more = "") {
    Configuration configuration = configuration_of({entry(backend.address(), "a")});
    configuration.admin = "127.0.0.1:0";
    configuration.door = more;
    return configuration;
  }
  Configuration with_token(const std::string& more = "") {
    return by_tcp("token_file = \"" + directory.file("token") + "\"\n" + more);
  }
  static HttpAnswer change(const WeirProcess& weir, HttpAsking asking) {
    asking.body = R"({"state": "up"})";
    return weir.admin().ask("PATCH", backend_path("a"), asking);
  }
  Backend backend{echo()};
};

TEST_F(AdminByTcp, OnlyShowsWithoutAToken) {
  const WeirProcess weir(by_tcp());
  EXPECT_TRUE(is(200, weir.admin().get("/v1/pools")));
  EXPECT_TRUE(is(403, change(weir, {})));
  EXPECT_TRUE(is(403, change(weir, {.token = kToken})));
  EXPECT_TRUE(is(403, weir.admin().ask("POST", "/v1/drain")));
}

TEST_F(AdminByTcp, ChangesForWhoHasTheTokenOfTheFileAsItIsNow) {
  directory.write("token", std::string(kToken) + "\n");
  const WeirProcess weir(with_token());
  EXPECT_TRUE(is(401, change(weir, {})));
  EXPECT_TRUE(is(401, change(weir, {.token = "fedcba9876543210"})));
  EXPECT_TRUE(is(200, change(weir, {.token = kToken})));
  EXPECT_TRUE(is(200, weir.admin().get("/v1/pools"))) << "reading is free on this machine";
  EXPECT_TRUE(is(415, change(weir, {.token = kToken, .lines = "Content-Type: text/plain\r\n"})));
  EXPECT_TRUE(is(403, change(weir, {.token = kToken, .lines = "Origin: http://evil.example\r\n"})));
  EXPECT_TRUE(is(
      403, weir.admin().ask("GET", "/v1/sessions", HttpAsking{.lines = "Sec-Fetch-Site: cross-site\r\n"})));

  directory.write("token", "another token that is long");
  EXPECT_TRUE(is(409, weir.admin().ask("POST", "/v1/reload", HttpAsking{.token = kToken}))) << "no token";
  EXPECT_TRUE(is(200, change(weir, {.token = kToken})));
  directory.write("token", "fedcba9876543210");
  EXPECT_TRUE(is(200, weir.admin().ask("POST", "/v1/reload", HttpAsking{.token = kToken})));
  EXPECT_TRUE(is(401, change(weir, {.token = kToken})));
  EXPECT_TRUE(is(200, change(weir, {.token = "fedcba9876543210"})));
}

TEST_F(AdminByTcp, AnswersToItsNamesOnly) {
  Reloaded weir(by_tcp("hosts = [\"weir\"]\n"));
  const auto status = [&](const char* host) {
    return weir->admin().ask("GET", "/ready", HttpAsking{.host = host}).status;
  };
  for (const char* own : {"localhost", "127.0.0.1:9900", "weir:80", "WEIR"}) {
    EXPECT_EQ(status(own), 200) << own;
  }
  EXPECT_EQ(status("evil.example"), 421);
  weir.well(by_tcp("hosts = [\"other\"]\n"));
  EXPECT_EQ(status("weir"), 421);
  EXPECT_EQ(status("other"), 200);
}

TEST_F(AdminByTcp, ShowsOnlyReadinessToOthersWhereItStandsOpen) {
  directory.write("token", kToken);
  Configuration configuration = with_token();
  configuration.admin = "0.0.0.0:0";
  const WeirProcess weir(configuration);
  const AdminDoor door(address_of("127.0.0.1:" + std::to_string(weir.admin().address().port())));
  EXPECT_TRUE(is(200, door.get("/ready")));
  for (const char* path : {"/metrics", "/v1/pools", "/nothing"}) {
    EXPECT_TRUE(is(401, door.get(path))) << path;
  }
  EXPECT_TRUE(is(200, door.ask("GET", "/metrics", HttpAsking{.token = kToken})));
}

TEST_F(AdminByTcp, DoesNotStartWithATokenThatIsNone) {
  directory.write("token", "short");
  const WeirRun run = run_weir_on(with_token().to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("admin.token_file: "));
  EXPECT_EQ(run_weir_on(by_tcp("token_file = \"/nonexistent/token\"\n").to_toml()).exit.status, kNotStarted);
}

}  // namespace
}  // namespace weir::test
