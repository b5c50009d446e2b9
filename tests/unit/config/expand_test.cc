#include "config/expand.h"

#include <gtest/gtest.h>

#include "config/limits.h"

namespace weir::config {
namespace {

std::optional<std::string> variable(const std::string& name) {
  if (name == "HOST") return "app";
  if (name == "EMPTY") return "";
  if (name == "NESTED") return "${HOST}";
  if (name == "LARGE") return std::string(kMaxExpandedBytes / 2 + 1, 'x');
  return std::nullopt;
}

std::string expanded(const std::string& text) { return expand_text(text, variable).value_or("(a problem)"); }

TEST(Expand, ReplacesAVariableAnywhereInAString) {
  EXPECT_EQ(expanded("${HOST}"), "app");
  EXPECT_EQ(expanded("a${HOST}b${HOST}c"), "aappbappc");
  EXPECT_EQ(expanded("nothing"), "nothing");
}

TEST(Expand, TakesTheDefaultWhenTheVariableIsUnsetOrEmpty) {
  EXPECT_EQ(expanded("${UNSET:-other}"), "other");
  EXPECT_EQ(expanded("${EMPTY:-other}"), "other");
  EXPECT_EQ(expanded("${HOST:-other}"), "app");
  EXPECT_EQ(expanded("${UNSET:-}"), "");
  EXPECT_EQ(expanded("${UNSET:-a:-b}"), "a:-b");
}

TEST(Expand, AnEmptyVariableWithoutADefaultIsEmptyText) { EXPECT_EQ(expanded("<${EMPTY}>"), "<>"); }

TEST(Expand, ADoubledDollarSignStandsForAPlainOne) {
  EXPECT_EQ(expanded("$${HOST}"), "${HOST}");
  EXPECT_EQ(expanded("$$${HOST}"), "$${HOST}");
  EXPECT_EQ(expanded("$HOST $ $$"), "$HOST $ $$");
}

TEST(Expand, AValueIsNotExpandedAgain) { EXPECT_EQ(expanded("${NESTED}"), "${HOST}"); }

TEST(Expand, RefusesWhatIsNotAVariable) {
  for (const char* text : {"${", "${}", "${HOST", "${1A}", "${A B}", "${-x}", "${:-x}", "${UNSET}"}) {
    EXPECT_FALSE(expand_text(text, variable)) << text;
  }
}

TEST(Expand, RefusesToGrowWithoutBound) { EXPECT_FALSE(expand_text("${LARGE}${LARGE}", variable)); }

TEST(Expand, BoundsAWholeTree) {
  Node root;
  Node text;
  text.kind = Kind::kString;
  text.text = "${LARGE}";
  root.entries = {{"a", {}, text}, {"b", {}, text}, {"c", {}, text}};
  Problems problems;
  expand_tree(root, variable, problems);
  EXPECT_EQ(problems.size(), 2u);
  EXPECT_EQ(root.entries[0].value.kind, Kind::kString);
  EXPECT_EQ(root.entries[2].value.kind, Kind::kFaulty);
}

}  // namespace
}  // namespace weir::config
