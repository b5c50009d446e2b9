#include "config/merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Merged {
  Node root;
  Problems problems;
};

// The files "a", "b" and so on in one.
Merged merged(const std::vector<std::string>& texts) {
  Merged out;
  char file = 'a';
  for (const std::string& text : texts) {
    Node tree = tree_of(text, std::string(1, file++));
    if (&text == &texts.front()) {
      out.root = std::move(tree);
    } else {
      merge(out.root, std::move(tree), out.problems);
    }
  }
  return out;
}

// "[log.level=info]": what is in a tree, in its order.
std::string written(const Node& node) {
  if (node.kind != Kind::kTable) return found(node);
  std::string out;
  for (const Entry& entry : node.entries) {
    out += (out.empty() ? "" : " ") + entry.key + "=" + written(entry.value);
  }
  return "{" + out + "}";
}

TEST(Merge, SectionsOfTwoFilesBecomeOneWithTheFirstFilesKeysInFront) {
  const Merged both = merged({"[log]\nlevel = 1\n", "[process]\nworkers = 2\n[log]\nformat = 3\n"});
  EXPECT_THAT(both.problems, IsEmpty());
  EXPECT_EQ(written(both.root), "{log={level=1 format=3} process={workers=2}}");
}

TEST(Merge, ANamedTableIsNotSpreadOverFiles) {
  const Merged both =
      merged({"[pools.web]\nretries = 1\n[pools.a]\n", "[pools.b]\n[pools.web]\npolicy = 2\n"});
  EXPECT_THAT(
      lines_of(both.problems),
      ElementsAre("b:2:8: error: pools.web is already defined at a:1:8: it may stand in one file only"));
  EXPECT_EQ(written(both.root), "{pools={web={retries=1} a={} b={}}}");
}

TEST(Merge, TheFirstOfThreeFilesIsTheOneThatIsNamed) {
  const Merged all = merged({"", "[log]\nlevel = 1\n", "[log]\nlevel = 2\n", "[log]\nlevel = 3\n"});
  EXPECT_THAT(
      lines_of(all.problems),
      ElementsAre("c:2:1: error: log.level is already defined at b:2:1: it may stand in one file only",
                  "d:2:1: error: log.level is already defined at b:2:1: it may stand in one file only"));
  EXPECT_EQ(written(all.root), "{log={level=1}}");
}

TEST(Merge, ATableAndAValueOfOneNameAreNotMerged) {
  const Merged value_first = merged({"log = 1\n", "[log]\nlevel = 2\n"});
  EXPECT_THAT(lines_of(value_first.problems),
              ElementsAre("b:1:2: error: log is already defined at a:1:1: it may stand in one file only"));
  EXPECT_EQ(written(value_first.root), "{log=1}");
  const Merged table_first = merged({"[log]\nlevel = 2\n", "log = 1\n"});
  EXPECT_THAT(lines_of(table_first.problems),
              ElementsAre("b:1:1: error: log is already defined at a:1:2: it may stand in one file only"));
  EXPECT_EQ(written(table_first.root), "{log={level=2}}");
}

TEST(Merge, ListsOfOneNameAreNotJoined) {
  const Merged both = merged({"x = [1]\n", "x = [2]\n"});
  EXPECT_THAT(lines_of(both.problems),
              ElementsAre("b:1:1: error: x is already defined at a:1:1: it may stand in one file only"));
}

TEST(Merge, AnIncludeIsNotTakenOverAndIsNoProblem) {
  const Merged both = merged({"", "include = [\"x.toml\"]\n[log]\n"});
  EXPECT_THAT(both.problems, IsEmpty());
  EXPECT_EQ(written(both.root), "{log={}}");
}

TEST(Merge, AKeyThatIsNoNameIsQuotedInTheMessage) {
  const std::string text = "[log]\n\"a\\u001bb\" = 1\n";
  EXPECT_THAT(
      lines_of(merged({text, text}).problems),
      ElementsAre("b:2:1: error: log.\"a\\x1bb\" is already defined at a:2:1: it may stand in one file "
                  "only"));
}

TEST(Merge, FilesWithNothingInCommonHaveNoProblemInAnyOrder) {
  const std::vector<std::string> files{"[log]\na = 1\n", "[log]\nb = 2\n", "[pools.x]\n", "[pools.y]\n"};
  EXPECT_THAT(merged(files).problems, IsEmpty());
  EXPECT_THAT(merged({files.rbegin(), files.rend()}).problems, IsEmpty());
}

}  // namespace
}  // namespace weir::config
