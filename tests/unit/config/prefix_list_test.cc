#include "config/prefix_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "config/limits.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// "10.0.0.0/8 at 1:1".
std::vector<std::string> entries_of(const PrefixList& list) {
  std::vector<std::string> entries;
  for (const PrefixListEntry& entry : list.entries) {
    entries.push_back((entry.prefix ? entry.prefix->to_string() : "unix") + " at " +
                      std::to_string(entry.line) + ":" + std::to_string(entry.column));
  }
  return entries;
}

std::vector<std::string> problems_of(const PrefixList& list) {
  std::vector<std::string> problems;
  for (const Problem& problem : list.problems) problems.push_back(to_string(problem));
  return problems;
}

std::vector<std::string> problems_of(std::string_view text) {
  return problems_of(parse_prefix_list(text, "allow.txt"));
}

constexpr std::string_view kForms =
    "expected an IPv4 or IPv6 address or network, e.g. \"10.0.0.0/8\", \"192.0.2.1\" or \"2001:db8::/32\"";

TEST(PrefixList, HoldsOneEntryALineInItsOrderWithItsPlace) {
  const PrefixList list = parse_prefix_list(
      "# offices\n"
      "10.0.0.0/8\n"
      "\n"
      "  2001:db8::/32   # Vienna\n"
      "\tunix\n"
      "192.0.2.1#a host\n"
      "   # caf\xc3\xa9\n"
      "10.0.0.0/8",
      "allow.txt");
  EXPECT_THAT(entries_of(list), ElementsAre("10.0.0.0/8 at 2:1", "2001:db8::/32 at 4:3", "unix at 5:2",
                                            "192.0.2.1/32 at 6:1", "10.0.0.0/8 at 8:1"));
  EXPECT_THAT(problems_of(list), IsEmpty());
}

TEST(PrefixList, WithNothingInItIsNoProblem) {
  for (const char* text : {"", "\n", "\n\n  \n", "# only a comment", "\xef\xbb\xbf", "\r\n"}) {
    const PrefixList list = parse_prefix_list(text, "allow.txt");
    EXPECT_THAT(list.entries, IsEmpty());
    EXPECT_THAT(problems_of(list), IsEmpty());
  }
}

TEST(PrefixList, FromWindowsIsReadAlike) {
  const PrefixList list = parse_prefix_list(
      "\xef\xbb\xbf"
      "10.0.0.0/8\r\n# x\r\nunix\r\n::1\r",
      "allow.txt");
  EXPECT_THAT(entries_of(list), ElementsAre("10.0.0.0/8 at 1:1", "unix at 3:1", "::1/128 at 4:1"));
  EXPECT_THAT(problems_of(list), IsEmpty());
}

TEST(PrefixList, EveryProblemIsReportedWithItsPlaceAndTheGoodLinesAreKept) {
  const PrefixList list =
      parse_prefix_list("10.0.0.0/33\n10.0.0.0/8\n  localhost\n::1/129 # x\nUnix\n", "allow.txt");
  EXPECT_THAT(entries_of(list), ElementsAre("10.0.0.0/8 at 2:1"));
  EXPECT_THAT(
      problems_of(list),
      ElementsAre(
          "allow.txt:1:1: error: \"10.0.0.0/33\" is not a network: expected a prefix length from 0 to "
          "32 after the \"/\"",
          "allow.txt:3:3: error: \"localhost\" is not a network: " + std::string(kForms),
          "allow.txt:4:1: error: \"::1/129\" is not a network: expected a prefix length from 0 to 128 "
          "after the \"/\"",
          "allow.txt:5:1: error: \"Unix\" is not a network: " + std::string(kForms) +
              "; did you mean \"unix\"?"));
}

TEST(PrefixList, HostBitsAreAWarningThatShowsTheNetworkMeant) {
  const PrefixList list = parse_prefix_list("10.1.2.3/8\n2001:db8::1/32\n", "allow.txt");
  EXPECT_THAT(entries_of(list), ElementsAre("10.0.0.0/8 at 1:1", "2001:db8::/32 at 2:1"));
  EXPECT_THAT(
      problems_of(list),
      ElementsAre("allow.txt:1:1: warning: \"10.1.2.3/8\" has host bits set: 10.0.0.0/8 is meant",
                  "allow.txt:2:1: warning: \"2001:db8::1/32\" has host bits set: 2001:db8::/32 is meant"));
  EXPECT_FALSE(has_error(list.problems));
}

TEST(PrefixList, MappedNetworksAreIpv4) {
  const PrefixList list = parse_prefix_list("::ffff:10.0.0.0/104\n::ffff:10.0.0.0/8\n", "allow.txt");
  EXPECT_THAT(entries_of(list), ElementsAre("10.0.0.0/8 at 1:1"));
  EXPECT_THAT(
      problems_of(list),
      ElementsAre(
          "allow.txt:2:1: error: \"::ffff:10.0.0.0/8\" is not a network: an IPv4 address in IPv6 form "
          "needs a prefix length from 96 to 128; if IPv4 is meant, write \"10.0.0.0/8\""));
}

TEST(PrefixList, TheWaysOfOtherServersAreNamed) {
  for (const char* line : {"deny 10.0.0.0/8;", "10.0.0.0/8,", "10.0.0.0/8 11.0.0.0/8"}) {
    EXPECT_THAT(problems_of(line),
                ElementsAre(testing::EndsWith("; expected one network a line, and nothing else")))
        << line;
  }
  EXPECT_THAT(problems_of("any"),
              ElementsAre(testing::EndsWith("; for every address write \"0.0.0.0/0\" and \"::/0\"")));
}

TEST(PrefixList, ALineThatIsNotTextIsAnErrorWithItsColumn) {
  EXPECT_THAT(problems_of("10.0.0.0/8\n# caf\xc3\xa9 \xff\n"s),
              ElementsAre("allow.txt:2:8: error: the byte \\xff is not UTF-8: save the file as UTF-8 text"));
  EXPECT_THAT(
      problems_of("10.0.0.0/8\0\n"s),
      ElementsAre("allow.txt:1:11: error: the control character \\x00: lines hold text and end with a line "
                  "feed"));
}

// A comment must not swallow the entries of a file whose lines end with carriage returns.
TEST(PrefixList, ALoneCarriageReturnEndsNoLineAndHidesNothing) {
  EXPECT_THAT(
      problems_of("# denied\r10.0.0.0/8\r"),
      ElementsAre("allow.txt:1:9: error: the control character \\x0d: lines hold text and end with a line "
                  "feed"));
}

TEST(PrefixList, AMessageCarriesNoControlCharacterAndIsNotEndless) {
  const auto problems = problems_of("\xe2\x80\xae" + std::string(100'000, 'x'));
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_LT(problems[0].size(), 400u);
}

TEST(PrefixList, ReportsTwentyProblemsAndCountsTheOthers) {
  std::string text;
  for (int i = 0; i < 23; ++i) text += "x" + std::to_string(i) + "\n";
  const auto problems = problems_of(text);
  ASSERT_THAT(problems, SizeIs(21));
  EXPECT_THAT(problems[19], testing::StartsWith("allow.txt:20:1: error: \"x19\""));
  EXPECT_EQ(problems[20], "allow.txt: error: ... and 3 more errors");
}

TEST(PrefixList, ReportsTwentyProblemsWithoutCountingNothing) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "10.0.0.1/8\n";
  EXPECT_THAT(problems_of(text), SizeIs(20));
  const PrefixList more = parse_prefix_list(text + "10.0.0.1/8\n", "allow.txt");
  EXPECT_EQ(problems_of(more)[20], "allow.txt: warning: ... and 1 more warning");
  EXPECT_FALSE(has_error(more.problems));
}

TEST(PrefixList, AnErrorIsShownHoweverManyWarningsStandBeforeIt) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += "10.0.0.1/8\n";
  const PrefixList list = parse_prefix_list(text + "x\n", "allow.txt");
  const auto problems = problems_of(list);
  ASSERT_THAT(problems, SizeIs(21));
  EXPECT_THAT(problems[18], testing::StartsWith("allow.txt:19:1: warning"));
  EXPECT_THAT(problems[19], testing::StartsWith("allow.txt:31:1: error: \"x\""));
  EXPECT_EQ(problems[20], "allow.txt: warning: ... and 11 more warnings");
  EXPECT_TRUE(has_error(list.problems));
}

TEST(PrefixList, OfMoreThanAMillionEntriesIsRefusedAtTheFirstTooMany) {
  std::string text;
  text.reserve(kMaxPrefixListEntries * 3 + 100);
  for (std::size_t i = 0; i < kMaxPrefixListEntries; ++i) text += "::\n";
  const PrefixList most = parse_prefix_list(text, "allow.txt");
  EXPECT_EQ(most.entries.size(), kMaxPrefixListEntries);
  EXPECT_THAT(problems_of(most), IsEmpty());
  const PrefixList list = parse_prefix_list(text + "# one more\n ::1\n::2\n", "allow.txt");
  EXPECT_EQ(list.entries.size(), kMaxPrefixListEntries);
  EXPECT_THAT(problems_of(list),
              ElementsAre("allow.txt:1000002:2: error: more than 1000000 entries: the rest is not read"));
}

TEST(PrefixList, LinesThatCannotBeReadCountAsEntries) {
  std::string text;
  for (std::size_t i = 0; i < kMaxPrefixListEntries + 10; ++i) text += "x\n";
  EXPECT_EQ(problems_of(text).back(), "allow.txt: error: ... and 999981 more errors");
}

TEST(PrefixList, OfTooManyBytesIsRefused) {
  EXPECT_THAT(problems_of(std::string(kMaxPrefixListBytes + 1, '\n')),
              ElementsAre("allow.txt: error: the list is larger than the 64 MiB that are allowed"));
  EXPECT_THAT(problems_of(std::string(kMaxPrefixListBytes, '\n')), IsEmpty());
}

TEST(ParseListedClient, TakesNetworksAndTheWordUnix) {
  EXPECT_EQ(parse_listed_client("10.0.0.0/8")->prefix->to_string(), "10.0.0.0/8");
  EXPECT_EQ(parse_listed_client("10.0.0.0/8")->warning, "");
  EXPECT_EQ(parse_listed_client("10.0.0.1/8")->warning,
            "\"10.0.0.1/8\" has host bits set: 10.0.0.0/8 is meant");
  EXPECT_EQ(parse_listed_client("unix")->prefix, std::nullopt);
  EXPECT_EQ(parse_listed_client("").error(), "\"\" is not a network: " + std::string(kForms));
  EXPECT_EQ(parse_listed_client("\x1b[2J").error(), "\"\\x1b[2J\" is not a network: " + std::string(kForms));
}

class LoadPrefixList : public InFolder {
 protected:
  LoadPrefixList() : path_((folder_ / "allow.txt").string()) {}

  // The one problem of the file, without its name in front.
  std::string fault() const {
    const PrefixList list = load_prefix_list(path_);
    EXPECT_THAT(list.entries, IsEmpty());
    if (list.problems.size() != 1) return std::to_string(list.problems.size()) + " problems";
    EXPECT_EQ(list.problems[0].place.file, path_);
    EXPECT_EQ(list.problems[0].place.line, 0u);
    return list.problems[0].text;
  }

  std::string path_;
};

TEST_F(LoadPrefixList, ReadsTheFileAndNamesItInProblems) {
  std::ofstream(path_) << "10.0.0.0/8\nx\n";
  const PrefixList list = load_prefix_list(path_);
  EXPECT_THAT(entries_of(list), ElementsAre("10.0.0.0/8 at 1:1"));
  EXPECT_THAT(problems_of(list), ElementsAre(testing::StartsWith(path_ + ":2:1: error: \"x\"")));
}

TEST_F(LoadPrefixList, SaysWhyAFileCannotBeRead) {
  EXPECT_EQ(fault(), "the file does not exist");
  fs::create_directory(path_);
  EXPECT_EQ(fault(), "this is a directory, expected a file");
  fs::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(fault(), "this is a device, a pipe or a socket, expected a file");
}

TEST_F(LoadPrefixList, AFileThatThisUserMayNotReadIsRefused) {
  std::ofstream(path_) << "10.0.0.0/8\n";
  fs::permissions(path_, fs::perms::none);
  fs::permissions(folder_, fs::perms::all);
  // Root may read everything, so it is somebody else for a moment.
  const uid_t user = ::geteuid();
  constexpr uid_t kNobody = 65534;
  ASSERT_TRUE(user != 0 || ::seteuid(kNobody) == 0);
  const std::string found = fault();
  ASSERT_TRUE(user != 0 || ::seteuid(user) == 0);
  EXPECT_EQ(found, "the file may not be read by this user: permission denied");
}

TEST_F(LoadPrefixList, AFileOfTooManyBytesIsNotEvenRead) {
  std::ofstream(path_) << "10.0.0.0/8\n";
  fs::resize_file(path_, kMaxPrefixListBytes + 1);
  EXPECT_EQ(fault(), "the file is larger than the 64 MiB that are allowed");
}

TEST_F(LoadPrefixList, AFileThatGrowsWhileItIsReadIsRefused) {
  std::string comments(std::size_t{4} << 20, '#');
  std::ofstream(path_) << comments << "\n";
  std::atomic<bool> is_done{false};
  std::thread writer([&] {
    std::ofstream out(path_, std::ios::app);
    // Far below the size at which the file would be refused for it.
    for (int i = 0; i < 20'000'000 && !is_done; ++i) out << "\n" << std::flush;
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  std::string found;
  while (found.find("changed while it was read") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
    const PrefixList list = load_prefix_list(path_);
    if (!list.problems.empty()) found = list.problems[0].text;
  }
  is_done = true;
  writer.join();
  EXPECT_EQ(found,
            "the file changed while it was read: write it under another name and rename it into place");
}

TEST_F(LoadPrefixList, AFileThatIsReplacedByRenamingIsOneOrTheOther) {
  const std::string many = "10.0.0.0/8\n" + std::string(std::size_t{1} << 20, '#') + "\n10.1.0.0/16\n";
  std::ofstream(path_) << many;
  std::atomic<bool> is_done{false};
  std::thread writer([&] {
    for (int i = 0; !is_done; ++i) {
      const std::string other = path_ + ".new";
      std::ofstream(other) << (i % 2 == 0 ? "unix\n" : many);
      fs::rename(other, path_);
    }
  });
  for (int i = 0; i < 200; ++i) {
    const PrefixList list = load_prefix_list(path_);
    EXPECT_THAT(problems_of(list), IsEmpty());
    EXPECT_THAT(entries_of(list), testing::AnyOf(ElementsAre("unix at 1:1"),
                                                 ElementsAre("10.0.0.0/8 at 1:1", "10.1.0.0/16 at 3:1")));
  }
  is_done = true;
  writer.join();
}

}  // namespace
}  // namespace weir::config
