#include "config/problem.h"

#include <gtest/gtest.h>

#include "config/limits.h"

namespace weir::config {
namespace {

TEST(Problem, OnlyAnErrorIsAnError) {
  Problems problems;
  EXPECT_FALSE(has_error(problems));
  add_warning(problems, {}, "w");
  EXPECT_FALSE(has_error(problems));
  add_error(problems, {}, "e");
  EXPECT_TRUE(has_error(problems));
  add_warning(problems, {}, "w");
  EXPECT_TRUE(has_error(problems));
}

TEST(Problem, ProblemsKeepTheOrderInWhichTheyWereAdded) {
  Problems problems;
  add_error(problems, {"f", 9, 1}, "first");
  add_warning(problems, {"f", 1, 1}, "second");
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(to_string(problems[0]), "f:9:1: error: first");
  EXPECT_EQ(to_string(problems[1]), "f:1:1: warning: second");
}

TEST(Problem, AsManyAsTheLimitAreKeptWithoutAWordMore) {
  Problems problems;
  for (std::size_t i = 0; i < kMaxProblems; ++i) add_warning(problems, {}, std::to_string(i));
  ASSERT_EQ(problems.size(), kMaxProblems);
  EXPECT_EQ(problems.back().text, std::to_string(kMaxProblems - 1));
  EXPECT_FALSE(has_error(problems));
}

TEST(Problem, DroppedProblemsCannotPassForACleanFile) {
  Problems problems;
  for (std::size_t i = 0; i < kMaxProblems + 50; ++i) add_warning(problems, {"f", 3, 4}, "w");
  ASSERT_EQ(problems.size(), kMaxProblems + 1);
  EXPECT_TRUE(has_error(problems)) << "an error may be among what was dropped";
  EXPECT_EQ(to_string(problems.back()), "f: error: more than 1000 problems: the rest is left out");
}

TEST(Place, APartIsPrintedOnlyWithThePartsBeforeIt) {
  EXPECT_EQ(to_string(Place{"f", 2, 3}), "f:2:3");
  EXPECT_EQ(to_string(Place{"f", 2, 0}), "f:2");
  EXPECT_EQ(to_string(Place{"f", 0, 3}), "f");
  EXPECT_EQ(to_string(Place{}), "");
}

// Some warnings come in bulk and past the bound; the error behind them must still be an error.
TEST(Problems, AnErrorBehindMoreWarningsThanTheBoundStillFails) {
  Problems problems(kMaxProblems + 5, Problem{Severity::kWarning, {}, "many"});
  add_error(problems, {"weir.toml", 3, 1}, "the one that counts");
  EXPECT_TRUE(has_error(problems));
}

TEST(Problems, TellTheirErrorsWithoutTheWarnings) {
  Problems problems;
  EXPECT_EQ(errors_as_text(problems, "; "), "");
  add_warning(problems, {"a.toml", 1, 2}, "is odd");
  EXPECT_EQ(first_error(problems), "");
  add_error(problems, {"a.toml", 3, 4}, "is wrong");
  add_error(problems, {"b.toml", 0, 0}, "is not there");
  EXPECT_EQ(errors_as_text(problems, "; "), "a.toml:3:4: error: is wrong; b.toml: error: is not there");
  EXPECT_EQ(first_error(problems), "a.toml:3:4: error: is wrong");
}

}  // namespace
}  // namespace weir::config
