#include "config/settings.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/config/support.h"

namespace weir::config {
namespace {

constexpr const char* kFile =
    "[process]\nworkers = 2\n"
    "[listeners.web]\nbind = \"127.0.0.1:0\"\npool = \"web\"\n[listeners.web.access]\ndeny = "
    "[\"192.0.2.0/24\"]\n"
    "[pools.web]\nbackends = [\"127.0.0.1:80\", { address = \"127.0.0.1:81\", weight = 2 }]\n"
    "[pools.web.health]\ninterval = \"1s\"\n[pools.web.health.http]\npath = \"/up\"\n";

const Setting* find(const std::vector<Setting>& settings, const std::string& path) {
  const auto at = std::find_if(settings.begin(), settings.end(),
                               [&](const Setting& setting) { return setting.path() == path; });
  return at == settings.end() ? nullptr : &*at;
}

TEST(Settings, SayWhatWasWrittenAndWhere) {
  const auto settings = settings_of(tree_of(kFile));
  const Setting* workers = find(settings, "process.workers");
  ASSERT_NE(workers, nullptr);
  EXPECT_EQ(workers->value, "2");
  ASSERT_TRUE(workers->place.has_value());
  EXPECT_EQ(to_string(*workers->place), "t:2:11");
  const Setting* backends = find(settings, "pools.web.backends");
  ASSERT_NE(backends, nullptr);
  EXPECT_EQ(backends->value, "[\"127.0.0.1:80\", { address = \"127.0.0.1:81\", weight = 2 }]");
  EXPECT_EQ(find(settings, "listeners.web.access.deny")->value, "[\"192.0.2.0/24\"]");
}

TEST(Settings, HaveTheDefaultsOfWhatWasNotWritten) {
  const auto settings = settings_of(tree_of(kFile));
  const Setting* retries = find(settings, "pools.web.retries");
  ASSERT_NE(retries, nullptr);
  EXPECT_EQ(retries->value, find_key(Section::kPool, "retries")->default_value);
  EXPECT_FALSE(retries->place.has_value());
  EXPECT_EQ(find(settings, "log.level")->value, "\"info\"") << "of a table that was not written at all";
}

TEST(Settings, OfTablesInATableAreThoseOfTheOnesThatWereWritten) {
  const auto settings = settings_of(tree_of(kFile));
  EXPECT_EQ(find(settings, "pools.web.health.interval")->value, "\"1s\"");
  EXPECT_EQ(find(settings, "pools.web.health.http.path")->value, "\"/up\"");
  EXPECT_NE(find(settings, "pools.web.health.timeout"), nullptr) << "its defaults too";
  EXPECT_EQ(find(settings, "pools.web.tls.verify"), nullptr);
  EXPECT_EQ(find(settings, "pools.web.outlier.eject_time"), nullptr);
}

TEST(Settings, TellWhichOfThemNeedARestart) {
  const auto settings = settings_of(tree_of(kFile));
  EXPECT_EQ(find(settings, "process.user")->change, Change::kRestart);
  EXPECT_EQ(find(settings, "process.drain_timeout")->change, Change::kLive);
}

TEST(Settings, FromTheEnvironmentAreSecret) {
  Node tree = tree_of(kFile);
  Node& list = tree.find("pools")->value.find("web")->value.find("backends")->value;
  list.items[0] = expanded_value("127.0.0.1:99");
  const auto settings = settings_of(tree);
  EXPECT_TRUE(find(settings, "pools.web.backends")->is_secret) << "also within a list";
  EXPECT_FALSE(find(settings, "process.workers")->is_secret);
}

}  // namespace
}  // namespace weir::config
