#include "config/pool_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/build_pool.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// What is wrong with [pools.app] with these lines, as a whole.
std::vector<std::string> problems_of(const std::string& lines) {
  const Node root = tree_of("[pools.app]\n" + lines);
  Problems problems;
  const PoolConfig pool = build_pool(root.entries.at(0).value.entries.at(0), problems);
  for (const Problem& problem : problems) {
    if (problem.severity == Severity::kError) ADD_FAILURE() << to_string(problem);
  }
  problems.clear();
  check_pool(pool, problems);
  return lines_of(problems);
}

// A backend's table: "a" with no more, "a, backup = true".
std::string backends(const std::vector<std::string>& list) {
  std::string out = "backends = [";
  for (const std::string& one : list) {
    const std::size_t comma = std::min(one.find(','), one.size());
    out += "{ address = \"" + one.substr(0, comma) + ":80\"" + one.substr(comma) + " }, ";
  }
  return out + "]\n";
}

TEST(PoolCheck, APoolWithoutBackendsIsNotCalledUnableToServe) {
  Problems problems;
  check_pool(PoolConfig(), problems);
  EXPECT_THAT(lines_of(problems), IsEmpty()) << "that the list is empty is reported already";
}

TEST(PoolCheck, APoolWhoseBackendsAllTakeNoConnectionsRefusesEveryClient) {
  EXPECT_THAT(
      problems_of(backends({"a, weight = 0", "b, state = \"drain\"", "c, state = \"maintenance\""})),
      ElementsAre("t:1:8: warning: pools.app.backends: all are in drain, in maintenance or have weight 0, so "
                  "every client is refused until one of them is up"));
  EXPECT_THAT(problems_of(backends({"a, weight = 0", "b"})), IsEmpty());
}

TEST(PoolCheck, ItsClientsGoToTheFallbackInsteadWhenThereIsOne) {
  EXPECT_THAT(problems_of(backends({"a, weight = 0"}) + "fallback_pool = \"spare\"\n"),
              ElementsAre(HasSubstr("so every client goes to the pool \"spare\" until")));
}

TEST(PoolCheck, BackupsAloneAreToldToBeUsedAsIfTheyWereNone) {
  EXPECT_THAT(problems_of(backends({"a, backup = true", "b, backup = true"})),
              ElementsAre(HasSubstr(
                  "warning: pools.app.backends: all are backups, so they are used as if none were")));
  EXPECT_THAT(problems_of(backends({"a, backup = true", "b"})), IsEmpty());
}

TEST(PoolCheck, WithFirstABackendThatIsNeverFullLeavesNothingToThoseAfterIt) {
  const std::string first = "policy = \"first\"\n";
  EXPECT_THAT(
      problems_of(first + backends({"a", "b", "c"})),
      ElementsAre(AllOf(HasSubstr("t:3:25: warning: pools.app.backends: \"a:80\" has no max_connections"),
                        HasSubstr("while it is up: \"b:80\" and \"c:80\""))));
  EXPECT_THAT(problems_of(first + backends({"a, max_connections = 5", "b", "c"})),
              ElementsAre(AllOf(HasSubstr("\"b:80\" has no max_connections"), HasSubstr("up: \"c:80\""))));
}

TEST(PoolCheck, WithFirstTheLastOfATierNeedsNoMaximum) {
  const std::string first = "policy = \"first\"\n";
  EXPECT_THAT(problems_of(first + backends({"a"})), IsEmpty());
  EXPECT_THAT(problems_of(first + backends({"a, max_connections = 5", "b"})), IsEmpty());
  EXPECT_THAT(problems_of(first + backends({"a", "b, backup = true"})), IsEmpty()) << "a tier of its own";
  EXPECT_THAT(problems_of(first + backends({"a", "b, state = \"drain\""})), IsEmpty());
  EXPECT_THAT(problems_of(first + backends({"a", "b, backup = true", "c, backup = true"})),
              ElementsAre(HasSubstr("\"b:80\" has no max_connections")));
  EXPECT_THAT(problems_of(backends({"a", "b"})), IsEmpty()) << "with another policy";
}

TEST(PoolCheck, AQueueNeedsABackendThatCanBeFull) {
  EXPECT_THAT(problems_of("queue_length = 10\n" + backends({"a", "b"})),
              ElementsAre(HasSubstr("warning: pools.app.queue_length: no backend has max_connections")));
  EXPECT_THAT(problems_of("queue_length = 10\n" + backends({"a, max_connections = 5", "b"})),
              ElementsAre(HasSubstr("warning: pools.app.queue_length: \"b:80\" has no max_connections")));
  EXPECT_THAT(problems_of("queue_length = 10\n" + backends({"a, max_connections = 5", "b, backup = true"})),
              IsEmpty());
}

TEST(PoolCheck, AStrictHashNeedsAWayOutForThoseWhoseBackendIsFull) {
  const std::string hash = "policy = \"source_hash\"\n";
  const std::string pool = backends({"a", "b, max_connections = 5"});
  EXPECT_THAT(problems_of(pool + hash),
              ElementsAre(AllOf(HasSubstr("\"b:80\" has max_connections"), HasSubstr("write queue_length"))));
  EXPECT_THAT(problems_of(pool + hash + "queue_length = 10\n"), IsEmpty());
  EXPECT_THAT(problems_of(pool + hash + "hash_balance = 1.25\n"), IsEmpty());
  EXPECT_THAT(problems_of(pool), IsEmpty());
  EXPECT_THAT(problems_of(backends({"b, max_connections = 5"}) + hash).size(), 1u)
      << "a name may have several";
  EXPECT_THAT(problems_of("backends = [{ address = \"10.0.0.1:80\", max_connections = 5 }]\n" + hash),
              IsEmpty())
      << "there is no other";
}

TEST(PoolCheck, WithoutChecksNoBackendIsFoundDown) {
  const std::string pool = "backends = [\"10.0.0.1:80\", \"10.0.0.2:80\"]\n";
  const std::string close = "[pools.app.sessions]\non_down = \"close\"\n";
  EXPECT_THAT(problems_of(pool + close),
              ElementsAre(HasSubstr("sessions.on_down: it says nothing, since only checks")));
  EXPECT_THAT(problems_of(pool + close + "[pools.app.health]\ntype = \"tcp\"\n"), IsEmpty());
}

TEST(PoolCheck, WhereNoBackendEverFailsNothingFollowsFromIt) {
  const std::string pool = "backends = [\"10.0.0.1:80\", \"10.0.0.2:80\"]\n";
  const std::string keys = "slow_start = \"30s\"\npanic_threshold = 0.5\n";
  const std::string never = "[pools.app.outlier]\nconsecutive_failures = 0\n";
  EXPECT_THAT(problems_of(pool + keys + never), ElementsAre(HasSubstr("slow_start: it says nothing"),
                                                            HasSubstr("panic_threshold: it says nothing")));
  EXPECT_THAT(problems_of(pool + keys), IsEmpty());
  EXPECT_THAT(problems_of(backends({"a", "b"}) + keys + never), IsEmpty())
      << "what a name gives comes and goes";
}

TEST(PoolCheck, AnIpv4AddressInTwoFormsIsOneAddress) {
  EXPECT_THAT(problems_of("backends = [\"10.0.0.1:80\", \"[::ffff:10.0.0.1]:80\"]\n"),
              ElementsAre(HasSubstr("it gets a share for each")));
}

TEST(PoolCheck, AHealthPortIsNothingToAUnixSocket) {
  const std::string health = "health = { type = \"tcp\", port = 8081 }\n";
  EXPECT_THAT(problems_of(health + "backends = [\"unix:/a\", \"b:80\"]\n"),
              ElementsAre(AllOf(HasSubstr("t:2:10: warning: pools.app.health.port: "),
                                HasSubstr("\"unix:/a\""), Not(HasSubstr("b:80")))));
  EXPECT_THAT(problems_of(health + backends({"b"})), IsEmpty());
  EXPECT_THAT(problems_of("health = { type = \"tcp\" }\nbackends = [\"unix:/a\"]\n"), IsEmpty());
}

TEST(PoolCheck, BackendsOfAFamilyThatNoSourceHasAreNamed) {
  const std::string list = "backends = [\"10.0.0.1:80\", \"[2001:db8::1]:80\", \"app:80\"]\n";
  EXPECT_THAT(
      problems_of("source = [\"10.0.0.5\"]\n" + list),
      ElementsAre(AllOf(HasSubstr("t:2:11: warning: pools.app.source: "), HasSubstr("\"[2001:db8::1]:80\""),
                        Not(HasSubstr("10.0.0.1")), Not(HasSubstr("app:80")))));
  EXPECT_THAT(problems_of("source = [\"2001:db8::5\"]\n" + list),
              ElementsAre(HasSubstr(": \"10.0.0.1:80\"")));
  EXPECT_THAT(problems_of("source = [\"2001:db8::5\", \"10.0.0.5\"]\n" + list), IsEmpty());
  EXPECT_THAT(problems_of(list), IsEmpty());
}

TEST(PoolCheck, AUnixSocketIsReachedFromNoAddressAndThroughNoInterface) {
  const std::string list = "backends = [\"unix:/a\", \"10.0.0.1:80\"]\n";
  EXPECT_THAT(problems_of("source = [\"10.0.0.5\"]\ninterface = \"eth0\"\n" + list),
              ElementsAre(HasSubstr("warning: pools.app.source: a unix socket has no addresses"),
                          HasSubstr("t:3:13: warning: pools.app.interface: a unix socket")));
  EXPECT_THAT(problems_of("transparent = true\n" + list),
              ElementsAre(AllOf(HasSubstr("pools.app.transparent: "), HasSubstr("for \"unix:/a\""))));
}

TEST(PoolCheck, ThereMustBeANameToLookUp) {
  const std::string resolve = "resolve = { interval = \"10s\" }\n";
  EXPECT_THAT(
      problems_of(resolve + "backends = [\"10.0.0.1:80\", \"unix:/a\"]\n"),
      ElementsAre("t:2:11: warning: pools.app.resolve: no backend is a name, so nothing is looked up"));
  EXPECT_THAT(problems_of(resolve + backends({"a"})), IsEmpty());
  EXPECT_THAT(problems_of("resolve = { interval = \"ttl\" }\nbackends = [\"10.0.0.1:80\"]\n"), IsEmpty());
}

TEST(PoolCheck, AServiceThatIsThereTwiceIsNamedWithoutAPort) {
  EXPECT_THAT(problems_of("resolve = { use = \"srv\" }\n"
                          "backends = [\"_a._tcp.b\", { address = \"_A._tcp.b\", name = \"other\" }]\n"),
              ElementsAre(HasSubstr("pools.app.backends: \"_A._tcp.b\" is already at t:3:13")));
}

TEST(PoolCheck, NotMoreThanFiveBackendsAreNamed) {
  EXPECT_THAT(problems_of("policy = \"first\"\n" + backends({"a", "b", "c", "d", "e", "f", "g", "h"})),
              ElementsAre(HasSubstr("up: \"b:80\", \"c:80\", \"d:80\", \"e:80\", \"f:80\" and 2 more")));
}

}  // namespace
}  // namespace weir::config
