// Connections are spread over the backends exactly: by turn and by weight, whatever the number of workers,
// and also when one of the backends is dead.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/asking.h"
#include "support/backend.h"

namespace weir::test {
namespace {

// Between those who got the most and the fewest.
std::size_t difference(const Tally& tally, const std::vector<std::string>& names) {
  std::size_t least = SIZE_MAX;
  std::size_t most = 0;
  for (const std::string& name : names) {
    least = std::min(least, tally.of(name));
    most = std::max(most, tally.of(name));
  }
  return most - least;
}

class Spread : public testing::TestWithParam<unsigned> {};

TEST_P(Spread, EqualBackendsDifferByAtMostOneConnectionOverAllWorkers) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  Backend c(names_itself("c"));
  Configuration configuration;
  configuration.workers = GetParam();
  configuration.backends = {entry(a.address()), entry(b.address()), entry(c.address())};
  const WeirProcess weir(configuration);

  const Tally tally = ask_at_once(weir, 100);
  EXPECT_EQ(tally.of("a") + tally.of("b") + tally.of("c"), 100u);
  EXPECT_LE(difference(tally, {"a", "b", "c"}), 1u);
  EXPECT_EQ(a.accepted() + b.accepted() + c.accepted(), 100u)
      << "a backend saw a connection that nobody used";
}

TEST_P(Spread, EveryRunOfARoundGivesEachWeightItsShare) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  Backend c(names_itself("c"));
  Configuration configuration;
  configuration.workers = GetParam();
  configuration.backends = {entry(a.address(), "a", 1), entry(b.address(), "b", 2),
                            entry(c.address(), "c", 3)};
  const WeirProcess weir(configuration);

  const Tally tally = ask_at_once(weir, 60);
  EXPECT_EQ(tally.of("a"), 10u);
  EXPECT_EQ(tally.of("b"), 20u);
  EXPECT_EQ(tally.of("c"), 30u);

  // Smooth: no round of six leaves anyone out.
  const Tally round = ask_in_turn(weir, 6);
  EXPECT_EQ(round.of("a"), 1u);
  EXPECT_EQ(round.of("b"), 2u);
  EXPECT_EQ(round.of("c"), 3u);
}

INSTANTIATE_TEST_SUITE_P(Workers, Spread, testing::Values(1u, 2u, 4u),
                         [](const auto& test) { return "With" + std::to_string(test.param) + "Workers"; });

TEST(SpreadWithADeadBackend, NoClientFailsAndTheSurvivorsShareEvenly) {
  constexpr std::size_t kConnections = 3000;
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  Backend c(names_itself("c"));
  const DeadPort dead;
  Configuration configuration;
  configuration.workers = 4;
  configuration.backends = {entry(a.address(), "a"), entry(dead.address(), "dead"), entry(b.address(), "b"),
                            entry(c.address(), "c")};
  // It is met again and again.
  configuration.rest = "[pools.web.outlier]\nconsecutive_failures = 0\n";
  const WeirProcess weir(configuration);

  const Tally tally = ask_at_once(weir, kConnections, 64);
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_GE(tally.of(name), kConnections / 3 - 1) << name;
    EXPECT_LE(tally.of(name), kConnections / 3 + 1) << name;
  }

  const auto sessions = weir.wait_for_sessions(kConnections);
  std::size_t retried = 0;
  for (const LogLine& session : sessions) {
    EXPECT_EQ(session.text("reason"), "client_end");
    retried += session.number("attempts") == 2 ? 1 : 0;
    if (session.number("attempts") == 2) {
      EXPECT_EQ(session.text("connect_error"), "ECONNREFUSED");
      EXPECT_EQ(session.text("failed_backend"), "dead");
    }
  }
  EXPECT_EQ(retried, kConnections / 4) << "the dead backend's turns are those that need a second attempt";

  const Metrics metrics = weir.admin().metrics();
  for (const char* worker : {"0", "1", "2", "3"}) {
    EXPECT_GT(metrics.sum("weir_worker_sessions_total", {{"worker", worker}}), 0u) << "worker " << worker;
  }
  EXPECT_EQ(metrics.sum("weir_worker_sessions_total"), kConnections);
  EXPECT_EQ(metrics.sum("weir_backend_connect_failures_total", {{"backend", "dead"}}), kConnections / 4);
  EXPECT_EQ(metrics.sum("weir_backend_sessions_total", {{"backend", "dead"}}), 0u);
}

}  // namespace
}  // namespace weir::test
