#include "config/differences.h"

#include <gtest/gtest.h>

#include "unit/config/support.h"

namespace weir::config {
namespace {

std::string text_of(const Difference& difference) {
  std::string text = difference.is_new ? "+" : difference.is_gone ? "-" : "";
  text += difference.path;
  if (!difference.is_table) text += " " + difference.before + " -> " + difference.after;
  if (difference.change == Change::kRestart) text += " (restart)";
  return text;
}

std::vector<std::string> compare(const std::string& before, const std::string& after) {
  std::vector<std::string> lines;
  for (const Difference& one : differences(settings_of(tree_of(before)), settings_of(tree_of(after)))) {
    lines.push_back(text_of(one));
  }
  return lines;
}

using Lines = std::vector<std::string>;

const std::string kPool = "[pools.web]\nbackends = [\"127.0.0.1:80\"]\n";

TEST(Differences, AreNoneBetweenTheSame) {
  EXPECT_EQ(compare(kPool, kPool), Lines{});
  EXPECT_EQ(compare(kPool, "# words\n[pools.web]\nbackends = [ '127.0.0.1:80' ]\n"), Lines{});
  EXPECT_EQ(compare(kPool, kPool + "retries = 2\n"), Lines{}) << "what the default is anyway";
}

TEST(Differences, NameTheKeyAndBothValues) {
  EXPECT_EQ(compare(kPool, kPool + "retries = 1\n"), Lines{"pools.web.retries 2 -> 1"});
  EXPECT_EQ(compare(kPool, "[pools.web]\nbackends = [\"127.0.0.1:81\"]\n"),
            Lines{"pools.web.backends [\"127.0.0.1:80\"] -> [\"127.0.0.1:81\"]"});
}

TEST(Differences, TellWhatOnlyARestartBringsAbout) {
  EXPECT_EQ(compare(kPool, kPool + "[process]\nuser = \"weir\"\n"),
            Lines{"process.user \"\" -> \"weir\" (restart)"});
}

TEST(Differences, NameATableOnceThatIsNewOrGone) {
  const std::string two = kPool + "[pools.more]\nbackends = [\"127.0.0.1:80\"]\nretries = 1\n";
  EXPECT_EQ(compare(kPool, two), Lines{"+pools.more"});
  EXPECT_EQ(compare(two, kPool), Lines{"-pools.more"});
}

TEST(Differences, HaveEachKeyOfATableInATable) {
  const std::string checked = kPool + "[pools.web.health.http]\npath = \"/up\"\n";
  const auto lines = compare(kPool, checked);
  EXPECT_NE(std::find(lines.begin(), lines.end(), "+pools.web.health.http.path  -> \"/up\""), lines.end())
      << testing::PrintToString(lines);
  EXPECT_EQ(compare(checked, kPool).front().front(), '-');
}

TEST(Differences, AreToldApartWhereNamesHaveDots) {
  const std::string dotted = "[pools.\"web.health\"]\nbackends = [\"127.0.0.1:80\"]\n";
  EXPECT_EQ(compare(kPool + "[pools.web.health]\ntype = \"tcp\"\n" + dotted,
                    kPool + "[pools.web.health]\ntype = \"tls\"\n" + dotted),
            Lines{"pools.web.health.type \"tcp\" -> \"tls\""});
}

TEST(Differences, OfValuesFromTheEnvironmentAreSecretWhicheverSideItIs) {
  Node before = tree_of(kPool);
  Node after = before;
  after.find("pools")->value.find("web")->value.find("backends")->value.items[0] = expanded_value("x");
  for (const auto& found : {differences(settings_of(before), settings_of(after)),
                            differences(settings_of(after), settings_of(before))}) {
    ASSERT_EQ(found.size(), 1u);
    EXPECT_TRUE(found[0].is_secret);
  }
}

TEST(Differences, StandWhereTheNewValueIs) {
  const auto found = differences(settings_of(tree_of(kPool)), settings_of(tree_of(kPool + "retries = 1\n")));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(to_string(found[0].place), "t:3:11");
  const auto gone = differences(settings_of(tree_of(kPool + "retries = 1\n")), settings_of(tree_of(kPool)));
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(to_string(gone[0].place), "t:3:11") << "where it was, for now it is the default";
}

}  // namespace
}  // namespace weir::config
