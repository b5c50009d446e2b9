#include "config/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A listener on a port of its own.
ListenerConfig listener(const std::string& name, const std::string& pool) {
  static std::uint16_t next = 8000;
  ListenerConfig out;
  out.name = name;
  out.bind.push_back({base::Address::ipv4({htonl(INADDR_LOOPBACK)}, ++next), {}});
  out.pool = {pool, {"pool of " + name, 0, 0}};
  return out;
}

PoolConfig pool(const std::string& name, const std::vector<std::string>& backends = {"10.0.0.1:80"}) {
  PoolConfig out;
  out.name = name;
  for (const std::string& address : backends) {
    BackendConfig backend;
    backend.address = {base::parse_endpoint(address).value(), {address, 0, 0}};
    backend.name = std::to_string(out.backends.size());
    out.backends.push_back(backend);
  }
  return out;
}

std::vector<std::string> problems_of(const Config& config, Problems problems = {}) {
  validate(config, problems);
  return lines_of(problems);
}

std::vector<std::string> problems_of(std::vector<ListenerConfig> listeners, std::vector<PoolConfig> pools) {
  Config config;
  config.listeners = std::move(listeners);
  config.pools = std::move(pools);
  return problems_of(config);
}

TEST(Validate, NoListenerIsOneErrorOfTheWholeFirstFile) {
  Config config;
  config.files = {"weir.toml", "other.toml"};
  EXPECT_THAT(problems_of(config), ElementsAre(HasSubstr("weir.toml: error: there is no listener")));
}

TEST(Validate, NoListenerIsNotReportedAgainWhenAnErrorMayBeTheCause) {
  Problems known;
  add_error(known, {}, "a listener that could not be built");
  EXPECT_THAT(problems_of(Config(), known), ElementsAre("error: a listener that could not be built"));
}

TEST(Validate, NoListenerIsStillReportedAfterAWarning) {
  Problems known;
  add_warning(known, {}, "include: no file matches");
  EXPECT_THAT(problems_of(Config(), known),
              ElementsAre(HasSubstr("warning"), HasSubstr("there is no listener")));
}

TEST(Validate, SeveralListenersMayShareAPoolAndSeveralPoolsABackend) {
  EXPECT_THAT(
      problems_of({listener("a", "x"), listener("b", "x"), listener("c", "y")}, {pool("x"), pool("y")}),
      IsEmpty());
}

TEST(Validate, EveryReferenceToAPoolThatDoesNotExistIsReportedWithTheNearestName) {
  EXPECT_THAT(
      problems_of({listener("a", "wbe"), listener("b", "zzz")}, {pool("web"), pool("app")}),
      ElementsAre(
          "pool of a: error: listeners.a.pool: pool \"wbe\" does not exist: known are \"web\" and \"app\"; "
          "did "
          "you mean \"web\"?",
          "pool of b: error: listeners.b.pool: pool \"zzz\" does not exist: known are \"web\" and \"app\""));
}

TEST(Validate, AReferenceThatCouldNotBeReadIsNotReportedAgain) {
  EXPECT_THAT(problems_of({listener("a", "")}, {pool("web")}), IsEmpty());
}

TEST(Validate, NotMoreThanTenPoolsAreListed) {
  std::vector<PoolConfig> pools;
  for (int i = 0; i < 13; ++i) pools.push_back(pool("p" + std::to_string(i)));
  EXPECT_THAT(problems_of({listener("a", "nowhere")}, pools),
              ElementsAre(AllOf(HasSubstr("\"p9\" and 3 more"), Not(HasSubstr("\"p10\"")))));
}

TEST(Validate, ALongListOfPoolsReadsAsASentence) {
  std::vector<PoolConfig> pools;
  for (int i = 0; i < 11; ++i) pools.push_back(pool("p" + std::to_string(i)));
  EXPECT_THAT(problems_of({listener("a", "nowhere")}, pools),
              ElementsAre(HasSubstr("\"p8\", \"p9\" and 1 more")));
}

TEST(Validate, AnUnusedPoolIsAWarningOnlyWhenEveryUseIsKnown) {
  EXPECT_THAT(problems_of({listener("a", "x")}, {pool("x"), pool("y")}),
              ElementsAre("warning: pools.y: no listener uses this pool"));
  EXPECT_THAT(problems_of({listener("a", "x"), listener("b", "why")}, {pool("x"), pool("y")}),
              ElementsAre(HasSubstr("error: listeners.b.pool")));
  EXPECT_THAT(problems_of({listener("a", "x"), listener("b", "")}, {pool("x"), pool("y")}), IsEmpty());
}

TEST(Validate, BackendsOfTwoPoolsMayHaveOneName) {
  EXPECT_THAT(problems_of({listener("a", "x"), listener("b", "y")},
                          {pool("x", {"10.0.0.1:80"}), pool("y", {"10.0.0.2:80"})}),
              IsEmpty());
}

TEST(Validate, TwoBackendsOfOneNameAreAnErrorThoughTheirAddressesDiffer) {
  PoolConfig x = pool("x", {"10.0.0.1:80", "10.0.0.2:80"});
  x.backends[1].name = x.backends[0].name;
  EXPECT_THAT(
      problems_of({listener("a", "x")}, {x}),
      ElementsAre(
          "10.0.0.2:80: error: pools.x.backends: a backend named \"0\" is already at 10.0.0.1:80: give "
          "each a name of its own, or write one with a larger weight"));
}

TEST(Validate, HostNamesAreComparedWithoutRegardToCaseAndPathsWithIt) {
  EXPECT_THAT(
      problems_of({listener("a", "x")}, {pool("x", {"App.example:80", "app.EXAMPLE:80"})}),
      ElementsAre(HasSubstr("warning: pools.x.backends: \"app.EXAMPLE:80\" is already at App.example:80")));
  EXPECT_THAT(problems_of({listener("a", "x")}, {pool("x", {"unix:/run/App", "unix:/run/app"})}), IsEmpty());
  EXPECT_THAT(problems_of({listener("a", "x")}, {pool("x", {"app:80", "app:81"})}), IsEmpty());
}

TEST(Validate, EveryBackendThatIsAListenerOfThisProcessIsALoop) {
  ListenerConfig web = listener("web", "x");
  web.bind.push_back({base::Address::unix_path("/run/web.sock"), {}});
  const std::string port = std::to_string(web.bind[0].value.port());
  const PoolConfig x = pool("x", {"127.0.0.1:" + port, "unix:/run/web.sock", "localhost:" + port,
                                  "127.0.0.2:" + port, "app:" + port});
  EXPECT_THAT(problems_of({web}, {x}),
              ElementsAre(HasSubstr("own listener \"web\""), HasSubstr("own listener \"web\""),
                          HasSubstr("own listener \"web\"")));
}

TEST(Validate, LocalhostIsALoopInAnyCase) {
  const ListenerConfig web = listener("web", "x");
  const std::string port = std::to_string(web.bind[0].value.port());
  for (const char* name : {"localhost:", "Localhost:", "LOCALHOST:"}) {
    EXPECT_THAT(problems_of({web}, {pool("x", {name + port})}),
                ElementsAre(HasSubstr("own listener \"web\"")))
        << name;
  }
}

TEST(Validate, ALoopInAPoolThatNoListenerUsesIsReportedToo) {
  const ListenerConfig web = listener("web", "x");
  const std::string address = web.bind[0].value.to_string();
  EXPECT_THAT(
      problems_of({web}, {pool("x"), pool("spare", {address})}),
      testing::UnorderedElementsAre(HasSubstr("no listener uses"), HasSubstr("own listener \"web\"")));
}

}  // namespace
}  // namespace weir::config
