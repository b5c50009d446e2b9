#include "net/hosts_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "support/sanitizers.h"
#include "unit/support.h"

namespace weir::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> texts(const std::optional<std::vector<base::Address>>& addresses) {
  std::vector<std::string> texts;
  if (!addresses) return {"nothing"};
  for (const base::Address& address : *addresses) texts.push_back(address.ip_to_string());
  return texts;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(HostsFile, FindsEachNameOfALineInAnyCase) {
  const test::TempFolder folder;
  write(folder.file("hosts"),
        "# a comment\n192.0.2.1\tApp app.test  # more names: not.here\n\n  192.0.2.2 app\r\n2001:db8::1 app\n"
        "192.0.2.1 app\nnonsense app\n192.0.2.3");
  HostsFile hosts(folder.file("hosts"));
  EXPECT_THAT(texts(hosts.find("aPP", {})), ElementsAre("192.0.2.1", "192.0.2.2", "2001:db8::1"));
  EXPECT_THAT(texts(hosts.find("app.test.", {})), ElementsAre("192.0.2.1"));
  EXPECT_THAT(texts(hosts.find("not.here", {})), ElementsAre("nothing"));
  EXPECT_THAT(texts(hosts.find("app", {false, true})), ElementsAre("2001:db8::1"));
  EXPECT_THAT(texts(hosts.find("app.test", {false, true})), ElementsAre("nothing"))
      << "a family that the file has not is asked for";
}

TEST(HostsFile, IsReadAgainWhenItHasChanged) {
  const test::TempFolder folder;
  HostsFile hosts(folder.file("hosts"));
  EXPECT_THAT(texts(hosts.find("app", {})), ElementsAre("nothing"));
  write(folder.file("hosts"), "192.0.2.1 app\n");
  EXPECT_THAT(texts(hosts.find("app", {})), ElementsAre("192.0.2.1"));
  write(folder.file("new"), "192.0.2.2 app\n");
  std::filesystem::rename(folder.file("new"), folder.file("hosts"));
  EXPECT_THAT(texts(hosts.find("app", {})), ElementsAre("192.0.2.2"));
  std::filesystem::remove(folder.file("hosts"));
  EXPECT_THAT(texts(hosts.find("app", {})), ElementsAre("nothing"));
}

TEST(HostsFile, LocalhostIsLoopbackUnlessTheFileSaysMore) {
  const test::TempFolder folder;
  HostsFile hosts(folder.file("hosts"));
  EXPECT_THAT(texts(hosts.find("localhost", {})), ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(texts(hosts.find("db.LOCALHOST.", {true, false})), ElementsAre("127.0.0.1"));
  EXPECT_THAT(texts(hosts.find("notlocalhost", {})), ElementsAre("nothing"));
  write(folder.file("hosts"), "127.0.0.5 localhost\n");
  EXPECT_THAT(texts(hosts.find("localhost", {})), ElementsAre("127.0.0.5"));
  EXPECT_THAT(texts(hosts.find("localhost", {false, true})), ElementsAre("::1"))
      << "a name server is never asked for it";
}

// One that has changed in the moment in which no descriptor is left is read the next time.
TEST(HostsFile, ThatCannotBeOpenedNowIsNotForgotten) {
  if (test::kSanitized) {
    GTEST_SKIP() << "the sanitizer's check of virtual calls opens a pipe, and reports a fault when it cannot";
  }
  const test::TempFolder folder;
  write(folder.file("hosts"), "192.0.2.1 app\n");
  HostsFile hosts(folder.file("hosts"));
  EXPECT_THAT(texts(hosts.find("app", {})), ElementsAre("192.0.2.1"));
  write(folder.file("new"), "192.0.2.22 app\n");
  std::filesystem::rename(folder.file("new"), folder.file("hosts"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto meanwhile = hosts.find("app", {});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_THAT(texts(meanwhile), ElementsAre("192.0.2.1"));
  EXPECT_THAT(texts(hosts.find("app", {})), ElementsAre("192.0.2.22"));
}

TEST(HostsFile, ThatIsTooLongIsReadUpToALineThatWouldBeCut) {
  const test::TempFolder folder;
  const std::string first = "192.0.2.1 app\n#";
  const std::string last = "\n192.0.2.2 app.internal\n";
  const std::string_view seen_of_last = "\n192.0.2.2 app.in";
  write(folder.file("hosts"),
        first + std::string(HostsFile::kMaxBytes - first.size() - seen_of_last.size(), '#') + last);
  HostsFile hosts(folder.file("hosts"));
  EXPECT_THAT(texts(hosts.find("app", {})), ElementsAre("192.0.2.1"));
  EXPECT_THAT(texts(hosts.find("app.in", {})), ElementsAre("nothing"));
}

TEST(HostsFile, AFolderInItsPlaceIsNoFile) {
  const test::TempFolder folder;
  HostsFile hosts(folder.path());
  EXPECT_THAT(texts(hosts.find("app", {})), ElementsAre("nothing"));
}

TEST(HostsText, OfOnlyJunkHasNoNames) {
  EXPECT_THAT(parse_hosts(std::string("\0\xff 127.0.0.1 x\n127.0.0.1\n127.0.0.1#x\n", 34)), IsEmpty());
}

}  // namespace
}  // namespace weir::net
