#include "config/pool_references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Pools by name, each with its fallback or none, and one listener that uses the pool `used`.
std::vector<std::string> problems_of(const std::string& used,
                                     const std::vector<std::pair<std::string, std::string>>& pools) {
  Config config;
  config.listeners.emplace_back();
  config.listeners.back().name = "web";
  config.listeners.back().pool = {used, {"listener", 0, 0}};
  for (const auto& [name, fallback] : pools) {
    PoolConfig& pool = config.pools.emplace_back();
    pool.name = name;
    pool.fallback_pool = {fallback, {"fallback of " + name, 0, 0}};
  }
  Problems problems;
  check_pool_references(config, problems);
  return lines_of(problems);
}

TEST(PoolReferences, APoolThatIsOnlyAFallbackIsUsedHoweverFarAway) {
  EXPECT_THAT(problems_of("a", {{"a", "b"}, {"b", "c"}, {"c", ""}}), IsEmpty());
}

TEST(PoolReferences, AFallbackOfAPoolThatNobodyUsesIsNotUsedEither) {
  EXPECT_THAT(problems_of("a", {{"a", ""}, {"b", "c"}, {"c", ""}}),
              ElementsAre("warning: pools.b: no listener uses this pool",
                          "warning: pools.c: no listener uses this pool"));
}

TEST(PoolReferences, AFallbackThatDoesNotExistIsReportedWithTheNearestName) {
  EXPECT_THAT(
      problems_of("a", {{"a", "bakcup"}, {"backup", ""}}),
      ElementsAre(
          "fallback of a: error: pools.a.fallback_pool: pool \"bakcup\" does not exist: known are \"a\" "
          "and \"backup\"; did you mean \"backup\"?"))
      << "and the pool that was meant is not called unused";
}

TEST(PoolReferences, APoolThatIsItsOwnFallbackIsAnError) {
  EXPECT_THAT(problems_of("a", {{"a", "a"}}),
              ElementsAre(HasSubstr("error: pools.a.fallback_pool: a pool cannot be its own fallback")));
}

TEST(PoolReferences, ACircleIsToldOnceWithAllOfItsPoolsAndNoOthers) {
  EXPECT_THAT(
      problems_of("x", {{"x", "a"}, {"a", "b"}, {"b", "c"}, {"c", "a"}}),
      ElementsAre("fallback of a: error: pools.a.fallback_pool: the fallbacks go round in a circle, \"a\" -> "
                  "\"b\" -> \"c\" -> \"a\": one of these pools must do without a fallback"));
}

TEST(PoolReferences, EveryCircleIsTold) {
  EXPECT_THAT(problems_of("a", {{"a", "b"}, {"b", "a"}, {"c", "d"}, {"d", "c"}, {"e", "a"}}),
              ElementsAre(HasSubstr("\"a\" -> \"b\" -> \"a\""), HasSubstr("\"c\" -> \"d\" -> \"c\""),
                          HasSubstr("pools.c: no listener"), HasSubstr("pools.d: no listener"),
                          HasSubstr("pools.e: no listener")));
}

TEST(PoolReferences, TwoPoolsThatShareAFallbackAreNoCircle) {
  EXPECT_THAT(problems_of("a", {{"a", "c"}, {"b", "c"}, {"c", ""}}),
              ElementsAre(HasSubstr("pools.b: no listener")));
}

}  // namespace
}  // namespace weir::config
