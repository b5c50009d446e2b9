#include "config/source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/unique_fd.h"
#include "config/limits.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Source : public InFolder {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // The names of what matches, as seen from a file of the folder.
  std::vector<std::string> matches(const std::string& pattern) const {
    const auto paths = match_sources(path("weir.toml"), pattern);
    if (!paths) return {"refused: " + paths.error()};
    std::vector<std::string> names;
    for (const std::string& one : *paths) names.push_back(fs::path(one).lexically_relative(folder_).string());
    return names;
  }
};

TEST_F(Source, AFileIsReadToItsLastByteWhateverIsInIt) {
  const std::string bytes = std::string("a\0b\r\n\xff", 6) + std::string(100'000, 'x') + "end";
  EXPECT_EQ(read_source(write("bytes", bytes)), bytes);
  EXPECT_EQ(read_source(write("empty", "")), "");
}

TEST_F(Source, AFileOfExactlyTheLimitIsReadAndNotOneByteMore) {
  const std::string most(kMaxFileBytes, 'x');
  EXPECT_EQ(read_source(write("most", most)).value_or("").size(), kMaxFileBytes);
  const auto larger = read_source(write("larger", most + "x"));
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error(), "the file is larger than the 4 MiB that are allowed");
}

TEST_F(Source, AFileWithoutAnEndIsGivenUpAtTheLimit) {
  const auto endless = read_source("/dev/zero");
  ASSERT_FALSE(endless);
  EXPECT_THAT(endless.error(), HasSubstr("is larger than"));
}

TEST_F(Source, APipeIsReadToItsEndAndNotWaitedForForEver) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const auto silent = read_source(path("pipe"), base::Millis(20));
  ASSERT_FALSE(silent) << "nobody writes to it";
  EXPECT_THAT(silent.error(), HasSubstr("did not come within 20ms"));
  std::thread writer([&] {
    std::ofstream out(path("pipe"));
    out << std::string(100'000, 'x') << std::flush << "end";
  });
  const auto whole = read_source(path("pipe"));
  writer.join();
  EXPECT_EQ(whole.value_or(""), std::string(100'000, 'x') + "end");
  const base::UniqueFd open(::open(path("pipe").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::write(open.get(), "x", 1), 1);
  EXPECT_FALSE(read_source(path("pipe"), base::Millis(20))) << "it has begun and does not end";
}

TEST_F(Source, WhyAFileCannotBeReadIsSaid) {
  fs::create_symlink("loop", folder_ / "loop");
  EXPECT_THAT(read_source(path("missing")).error(), HasSubstr("does not exist"));
  EXPECT_THAT(read_source(folder_.string()).error(), HasSubstr("is a directory"));
  EXPECT_THAT(read_source(path("loop")).error(), HasSubstr("cannot be read: "));
  EXPECT_THAT(read_source(write("file", "") + "/below").error(), HasSubstr("cannot be read: "));
  EXPECT_FALSE(read_source(""));
}

TEST(Beside, ANameIsSeenFromTheDirectoryOfTheFile) {
  EXPECT_EQ(beside("/etc/weir/weir.toml", "a.toml"), "/etc/weir/a.toml");
  EXPECT_EQ(beside("conf/weir.toml", "d/a.toml"), "conf/d/a.toml");
  EXPECT_EQ(beside("weir.toml", "a.toml"), "a.toml");
  EXPECT_EQ(beside("/weir.toml", "a.toml"), "/a.toml");
  EXPECT_EQ(beside("conf/weir.toml", "/etc/a.toml"), "/etc/a.toml");
}

TEST(IsPattern, OnlyStarsQuestionMarksAndBracketsMakeAPattern) {
  for (const char* text : {"*", "a?.toml", "[ab].toml", "conf.d/*.toml"})
    EXPECT_TRUE(is_pattern(text)) << text;
  for (const char* text : {"", "a.toml", "{a,b}.toml", "~/a.toml", "a]b", "$A"})
    EXPECT_FALSE(is_pattern(text)) << text;
}

TEST_F(Source, MatchesAreSortedByTheirBytesWhateverTheLocale) {
  for (const char* name : {"b.toml", "B.toml", "a.toml", "_.toml", "10.toml", "9.toml", "\xc3\xa9.toml"})
    write(name, "");
  EXPECT_THAT(matches("*.toml"),
              ElementsAre("10.toml", "9.toml", "B.toml", "_.toml", "a.toml", "b.toml", "\xc3\xa9.toml"));
}

TEST_F(Source, EveryFormOfAPatternMatchesWhatTheManualSays) {
  for (const char* name : {"a1.toml", "a2.toml", "b1.toml", "a12.toml", ".a3.toml"}) write(name, "");
  EXPECT_THAT(matches("a?.toml"), ElementsAre("a1.toml", "a2.toml"));
  EXPECT_THAT(matches("[!a]*.toml"), ElementsAre("b1.toml"));
  EXPECT_THAT(matches("*1.toml"), ElementsAre("a1.toml", "b1.toml"));
  EXPECT_THAT(matches("{a,b}*.toml"), IsEmpty()) << "braces are the shell's";
}

TEST_F(Source, NothingMatchesWhereThereIsNoSuchDirectoryOrNone) {
  write("file", "");
  EXPECT_THAT(matches("missing/*.toml"), IsEmpty());
  EXPECT_THAT(matches("file/*.toml"), IsEmpty());
  EXPECT_THAT(matches("*.toml"), IsEmpty());
}

TEST_F(Source, ADirectoryThatCannotBeSearchedIsAnErrorAndNotAnEmptyOne) {
  fs::create_directory_symlink("loop", folder_ / "loop");
  EXPECT_THAT(matches("loop/*.toml"),
              ElementsAre("refused: the directories of \"loop/*.toml\" cannot be read "
                          "by this user"));
}

TEST_F(Source, LettersOfPatternsInTheDirectorysNameStandForThemselves) {
  const fs::path odd = folder_ / "a[b]*?\\c";
  fs::create_directory(odd);
  std::ofstream(odd / "x.toml") << "";
  EXPECT_THAT(match_sources((odd / "weir.toml").string(), "*.toml").value(),
              ElementsAre((odd / "x.toml").string()));
}

TEST_F(Source, AFileHasOneIdentityUnderEveryName) {
  const std::string real = write("real.toml", "");
  fs::create_symlink("real.toml", folder_ / "alias.toml");
  fs::create_directory_symlink(folder_, folder_ / "there");
  EXPECT_EQ(identity(path("alias.toml")), identity(real));
  EXPECT_EQ(identity(path("there/real.toml")), identity(real));
  EXPECT_EQ(identity(folder_.string() + "/./there/../" + folder_.filename().string() + "/real.toml"),
            identity(real));
  EXPECT_EQ(identity(fs::path(real).lexically_relative(fs::current_path()).string()), identity(real));
  EXPECT_NE(identity(write("other.toml", "")), identity(real));
}

TEST_F(Source, AFileThatIsNotThereIsIdentifiedByItsName) {
  EXPECT_EQ(identity("no/such/file"), "no/such/file");
  fs::create_symlink("gone", folder_ / "dangling");
  EXPECT_EQ(identity(path("dangling")), path("dangling"));
}

}  // namespace
}  // namespace weir::config
