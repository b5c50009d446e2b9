#include "config/build_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Built {
  PoolConfig pool;
  std::vector<std::string> problems;
};

Built built(const std::string& lines) {
  const Node table = tree_of(lines);
  Problems problems;
  TableReader reader(Section::kPool, table, "pools.app", table.place, problems);
  Built out;
  read_source(reader, out.pool);
  out.problems = lines_of(problems);
  return out;
}

std::vector<std::string> sources_of(const PoolConfig& pool) {
  std::vector<std::string> out;
  for (const auto& source : pool.sources) out.push_back(source.value.ip_to_string());
  return out;
}

// A list of `count` addresses, each another.
std::string list_of(std::size_t count) {
  std::string list = "source = [";
  for (std::size_t i = 0; i < count; ++i) {
    list += "\"10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + "\",";
  }
  return list + "]\n";
}

TEST(BuildSource, WithoutAKeyTheKernelChooses) {
  const Built a = built("");
  EXPECT_THAT(a.problems, IsEmpty());
  EXPECT_THAT(a.pool.sources, IsEmpty());
  EXPECT_FALSE(a.pool.transparent);
  EXPECT_EQ(a.pool.interface.value, "");
}

TEST(BuildSource, AddressesKeepTheirOrderAndTheirPlaces) {
  const Built a = built("source = [\"10.0.0.6\", \"2001:db8::5\", \"10.0.0.5\"]\n");
  EXPECT_THAT(a.problems, IsEmpty());
  EXPECT_THAT(sources_of(a.pool), ElementsAre("10.0.0.6", "2001:db8::5", "10.0.0.5"));
  EXPECT_EQ(to_string(a.pool.sources[1].place), "t:1:23");
}

TEST(BuildSource, AnAddressThatCannotBeReadLeavesTheOthers) {
  const Built a = built("source = [\"10.0.0.6\", \"10.0.0.5:80\", 5, \"10.0.0.7\"]\n");
  EXPECT_THAT(a.problems, ElementsAre(HasSubstr("t:1:23: error: pools.app.source: \"10.0.0.5:80\""),
                                      HasSubstr("pools.app.source: found 5")));
  EXPECT_THAT(sources_of(a.pool), ElementsAre("10.0.0.6", "10.0.0.7"));
}

TEST(BuildSource, AnAddressThatIsThereTwiceIsAnErrorHoweverItIsWritten) {
  EXPECT_THAT(
      built("source = [\"2001:db8::5\", \"2001:db8:0::0005\"]\n").problems,
      ElementsAre("t:1:26: error: pools.app.source: \"2001:db8:0::0005\" is already at t:1:11: an address "
                  "brings its ports only once"));
}

TEST(BuildSource, OneAddressWithoutBracketsIsToldToHaveThem) {
  EXPECT_THAT(built("source = \"10.0.0.5\"\n").problems, ElementsAre(HasSubstr("; put it in brackets")));
}

TEST(BuildSource, HoldsAsManyAddressesAsTheLimitAndNotOneMore) {
  EXPECT_EQ(built(list_of(kMaxSources)).pool.sources.size(), kMaxSources);
  EXPECT_THAT(built(list_of(kMaxSources + 1)).problems,
              ElementsAre(HasSubstr("pools.app.source: found 65 addresses, at most 64 are allowed")));
}

TEST(BuildSource, AClientsAddressAndOneOfOursExcludeEachOther) {
  EXPECT_THAT(built("transparent = true\n").problems, IsEmpty());
  EXPECT_THAT(built("transparent = true\nsource = []\n").problems, IsEmpty());
  EXPECT_THAT(built("transparent = true\nsource = [\"10.0.0.5\"]\n").problems,
              ElementsAre(HasSubstr("t:1:15: error: pools.app.transparent: with \"source\"")));
}

TEST(BuildSource, AnInterfaceHasANameThatTheKernelLets) {
  for (const char* name : {"eth0", "br-1a2b3c", "eth0.100", "fifteen-letters", "wlan@home"}) {
    EXPECT_THAT(built("interface = \"" + std::string(name) + "\"\n").problems, IsEmpty()) << name;
  }
  for (const char* name : {"sixteen-letters-", "eth 0", "eth/0", "eth0:1", ".", ".."}) {
    EXPECT_THAT(
        built("interface = \"" + std::string(name) + "\"\n").problems,
        ElementsAre(HasSubstr("pools.app.interface: \"" + std::string(name) + "\" cannot be the name")));
  }
}

}  // namespace
}  // namespace weir::config
