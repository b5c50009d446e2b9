#include "config/include.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "unit/config/support.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Include : public InFolder {
 protected:
  Include() : main_((folder_ / "weir.toml").string()) {}

  // The tree of a file with this text, which need not be on the disk.
  Tree tree(const std::string& text, const Environment& environment = no_variables) {
    problems_.clear();
    return build_tree(text, main_, environment, problems_);
  }

  std::string main_;
  Problems problems_;
};

TEST_F(Include, WithoutAnIncludeTheTreeIsThatOfTheText) {
  const Tree alone = tree("[log]\nlevel = \"info\"\n");
  EXPECT_TRUE(alone.is_whole);
  EXPECT_THAT(alone.files, ElementsAre(main_));
  EXPECT_EQ(found(alone.root.find("log")->value.find("level")->value), "\"info\"");
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(Include, WhatAnIncludedFileBringsStandsInItsOwnPlace) {
  const std::string included = write("log.toml", "\n[log]\nlevel = \"info\"\n");
  const Tree both = tree("include = [\"log.toml\"]\n");
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_TRUE(both.is_whole);
  EXPECT_EQ(to_string(both.root.find("log")->value.find("level")->value.place), included + ":3:9");
}

TEST_F(Include, AnIncludedFileIsExpandedFromTheSameEnvironment) {
  write("log.toml", "[log]\nlevel = \"${LEVEL}\"\n");
  const Tree both = tree("include = [\"log.toml\"]\n", [](const std::string& name) {
    return name == "LEVEL" ? std::optional<std::string>("debug") : std::nullopt;
  });
  EXPECT_THAT(problems_, IsEmpty());
  const Node& level = both.root.find("log")->value.find("level")->value;
  EXPECT_EQ(level.text, "debug");
  EXPECT_TRUE(level.is_expanded);
}

TEST_F(Include, ATreeIsNotWholeWhenAnyPartOfItIsMissing) {
  write("broken.toml", "[log\n");
  write("nested.toml", "include = [\"broken.toml\"]\n");
  fs::create_directory(folder_ / "directory.toml");
  for (const char* text : {"[log\n", "include = [\"broken.toml\"]\n", "include = [\"nested.toml\"]\n",
                           "include = [\"missing.toml\"]\n", "include = [\"directory.toml\"]\n",
                           "include = [\"weir.toml\"]\n", "include = [\"bro*.toml\"]\n"}) {
    EXPECT_FALSE(tree(text).is_whole) << text;
    EXPECT_TRUE(has_error(problems_)) << text;
  }
}

TEST_F(Include, ATreeIsWholeWhenAPatternMatchesNothing) {
  EXPECT_TRUE(tree("include = [\"conf.d/*.toml\"]\n").is_whole);
  EXPECT_THAT(problems_, SizeIs(1));
  EXPECT_FALSE(has_error(problems_));
}

TEST_F(Include, AFileThatCannotBeUsedDoesNotKeepTheNextFromBeingRead) {
  const std::string broken = write("10.toml", "[log\n");
  const std::string good = write("20.toml", "[log]\n");
  const Tree both = tree("include = [\"missing.toml\", \"*.toml\"]\n");
  EXPECT_THAT(problems_, SizeIs(2));
  EXPECT_THAT(both.files, ElementsAre(main_, broken, good));
  EXPECT_NE(both.root.find("log"), nullptr);
}

TEST_F(Include, TheListOfTheFirstFileIsReadToItsEndThoughMergingGrowsItsTable) {
  std::string list = "include = [";
  for (int i = 0; i < 40; ++i) {
    const std::string name = "p" + std::to_string(i);
    write(name + ".toml", "[" + name + "]\n");
    list += "\"" + name + ".toml\",";
  }
  const Tree all = tree(list + "]\n");
  EXPECT_THAT(problems_, IsEmpty());
  EXPECT_THAT(all.files, SizeIs(41));
  EXPECT_THAT(all.root.entries, SizeIs(41));
}

TEST_F(Include, AFileUnderTwoNamesIsReadOnce) {
  const std::string real = write("real.toml", "[log]\n");
  fs::create_symlink(real, folder_ / "alias.toml");
  fs::create_directory_symlink(folder_, folder_ / "there");
  const Tree once = tree("include = [\"real.toml\", \"alias.toml\", \"./there/real.toml\"]\n");
  EXPECT_THAT(lines_of(problems_), IsEmpty());
  EXPECT_THAT(once.files, ElementsAre(main_, real));
}

TEST_F(Include, TheFirstFileUnderAnotherNameIsStillItself) {
  write("weir.toml", "");
  fs::create_symlink(main_, folder_ / "alias.toml");
  EXPECT_FALSE(tree("include = [\"alias.toml\"]\n").is_whole);
  EXPECT_THAT(lines_of(problems_), ElementsAre(HasSubstr("is this file itself")));
  EXPECT_TRUE(tree("include = [\"*.toml\"]\n").is_whole);
  EXPECT_THAT(lines_of(problems_), IsEmpty()) << "a pattern may match the file it stands in";
}

TEST_F(Include, AMatchedNameWithControlCharactersIsRefusedAndNotPrinted) {
  write("a\x1b[31m.toml", "[log]\n");
  EXPECT_FALSE(tree("include = [\"*.toml\"]\n").is_whole);
  EXPECT_THAT(lines_of(problems_), ElementsAre(HasSubstr("a\\x1b[31m.toml\" has control characters")));
}

TEST_F(Include, WhatIsNoFileNameIsLeftToBuild) {
  EXPECT_TRUE(tree("include = [1, \"\", \"a\\u001bb\", [], true]\n").is_whole);
  EXPECT_THAT(lines_of(problems_), IsEmpty());
  EXPECT_TRUE(tree("include = \"log.toml\"\n").is_whole);
  EXPECT_THAT(lines_of(problems_), IsEmpty());
}

}  // namespace
}  // namespace weir::config
