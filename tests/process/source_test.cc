// Source addresses: connections to backends come from those that are configured, in turn, as a backend on
// another host sees it; so do checks; and one that this host has lost is done without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "support/asking.h"
#include "support/backend.h"
#include "support/pool_facts.h"
#include "support/two_hosts.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

struct Family {
  std::string name;
  std::string backend;  // where it listens
  std::string length;   // of the network's prefix
  std::vector<std::string> sources;
};
void PrintTo(const Family& family, std::ostream* out) { *out << family.name; }

const Family kIpv4{
    "ipv4", std::string(kOtherHost) + ":0", "/24", {"198.18.0.11", "198.18.0.12", "198.18.0.13"}};
const Family kIpv6{
    "ipv6", "[" + std::string(kOtherHostV6) + "]:0", "/64", {"2001:2::11", "2001:2::12", "2001:2::13"}};

class Sources : public OnTwoHosts {
 protected:
  // Gives Weir's host the addresses.
  void have(const Family& family) const {
    for (const std::string& source : family.sources) change("add", family, source);
  }
  void change(const std::string& verb, const Family& family, const std::string& source) const {
    const std::string nodad = family.name == "ipv6" && verb == "add" ? " nodad" : "";
    hosts().weir().ip("address " + verb + " " + source + family.length + " dev " + hosts().interface() +
                      nodad);
  }

  std::unique_ptr<Backend> backend_at(const std::string& address, Behaviour behaviour) const {
    return as_clients([&] { return std::make_unique<Backend>(address_of(address), std::move(behaviour)); });
  }

  static Configuration configuration_for(const Backend& backend, const std::vector<std::string>& sources) {
    std::string list;
    for (const std::string& source : sources) list += (list.empty() ? "\"" : ", \"") + source + "\"";
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry(backend.address(), "a")};
    configuration.pool = "source = [" + list + "]\n";
    return configuration;
  }
};

class SourcesOfAFamily : public Sources, public testing::WithParamInterface<Family> {};

INSTANTIATE_TEST_SUITE_P(Of, SourcesOfAFamily, testing::Values(kIpv4, kIpv6),
                         [](const auto& one) { return one.param.name; });

TEST_P(SourcesOfAFamily, AreTakenInTurnAsTheBackendSees) {
  have(GetParam());
  const auto backend = backend_at(GetParam().backend, names_its_client());
  const WeirProcess weir(configuration_for(*backend, GetParam().sources));
  const Tally tally = ask_in_turn(weir, 30);
  for (const std::string& source : GetParam().sources) EXPECT_EQ(tally.of(source), 10u) << source;

  const Held held = hold(weir);
  const auto ports = ports_of(weir, "a");
  EXPECT_EQ(ports.size(), 3u);
  for (const auto& [source, facts] : ports) EXPECT_EQ(facts.held, source == held.name ? 1 : 0) << source;
  EXPECT_EQ(weir.admin().sum("weir_source_ports_held", {{"backend", "a"}, {"source", held.name}}), 1u);
  // Its clients ended first, so Weir's end of the backend's connection did too.
  for (const std::string& source : GetParam().sources) {
    EXPECT_TRUE(eventually([&] { return ports_of(weir, "a")[source].time_wait == 10; })) << source;
  }
}

TEST_P(SourcesOfAFamily, AreWhereChecksComeFrom) {
  have(GetParam());
  std::mutex mutex;
  std::set<std::string> seen;
  const Behaviour answer = names_its_client();
  const auto backend = backend_at(GetParam().backend, [&](Socket& socket) {
    {
      const std::lock_guard lock(mutex);
      seen.insert(socket.peer().ip_to_string());
    }
    answer(socket);
  });
  Configuration configuration = configuration_for(*backend, GetParam().sources);
  configuration.rest =
      "[pools.web.health]\ntype = \"exchange\"\ninterval = \"100ms\"\ntimeout = \"100ms\"\n"
      "exchange = { send = \"x\", expect = \"" +
      GetParam().sources[0].substr(0, GetParam().sources[0].size() - 1) + "\" }\n";
  const WeirProcess weir(configuration);
  EXPECT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return seen.size() == 3;
  }));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(seen, testing::UnorderedElementsAreArray(GetParam().sources));
}

TEST_P(SourcesOfAFamily, AreDoneWithoutWhileThisHostHasLostThem) {
  have(GetParam());
  const auto backend = backend_at(GetParam().backend, names_its_client());
  const WeirProcess weir(configuration_for(*backend, GetParam().sources));
  EXPECT_EQ(ask_in_turn(weir, 3).served(), 3u);
  const std::string& lost = GetParam().sources[1];
  change("del", GetParam(), lost);
  const Tally without = ask_in_turn(weir, 12);
  EXPECT_EQ(without.failed(), 0u) << without.failures();
  EXPECT_EQ(without.of(lost), 0u);
  EXPECT_EQ(weir.admin().sum("weir_source_missing_total", {{"source", lost}}), 4u);
  const auto told = weir.wait_for_event("source_missing");
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->level, "warning");
  EXPECT_EQ(told->text("source"), lost);
  change("add", GetParam(), lost);
  EXPECT_EQ(ask_in_turn(weir, 12).of(lost), 4u);
  EXPECT_EQ(weir.events("source_missing").size(), 1u);
}

TEST_F(Sources, ThatThisHostHasNotAreRefusedAtStart) {
  have(kIpv4);
  const auto backend = backend_at(kIpv4.backend, echo());
  const WeirRun run = run_weir_on(configuration_for(*backend, {"198.18.0.11", "198.18.0.99"}).to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted) << run.exit.to_string();
  EXPECT_THAT(run.output, HasSubstr("198.18.0.99 is no address of this host; it has "));
  EXPECT_THAT(run.output, HasSubstr("198.18.0.12"));
}

TEST_F(Sources, GoOutThroughTheInterfaceThatIsConfigured) {
  have(kIpv4);
  const auto backend = backend_at(kIpv4.backend, names_its_client());
  for (const std::string& interface : {hosts().interface(), std::string("lo")}) {
    Configuration configuration = configuration_for(*backend, {"198.18.0.12"});
    configuration.pool += "connect_timeout = \"300ms\"\ninterface = \"" + interface + "\"\n";
    const WeirProcess weir(configuration);
    const Received answer = ask(weir);
    if (interface == "lo") {
      EXPECT_EQ(answer.ended, Ended::kReset) << "the backend is not there";
    } else {
      EXPECT_EQ(answer.bytes, "198.18.0.12");
    }
  }
}

TEST_F(Sources, AreTheKernelsChoiceWithoutAny) {
  const auto backend = backend_at(kIpv4.backend, names_its_client());
  Configuration configuration = configuration_for(*backend, {});
  const WeirProcess weir(configuration);
  EXPECT_EQ(ask(weir).bytes, kWeirHost);
  EXPECT_TRUE(eventually([&] { return ports_of(weir, "a")["auto"].time_wait == 1; }));
  EXPECT_EQ(ports_of(weir, "a").size(), 1u);
}

}  // namespace
}  // namespace weir::test
