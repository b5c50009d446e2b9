// Names as backends, against a name server of the test's own: what a changed answer does to backends and
// sessions, what failures leave as it is, and what is told of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "support/asking.h"
#include "support/checked_backend.h"
#include "support/dns_server.h"
#include "support/namespaces.h"
#include "support/pool_facts.h"

namespace weir::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

// The least that Weir takes for one.
constexpr std::uint32_t kSecond = 1;
constexpr std::uint32_t kLong = 3'600;
constexpr const char* kName = "app.test";
constexpr const char* kService = "_http._tcp.app.test";

// Backends a, b, c ... on one port of 127.0.0.2, 127.0.0.3, ..., since the addresses of a name share its
// port.
class Row {
 public:
  explicit Row(std::size_t count) {
    for (int tries = 0; backends_.size() < count; ++tries) {
      try {
        add();
      } catch (const SocketError&) {
        if (tries == 50) throw;
        backends_.clear();
      }
    }
  }

  CheckedBackend& operator[](std::size_t i) { return *backends_.at(i); }
  void remove(std::size_t i) { backends_.at(i).reset(); }
  std::uint16_t port() const { return port_; }
  static std::string ip(std::size_t i) { return "127.0.0." + std::to_string(i + 2); }

  // What Weir calls it.
  std::string called(std::size_t i) const { return written() + "@" + ip(i); }
  std::string written() const { return std::string(kName) + ":" + std::to_string(port_); }

 private:
  void add() {
    const std::size_t i = backends_.size();
    const std::string port = i == 0 ? "0" : std::to_string(port_);
    backends_.push_back(std::make_unique<CheckedBackend>(std::string(1, static_cast<char>('a' + i)),
                                                         address_of(ip(i) + ":" + port)));
    port_ = backends_.back()->address().port();
  }

  std::vector<std::unique_ptr<CheckedBackend>> backends_;
  std::uint16_t port_ = 0;
};

std::string servers_of(const DnsServer& dns) { return "servers = [\"" + dns.address().to_string() + "\"]"; }

Configuration configuration_of(const DnsServer& dns, const std::string& backend,
                               const std::string& resolve = "", const std::string& tables = "") {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {"\"" + backend + "\""};
  configuration.rest = "[pools.web.resolve]\n" + servers_of(dns) + "\n" + resolve + tables;
  return configuration;
}

json names_of(const WeirProcess& weir) {
  const json document = json::parse(weir.admin().get("/v1/pools").body);
  return document.at("pools").at(0).at("names");
}

std::vector<std::string> backends_of(const WeirProcess& weir) {
  std::vector<std::string> names;
  const json document = json::parse(weir.admin().get("/v1/pools").body);
  for (const json& one : document.at("pools").at(0).at("backends")) names.push_back(one.at("name"));
  return names;
}

bool backends_become(const WeirProcess& weir, const std::vector<std::string>& expected) {
  return eventually([&] {
    auto names = backends_of(weir);
    std::sort(names.begin(), names.end());
    return names == expected;
  });
}

// Waits for a line "name" whose message, or reason, has `words` in it.
LogLine wait_for_name(const WeirProcess& weir, const std::string& words) {
  LogLine found;
  const bool is_there = eventually([&] {
    for (const LogLine& line : weir.events("name")) {
      if ((line.text("msg") + " " + line.text("reason")).find(words) == std::string::npos) continue;
      found = line;
      return true;
    }
    return false;
  });
  EXPECT_TRUE(is_there) << "no line \"name\" says: " << words;
  return found;
}

// A client of a held session is still served: its backend ends the stream when it does.
void expect_goes_on(Held& held) {
  held.socket.end_stream();
  EXPECT_EQ(held.socket.receive_until_end().ended, Ended::kEndOfStream);
}

TEST(Names, TheFirstClientFindsTheBackendOfANameThatIsAnsweredPromptly) {
  Row row(1);
  DnsServer dns;
  dns.set_addresses(kName, kLong, {Row::ip(0)});
  const WeirProcess weir(configuration_of(dns, row.written()));
  EXPECT_EQ(ask(weir).bytes, "a");
  EXPECT_EQ(backends_of(weir), std::vector<std::string>{row.called(0)});
  EXPECT_TRUE(weir.events("configuration").empty());
  const LogLine line = wait_for_name(weir, "a new answer");
  EXPECT_EQ(line.level, "info");
  EXPECT_EQ(line.text("pool"), "web");
  EXPECT_EQ(line.text("name"), row.written());
  EXPECT_EQ(line.text("addresses"), Row::ip(0) + ":" + std::to_string(row.port()));
  EXPECT_EQ(line.number("ttl"), kLong);
}

TEST(Names, ANewAddressGetsItsShareOnceTheOldAnswerIsOver) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  const WeirProcess weir(configuration_of(dns, row.written()));
  EXPECT_EQ(ask_in_turn(weir, 4).of("a"), 4u);
  dns.set_addresses(kName, kSecond, {Row::ip(0), Row::ip(1)});
  ASSERT_TRUE(backends_become(weir, {row.called(0), row.called(1)}));
  const Tally tally = ask_in_turn(weir, 20);
  EXPECT_EQ(tally.of("a"), 10u);
  EXPECT_EQ(tally.of("b"), 10u);
  EXPECT_EQ(wait_for_event_of(weir, "backend_added", row.called(1)).number("backends"), 2u);
}

TEST(Names, AnAddressThatIsGoneGetsNoNewSessionsAndKeepsItsOwn) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  const WeirProcess weir(
      configuration_of(dns, row.written(), "", "[pools.web.sessions]\non_removed = \"keep\"\n"));
  Held held = hold(weir);
  ASSERT_EQ(held.name, "a");
  dns.set_addresses(kName, kSecond, {Row::ip(1)});
  wait_for_event_of(weir, "backend_removed", row.called(0));
  EXPECT_EQ(ask_in_turn(weir, 10).of("b"), 10u);
  EXPECT_EQ(facts_of(weir, row.called(0)).state, "drain");
  EXPECT_EQ(facts_of(weir, row.called(0)).in_flight, 1u);
  expect_goes_on(held);
  ASSERT_TRUE(backends_become(weir, {row.called(1)})) << "it is forgotten with its last session";
}

TEST(Names, OnRemovedClosesTheSessionsOfAnAddressThatIsGone) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  const WeirProcess weir(
      configuration_of(dns, row.written(), "", "[pools.web.sessions]\non_removed = \"close\"\n"));
  Held held = hold(weir);
  dns.set_addresses(kName, kSecond, {Row::ip(1)});
  EXPECT_EQ(held.socket.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "backend_removed");
}

TEST(Names, OnRemovedDrainsForItsTimeAndThenCloses) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  const WeirProcess weir(
      configuration_of(dns, row.written(), "", "[pools.web.sessions]\non_removed = \"drain 4s\"\n"));
  Held held = hold(weir);
  const auto before = Clock::now();
  dns.set_addresses(kName, kSecond, {Row::ip(1)});
  wait_for_event_of(weir, "backend_removed", row.called(0));
  EXPECT_EQ(held.socket.receive_until_end().ended, Ended::kReset);
  EXPECT_GE(Clock::now() - before, Millis(4000)) << "it was not left its time";
  EXPECT_EQ(weir.wait_for_session().text("reason"), "backend_removed");
}

TEST(Names, AnAddressThatComesBackBeforeItsTimeIsOverKeepsItsSessions) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  const WeirProcess weir(
      configuration_of(dns, row.written(), "", "[pools.web.sessions]\non_removed = \"drain 1m\"\n"));
  Held held = hold(weir);
  dns.set_addresses(kName, kSecond, {Row::ip(1)});
  wait_for_event_of(weir, "backend_removed", row.called(0));
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  wait_for_event_of(weir, "backend_added", row.called(0));
  EXPECT_EQ(facts_of(weir, row.called(0)).in_flight, 1u);
  EXPECT_EQ(facts_of(weir, row.called(0)).sessions, 1u);
  expect_goes_on(held);
}

TEST(Names, AnAddressThatIsBackWithALaterAnswerKeepsItsStateAndItsCounters) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0), Row::ip(1)});
  const WeirProcess weir(configuration_of(
      dns, row.written(), "",
      "[pools.web.health]\ntype = \"http\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\nfall = 2\n"));
  EXPECT_EQ(ask_in_turn(weir, 10).of("b"), 5u);
  row[1].answer_checks(kHttpUnavailable);
  ASSERT_TRUE(becomes(weir, row.called(1), "down"));
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  ASSERT_TRUE(backends_become(weir, {row.called(0)}));
  dns.set_addresses(kName, kSecond, {Row::ip(0), Row::ip(1)});
  ASSERT_TRUE(backends_become(weir, {row.called(0), row.called(1)}));
  // It was added by the first answer too.
  ASSERT_TRUE(eventually([&] { return events_of(weir, "backend_added", row.called(1)).size() == 2; }));
  EXPECT_EQ(events_of(weir, "backend_added", row.called(1)).back().text("state"), "down");
  EXPECT_EQ(facts_of(weir, row.called(1)).sessions, 5u);
  EXPECT_EQ(ask_in_turn(weir, 10).of("a"), 10u);
  row[1].answer_checks(kHttpOk);
  ASSERT_TRUE(becomes(weir, row.called(1), "up")) << "it is checked again";
}

TEST(Names, AnAddressThatStaysKeepsItsStateAndItsCounters) {
  Row row(3);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0), Row::ip(1)});
  const WeirProcess weir(configuration_of(
      dns, row.written(), "",
      "[pools.web.health]\ntype = \"http\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\nfall = 2\n"));
  EXPECT_EQ(ask_in_turn(weir, 10).of("a"), 5u);
  row[1].answer_checks(kHttpUnavailable);
  ASSERT_TRUE(becomes(weir, row.called(1), "down"));
  Held held = hold(weir);
  ASSERT_EQ(held.name, "a");
  dns.set_addresses(kName, kSecond, {Row::ip(0), Row::ip(1), Row::ip(2)});
  ASSERT_TRUE(backends_become(weir, {row.called(0), row.called(1), row.called(2)}));
  EXPECT_EQ(facts_of(weir, row.called(0)).sessions, 6u);
  EXPECT_EQ(facts_of(weir, row.called(0)).in_flight, 1u);
  EXPECT_EQ(facts_of(weir, row.called(1)).state, "down");
  EXPECT_EQ(facts_of(weir, row.called(1)).sessions, 5u);
  ASSERT_TRUE(eventually([&] { return facts_of(weir, row.called(2)).checks_passed > 0; }))
      << "a new one is checked like the others";
  EXPECT_TRUE(events_of(weir, "backend_removed", row.called(0)).empty());
  expect_goes_on(held);
}

TEST(Names, TheSameAnswerInAnotherOrderChangesNothing) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0), Row::ip(1)});
  const WeirProcess weir(configuration_of(dns, row.written()));
  dns.set_addresses(kName, kSecond, {Row::ip(1), Row::ip(0)});
  const std::size_t asked = dns.questions(kName, kDnsA);
  ASSERT_TRUE(eventually([&] { return dns.questions(kName, kDnsA) >= asked + 2; }));
  EXPECT_EQ(weir.events("name").size(), 1u) << "the first answer only";
  EXPECT_EQ(ask_in_turn(weir, 10).served(), 10u);
}

void expect_held_while(const DnsServer::Answer& answer, const std::string& reason) {
  Row row(1);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  const WeirProcess weir(configuration_of(dns, row.written()));
  ASSERT_EQ(ask(weir).bytes, "a");
  dns.set_both(kName, answer);
  const LogLine line = wait_for_name(weir, reason);
  EXPECT_EQ(line.level, "warning");
  EXPECT_EQ(line.text("msg"), "its last answer is kept");
  EXPECT_EQ(line.number("count"), 1u);
  EXPECT_EQ(ask_in_turn(weir, 10).of("a"), 10u);
  ASSERT_TRUE(eventually([&] { return names_of(weir).at(0).contains("error"); }));
  EXPECT_THAT(names_of(weir).at(0).at("error").get<std::string>(), HasSubstr(reason));
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  EXPECT_EQ(wait_for_name(weir, "answered again").level, "info");
  EXPECT_EQ(events_of(weir, "backend_removed", row.called(0)).size(), 0u);
}

TEST(NamesThatFail, TheLastAnswerIsKeptWhenTheNameIsSaidNotToExist) {
  DnsServer::Answer answer;
  answer.rcode = kDnsNxDomain;
  expect_held_while(answer, "NXDOMAIN");
}

TEST(NamesThatFail, TheLastAnswerIsKeptWhenTheNameServerFails) {
  DnsServer::Answer answer;
  answer.rcode = kDnsServFail;
  expect_held_while(answer, "SERVFAIL");
}

TEST(NamesThatFail, TheLastAnswerIsKeptWhenTheNameServerIsSilent) {
  DnsServer::Answer answer;
  answer.mood = DnsServer::Mood::kSilent;
  expect_held_while(answer, "no name server answered");
}

TEST(NamesThatFail, TheLastAnswerIsKeptWhenTheNameHasNoAddressesAnyMore) {
  expect_held_while({}, "no address");
}

TEST(NamesThatFail, AnAnswerThatIsNotToBeHeldGoesWithTheName) {
  Row row(1);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  const WeirProcess weir(configuration_of(dns, row.written(), "hold_last_good = false\n"));
  ASSERT_EQ(ask(weir).bytes, "a");
  dns.remove(kName);
  ASSERT_TRUE(backends_become(weir, {row.written()}));
  EXPECT_EQ(facts_of(weir, row.written()).state, "down");
  EXPECT_THAT(facts_of(weir, row.written()).state_reason, HasSubstr("NXDOMAIN"));
  EXPECT_EQ(ask(weir).ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_sessions(2).back().text("reason"), "no_backend");
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  ASSERT_TRUE(backends_become(weir, {row.called(0)}));
  EXPECT_EQ(ask(weir).bytes, "a");
}

TEST(NamesThatFail, WeirStartsWithoutTheNameAndServesOnceItIsThere) {
  Row row(1);
  DnsServer dns;
  const WeirProcess weir(configuration_of(dns, row.written()));
  EXPECT_EQ(wait_for_name(weir, "NXDOMAIN").text("msg"), "it has no backend until it is answered");
  EXPECT_THAT(facts_of(weir, row.written()).state_reason, HasSubstr("NXDOMAIN"));
  EXPECT_EQ(ask(weir).ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "no_backend");
  dns.set_addresses(kName, kLong, {Row::ip(0)});
  ASSERT_TRUE(backends_become(weir, {row.called(0)}));
  EXPECT_EQ(facts_of(weir, row.called(0)).state, "up");
  EXPECT_EQ(ask(weir).bytes, "a");
}

TEST(NamesThatFail, ASilentNameServerDelaysTheStartOnlyForAMoment) {
  Row row(1);
  DnsServer dns;
  auto silent = std::make_unique<DnsServer::Answer>();
  silent->mood = DnsServer::Mood::kSilent;
  dns.set_all(std::move(silent));
  Configuration configuration = configuration_of(dns, row.written());
  configuration.backends.push_back(entry(row[0].address(), "literal"));
  const WeirProcess weir(configuration);
  EXPECT_EQ(ask(weir).bytes, "a") << "the other backend serves";
  EXPECT_EQ(facts_of(weir, row.written()).state, "down");
  EXPECT_EQ(facts_of(weir, "literal").state, "up");
  EXPECT_THAT(wait_for_name(weir, "no name server answered").text("reason"), HasSubstr(kName));
}

TEST(NamesThatMove, AConnectThatFailsBringsTheNextQuestionForward) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kLong, {Row::ip(0)});
  const WeirProcess weir(configuration_of(dns, row.written()));
  ASSERT_EQ(ask(weir).bytes, "a");
  dns.set_addresses(kName, kLong, {Row::ip(1)});
  row.remove(0);
  ASSERT_TRUE(eventually([&] { return ask(weir).bytes == "b"; }));
  EXPECT_LE(dns.questions(kName, kDnsA), 6u);
}

TEST(NamesThatMove, ACheckThatFailsDoesSoWithoutAnyClient) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kLong, {Row::ip(0)});
  const WeirProcess weir(
      configuration_of(dns, row.written(), "",
                       "[pools.web.health]\ntype = \"tcp\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\n"));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, row.called(0)).checks_passed > 0; }));
  EXPECT_EQ(dns.questions(kName, kDnsA), 1u);
  row.remove(0);
  ASSERT_TRUE(becomes(weir, row.called(0), "down"));
  dns.set_addresses(kName, kLong, {Row::ip(1)});
  ASSERT_TRUE(backends_become(weir, {row.called(1)}));
  EXPECT_EQ(ask(weir).bytes, "b");
}

TEST(NamesThatMove, AStoppedWeirFollowsOnceItGoesOn) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  WeirProcess weir(configuration_of(dns, row.written()));
  ASSERT_EQ(ask(weir).bytes, "a");
  weir.child().freeze();
  dns.set_addresses(kName, kSecond, {Row::ip(1)});
  observe_for(Millis(7'000));  // more than a question may take
  weir.child().go_on();
  ASSERT_TRUE(backends_become(weir, {row.called(1)}));
  EXPECT_EQ(ask(weir).bytes, "b");
}

TEST(Services, WeightsAreSharesAndFurtherPrioritiesAreBackups) {
  CheckedBackend a("a");
  CheckedBackend b("b");
  CheckedBackend c("c");
  DnsServer dns;
  const auto record = [&](const CheckedBackend& to, std::uint16_t priority, std::uint16_t weight) {
    return srv_record(kService, kSecond, {priority, weight, to.address().port()}, "host.test");
  };
  DnsServer::Answer answer;
  answer.records = {record(a, 10, 3), record(b, 10, 1), record(c, 20, 0)};
  dns.set(kService, kDnsSrv, answer);
  dns.set_addresses("host.test", kSecond, {"127.0.0.1"});
  const WeirProcess weir(configuration_of(dns, kService, "use = \"srv\"\n"));
  const Tally tally = ask_in_turn(weir, 40);
  EXPECT_EQ(tally.of("a"), 30u);
  EXPECT_EQ(tally.of("b"), 10u);
  const auto called = [&](const CheckedBackend& one) {
    return std::string(kService) + "@" + one.address().to_string();
  };
  EXPECT_THAT(backends_of(weir), UnorderedElementsAre(called(a), called(b), called(c)));

  // The weight has changed, the counters stay.
  answer.records = {record(a, 10, 1), record(b, 10, 1), record(c, 20, 0)};
  dns.set(kService, kDnsSrv, answer);
  const auto line = [&](const std::string& name) {
    const json document = json::parse(weir.admin().get("/v1/pools").body);
    for (const json& one : document.at("pools").at(0).at("backends")) {
      if (one.at("name") == name) return one;
    }
    return json();
  };
  ASSERT_TRUE(eventually([&] { return line(called(a)).at("weight") == 1; }));
  EXPECT_EQ(line(called(a)).at("sessions_total"), 30u);
  EXPECT_EQ(line(called(c)).at("backup"), true);
  EXPECT_EQ(line(called(c)).at("weight"), 1);
  EXPECT_EQ(ask_in_turn(weir, 20).of("a"), 10u);

  // Only the one that was a backup is left.
  answer.records = {record(c, 20, 0)};
  dns.set(kService, kDnsSrv, answer);
  ASSERT_TRUE(backends_become(weir, {called(c)}));
  EXPECT_EQ(line(called(c)).at("backup"), false);
  EXPECT_EQ(ask(weir).bytes, "c");
}

TEST(Services, ARecordWithPortZeroIsLeftOutAndSaid) {
  CheckedBackend a("a");
  DnsServer dns;
  DnsServer::Answer answer;
  answer.records = {srv_record(kService, kLong, {0, 1, a.address().port()}, "host.test"),
                    srv_record(kService, kLong, {0, 1, 0}, "other.test")};
  dns.set(kService, kDnsSrv, answer);
  dns.set_addresses("host.test", kLong, {"127.0.0.1"});
  const WeirProcess weir(configuration_of(dns, kService, "use = \"srv\"\n"));
  EXPECT_EQ(ask_in_turn(weir, 4).of("a"), 4u);
  EXPECT_EQ(backends_of(weir).size(), 1u);
  EXPECT_EQ(wait_for_name(weir, "port 0").level, "warning");
  EXPECT_EQ(names_of(weir).at(0).at("notes").size(), 1u);
}

TEST(Services, ARecordThatSaysThereIsNoneTakesTheBackendsAway) {
  CheckedBackend a("a");
  DnsServer dns;
  DnsServer::Answer answer;
  answer.records = {srv_record(kService, kSecond, {0, 1, a.address().port()}, "host.test")};
  dns.set(kService, kDnsSrv, answer);
  dns.set_addresses("host.test", kSecond, {"127.0.0.1"});
  const WeirProcess weir(configuration_of(dns, kService, "use = \"srv\"\n"));
  ASSERT_EQ(ask(weir).bytes, "a");
  answer.records = {srv_record(kService, kSecond, {0, 0, 0}, ".")};
  dns.set(kService, kDnsSrv, answer);
  ASSERT_TRUE(backends_become(weir, {kService}));
  EXPECT_THAT(facts_of(weir, kService).state_reason, HasSubstr("no such service"));
}

TEST(Names, AnAddressThatIsWeirItselfIsLeftOut) {
  Row row(1);
  DnsServer dns;
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  Configuration configuration = configuration_of(dns, row.written());
  // Its own port, on another address of this host: free, or the test could not say anything.
  configuration.bind = "127.0.0.200:" + std::to_string(row.port());
  const WeirProcess weir(configuration);
  ASSERT_EQ(ask(weir).bytes, "a");
  dns.set_addresses(kName, kSecond, {Row::ip(0), "127.0.0.200"});
  const LogLine line = wait_for_name(weir, "loop");
  EXPECT_EQ(line.level, "warning");
  EXPECT_THAT(line.text("msg"), HasSubstr("this process's own listener \"web\""));
  EXPECT_EQ(ask_in_turn(weir, 10).of("a"), 10u);
  EXPECT_EQ(backends_of(weir), std::vector<std::string>{row.called(0)});
}

TEST(Names, AnAnswerOfTwoHundredAddressesMakesTwoHundredBackends) {
  Row row(1);
  DnsServer dns;
  DnsServer::Answer answer;
  answer.mood = DnsServer::Mood::kTruncates;
  for (int i = 1; i <= 200; ++i) {
    answer.records.push_back(a_record(kName, kSecond, "127.0.1." + std::to_string(i)));
  }
  dns.set(kName, kDnsA, answer);
  const WeirProcess weir(configuration_of(dns, row.written()));
  EXPECT_EQ(backends_of(weir).size(), 200u);
  EXPECT_EQ(weir.admin().sum("weir_resolve_addresses", {{"name", row.written()}}), 200u);
  EXPECT_THAT(wait_for_name(weir, "a new answer").text("addresses"), HasSubstr(" and 184 more"));
  dns.set_addresses(kName, kSecond, {Row::ip(0)});
  ASSERT_TRUE(backends_become(weir, {row.called(0)}));
  EXPECT_EQ(ask(weir).bytes, "a");
}

TEST(Names, TheStatusAndTheMetricsSayHowANameStands) {
  Row row(2);
  DnsServer dns;
  dns.set_addresses(kName, kLong, {Row::ip(0), Row::ip(1)});
  Configuration configuration = configuration_of(dns, row.written(), "interval = \"1s\"\n");
  configuration.backends = {"{ address = \"" + row.written() + "\", name = \"x\" }", entry(row[0].address())};
  const WeirProcess weir(configuration);
  EXPECT_THAT(backends_of(weir),
              UnorderedElementsAre("x@" + Row::ip(0), "x@" + Row::ip(1), row[0].address().to_string()));
  const json names = names_of(weir);
  ASSERT_EQ(names.size(), 1u) << "an address is no name";
  EXPECT_EQ(names[0].at("name"), "x");
  EXPECT_EQ(names[0].at("asked"), kName);
  EXPECT_EQ(names[0].at("type"), "a");
  const std::string port = ":" + std::to_string(row.port());
  EXPECT_EQ(names[0].at("addresses"), (json{Row::ip(0) + port, Row::ip(1) + port}));
  EXPECT_LE(names[0].at("next_question_in_ms"), 1'000);
  EXPECT_LE(names[0].at("last_answer_ms_ago"), 60'000);
  EXPECT_FALSE(names[0].contains("error"));
  const Labels labels{{"pool", "web"}, {"name", "x"}};
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_resolve_answers_total", labels) >= 3; }));
  EXPECT_EQ(weir.admin().sum("weir_resolve_failures_total", labels), 0u);
  EXPECT_EQ(weir.admin().sum("weir_resolve_addresses", labels), 2u);
  EXPECT_LE(weir.admin().sum("weir_resolve_age_seconds", labels), 60u);
  dns.remove(kName);
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_resolve_failures_total", labels) > 0; }));
  EXPECT_EQ(weir.admin().sum("weir_resolve_addresses", labels), 2u);
}

// A host whose only addresses are loopback asks for both families.
TEST(Names, AddressesOfBothFamiliesAreBackends) {
  if (const auto why = why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const NetworkNamespace host;
  const NetworkNamespace::Inside inside(host);
  CheckedBackend four("four", address_of("127.0.0.1:7001"));
  CheckedBackend six("six", address_of("[::1]:7001"));
  DnsServer dns;
  dns.set_addresses(kName, kLong, {"127.0.0.1", "::1"});
  const WeirProcess weir(configuration_of(dns, std::string(kName) + ":7001"));
  const Tally tally = ask_in_turn(weir, 10);
  EXPECT_EQ(tally.of("four"), 5u);
  EXPECT_EQ(tally.of("six"), 5u);
  EXPECT_THAT(backends_of(weir),
              UnorderedElementsAre(std::string(kName) + ":7001@127.0.0.1", std::string(kName) + ":7001@::1"));
}

}  // namespace
}  // namespace weir::test
