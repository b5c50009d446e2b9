#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/limits.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::optional<std::string> nothing(const std::string&) { return std::nullopt; }

class Load : public InFolder {
 protected:
  static std::string listener(const std::string& name, int port) {
    return "[listeners." + name + "]\nbind = \"127.0.0.1:" + std::to_string(port) + "\"\npool = \"web\"\n";
  }
};

constexpr const char* kPool = "[pools.web]\nbackends = [\"10.0.0.1:80\"]\n";

TEST_F(Load, NoProblemShowsWhatCameFromTheEnvironment) {
  const Environment environment = [](const std::string& name) { return "secret-" + name; };
  const Loaded loaded = load_text(
      "[listeners.web]\nbind = \"${BIND}\"\npool = \"${POOL}\"\n[process]\nworkers = \"${WORKERS}\"\n" +
          std::string(kPool),
      "weir.toml", environment);
  ASSERT_THAT(loaded.problems, Not(IsEmpty()));
  std::string all;
  for (const Problem& problem : loaded.problems) all += to_string(problem) + "\n";
  EXPECT_THAT(all, Not(HasSubstr("secret")));
  EXPECT_THAT(all, HasSubstr("${WORKERS}"));
  EXPECT_EQ(loaded.secrets.hidden("open secret-BIND"), "open ${BIND}");
}

TEST_F(Load, AMissingFileIsOneErrorWithoutALine) {
  const Loaded loaded = load_file("/no/such/weir.toml", nothing);
  ASSERT_THAT(loaded.problems, SizeIs(1));
  EXPECT_EQ(to_string(loaded.problems[0]), "/no/such/weir.toml: error: the file does not exist");
  EXPECT_THAT(loaded.config.files, ElementsAre("/no/such/weir.toml"));
}

TEST_F(Load, ADirectoryIsRefused) {
  const Loaded loaded = load_file(folder_.string(), nothing);
  ASSERT_THAT(loaded.problems, SizeIs(1));
  EXPECT_EQ(loaded.problems[0].text, "this is a directory, expected a file");
}

TEST_F(Load, AFileThatMayNotBeReadIsRefused) {
  const std::string path = write("weir.toml", kPool);
  ::chmod(path.c_str(), 0);
  // Root may read every file, but for as long as it is somebody else.
  constexpr uid_t kNobody = 65534;
  const bool is_root = ::geteuid() == 0;
  std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  if (is_root && ::seteuid(kNobody) != 0)
    GTEST_SKIP() << "NOT CHECKED: this root may not become another user";
  const Loaded loaded = load_file(path, nothing);
  ASSERT_EQ(is_root ? ::seteuid(0) : 0, 0);
  ASSERT_THAT(loaded.problems, SizeIs(1));
  EXPECT_THAT(loaded.problems[0].text, HasSubstr("permission denied"));
}

TEST_F(Load, AFileThatIsTooLargeIsRefused) {
  const std::string path = write("weir.toml", std::string(kMaxFileBytes + 1, '#'));
  const Loaded loaded = load_file(path, nothing);
  ASSERT_THAT(loaded.problems, SizeIs(1));
  EXPECT_EQ(loaded.problems[0].text, "the file is larger than the 4 MiB that are allowed");
}

TEST_F(Load, IncludedFilesAreReadInTheOrderOfTheirNamesBesideTheIncludingFile) {
  const std::string path = write("weir.toml", std::string("include = [\"d/*.toml\"]\n") + kPool);
  const std::string second = write("d/20.toml", listener("second", 2));
  const std::string first = write("d/10.toml", listener("first", 1));
  write("d/30.txt", "not read");
  write("d/.hidden.toml", "not read");
  const Loaded loaded = load_file(path, nothing);
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_THAT(loaded.config.files, ElementsAre(path, first, second));
  ASSERT_THAT(loaded.config.listeners, SizeIs(2));
  EXPECT_EQ(loaded.config.listeners[0].name, "first");
  EXPECT_EQ(loaded.config.listeners[0].place.file, first);
}

TEST_F(Load, AFileThatTwoPatternsMatchIsReadOnce) {
  const std::string path =
      write("here/weir.toml", std::string("include = [\"a.toml\", \"*.toml\", \"../*/a.toml\"]\n") + kPool);
  const std::string included = write("here/a.toml", listener("a", 1));
  const Loaded loaded = load_file(path, nothing);
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_THAT(loaded.config.files, ElementsAre(path, included));
}

TEST_F(Load, AnAbsoluteIncludeIsTakenAsItIs) {
  const std::string included = write("elsewhere/pool.toml", kPool);
  const std::string path = write("here/weir.toml", "include = [\"" + included + "\"]\n" + listener("a", 1));
  EXPECT_THAT(load_file(path, nothing).problems, IsEmpty());
}

TEST_F(Load, AnIncludeMayComeFromTheEnvironment) {
  write("extra/pool.toml", kPool);
  const std::string path = write("weir.toml", "include = [\"${EXTRA}/*.toml\"]\n" + listener("a", 1));
  const Loaded loaded = load_file(path, [](const std::string& name) {
    return name == "EXTRA" ? std::optional<std::string>("extra") : std::nullopt;
  });
  EXPECT_THAT(loaded.problems, IsEmpty());
}

TEST_F(Load, APatternInADirectoryThatDoesNotExistIsAWarning) {
  const std::string path =
      write("weir.toml", "include = [\"conf.d/*.toml\", \"x*/y*/*.toml\"]\n" + listener("a", 1) + kPool);
  const Loaded loaded = load_file(path, nothing);
  EXPECT_THAT(loaded.problems, SizeIs(2));
  EXPECT_FALSE(has_error(loaded.problems));
}

TEST_F(Load, TheDirectoryOfTheIncludingFileIsNoPattern) {
  write("d[1]*/pool.toml", kPool);
  const std::string path = write("d[1]*/weir.toml", "include = [\"p*.toml\"]\n" + listener("a", 1));
  EXPECT_THAT(load_file(path, nothing).problems, IsEmpty());
}

TEST_F(Load, TooManyIncludedFilesAreOneError) {
  for (std::size_t i = 0; i <= kMaxFiles; ++i) write("d/" + std::to_string(i) + ".toml", "");
  const std::string path = write("weir.toml", "include = [\"d/*.toml\"]\n" + listener("a", 1) + kPool);
  const Loaded loaded = load_file(path, nothing);
  ASSERT_THAT(loaded.problems, SizeIs(1));
  EXPECT_THAT(loaded.problems[0].text, HasSubstr("more than 1000 files"));
}

TEST_F(Load, ProblemsStandInTheOrderOfFilesAndLines) {
  write("b.toml", "[log]\nlevel = 1\n");
  write("a.toml", "[process]\nworkers = -1\n");
  const std::string path = write("weir.toml", std::string("include = [\"b.toml\", \"a.toml\"]\n") +
                                                  listener("a", 99999) + kPool + "retries = 9\n");
  const Loaded loaded = load_file(path, nothing);
  std::vector<std::string> places;
  for (const Problem& problem : loaded.problems) {
    places.push_back(fs::path(problem.place.file).filename().string() + ":" +
                     std::to_string(problem.place.line));
  }
  EXPECT_THAT(places, ElementsAre("weir.toml:3", "weir.toml:7", "b.toml:2", "a.toml:2"));
}

TEST_F(Load, ProblemsAreBoundedAndTheLastOneSaysSo) {
  std::string text;
  for (std::size_t i = 0; i < 2 * kMaxProblems; ++i) text += "key" + std::to_string(i) + " = 1\n";
  const Loaded loaded = load_text(text, "test.toml", nothing);
  EXPECT_THAT(loaded.problems, SizeIs(kMaxProblems + 1));
  EXPECT_TRUE(has_error(loaded.problems));
  EXPECT_EQ(loaded.problems[0].text, "more than 1000 problems: the rest is left out");
}

TEST_F(Load, AProblemIsPrintedWithoutThePartsOfItsPlaceThatAreNotKnown) {
  EXPECT_EQ(to_string(Problem{Severity::kError, {"a.toml", 3, 8}, "x"}), "a.toml:3:8: error: x");
  EXPECT_EQ(to_string(Problem{Severity::kWarning, {"a.toml", 3, 0}, "x"}), "a.toml:3: warning: x");
  EXPECT_EQ(to_string(Problem{Severity::kError, {"a.toml", 0, 0}, "x"}), "a.toml: error: x");
  EXPECT_EQ(to_string(Problem{Severity::kError, {}, "x"}), "error: x");
}

TEST_F(Load, WarningsAloneAreNoError) {
  const Loaded loaded = load_text(listener("a", 1) + kPool + "[pools.spare]\nbackends = [\"10.0.0.2:80\"]\n",
                                  "test.toml", nothing);
  EXPECT_THAT(loaded.problems, SizeIs(1));
  EXPECT_FALSE(has_error(loaded.problems));
}

TEST_F(Load, TheProcessEnvironmentTellsUnsetFromEmpty) {
  ::setenv("WEIR_TEST_EMPTY", "", 1);
  ::unsetenv("WEIR_TEST_UNSET");
  EXPECT_EQ(process_environment()("WEIR_TEST_EMPTY"), "");
  EXPECT_EQ(process_environment()("WEIR_TEST_UNSET"), std::nullopt);
}

}  // namespace
}  // namespace weir::config
