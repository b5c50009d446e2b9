#include "config/build_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Built {
  std::optional<BackendConfig> backend;
  std::vector<std::string> problems;
};

Built built(const std::string& value, ResolveUse use = ResolveUse::kAddress) {
  Problems problems;
  Built out;
  out.backend = build_backend(value_of(value), "pools.app.backends", use, problems);
  out.problems = lines_of(problems);
  return out;
}

TEST(BuildBackend, AnAddressAloneHasTheDefaultsOfATable) {
  const BackendConfig usual;
  for (const char* value : {"\"a:80\"", "{ address = \"a:80\" }"}) {
    const Built a = built(value);
    EXPECT_THAT(a.problems, IsEmpty());
    ASSERT_TRUE(a.backend);
    EXPECT_EQ(a.backend->name, "a:80");
    EXPECT_EQ(a.backend->weight, usual.weight);
    EXPECT_EQ(a.backend->max_connections, usual.max_connections);
    EXPECT_EQ(a.backend->is_backup, usual.is_backup);
    EXPECT_EQ(a.backend->mode, usual.mode);
  }
}

TEST(BuildBackend, EveryWrittenValueArrives) {
  const Built a = built(
      "{ address = \"a:80\", name = \"one\", weight = 3, max_connections = 500, backup = true, state = "
      "\"drain\" }");
  EXPECT_THAT(a.problems, IsEmpty());
  ASSERT_TRUE(a.backend);
  EXPECT_EQ(a.backend->name, "one");
  EXPECT_EQ(a.backend->weight, 3u);
  EXPECT_EQ(a.backend->max_connections, 500u);
  EXPECT_TRUE(a.backend->is_backup);
  EXPECT_EQ(a.backend->mode, BackendMode::kDrain);
}

TEST(BuildBackend, StatesStandInTheOrderOfTheirEnum) {
  const auto mode = [](const std::string& state) {
    return built("{ address = \"a:80\", state = \"" + state + "\" }").backend.value().mode;
  };
  EXPECT_EQ(mode("up"), BackendMode::kUp);
  EXPECT_EQ(mode("drain"), BackendMode::kDrain);
  EXPECT_EQ(mode("maintenance"), BackendMode::kMaintenance);
}

TEST(BuildBackend, OnlyOneThatIsUpWithAWeightTakesNewConnections) {
  const auto takes = [](const std::string& keys) {
    return built("{ address = \"a:80\", " + keys + " }").backend.value().takes_new_connections();
  };
  EXPECT_TRUE(takes("weight = 1"));
  EXPECT_FALSE(takes("weight = 0"));
  EXPECT_FALSE(takes("state = \"drain\""));
  EXPECT_FALSE(takes("state = \"maintenance\""));
}

TEST(BuildBackend, AWeightOfZeroIsToldToBeADrainUnlessItIsOneAlready) {
  EXPECT_THAT(
      built("{ address = \"a:80\", weight = 0 }").problems,
      ElementsAre("t:1:34: warning: pools.app.backends.weight: 0 means state = \"drain\": it gets no new "
                  "connections, and those that it has stay"));
  EXPECT_THAT(built("{ address = \"a:80\", weight = 0, state = \"drain\" }").problems, IsEmpty());
  EXPECT_THAT(built("{ address = \"a:80\", weight = 0, state = \"maintenance\" }").problems, IsEmpty());
}

TEST(BuildBackend, AWeightOfAServiceIsToldToBeOfNoUse) {
  const auto problems = [](const std::string& keys) {
    return built("{ " + keys + " }", ResolveUse::kService).problems;
  };
  EXPECT_THAT(problems("address = \"_http._tcp.app\", weight = 3"),
              ElementsAre(HasSubstr(
                  "warning: pools.app.backends.weight: a service's weights come from the answer (SRV)")));
  EXPECT_THAT(problems("address = \"_http._tcp.app\", weight = 1"), IsEmpty());
  EXPECT_THAT(problems("address = \"_http._tcp.app\", weight = 0"),
              ElementsAre(HasSubstr("state = \"drain\"")));
  EXPECT_THAT(problems("address = \"10.0.0.1:80\", weight = 3"), IsEmpty()) << "an address keeps its own";
}

TEST(BuildBackend, WithoutAnAddressThereIsNone) {
  for (const char* value : {"3", "[]", "\"\"", "\"a\"", "{ name = \"a\" }", "{ address = 5 }"}) {
    const Built a = built(value);
    EXPECT_FALSE(a.backend) << value;
    EXPECT_THAT(a.problems, ElementsAre(HasSubstr("error: pools.app.backends"))) << value;
  }
}

TEST(BuildBackend, AServiceIsANameWithoutAPortOnlyWhereServicesAreLookedUp) {
  for (const char* value : {"\"_http._tcp.app\"", "{ address = \"_http._tcp.app\" }"}) {
    const Built a = built(value, ResolveUse::kService);
    EXPECT_THAT(a.problems, IsEmpty());
    ASSERT_TRUE(a.backend);
    EXPECT_EQ(a.backend->name, "_http._tcp.app");
    EXPECT_EQ(std::get<base::HostPort>(a.backend->address.value), (base::HostPort{"_http._tcp.app", 0}));
    EXPECT_FALSE(built(value).backend) << "there the port is missing";
  }
  EXPECT_TRUE(built("\"10.0.0.1:80\"", ResolveUse::kService).backend);
  EXPECT_FALSE(built("\"app:80\"", ResolveUse::kService).backend);
}

}  // namespace
}  // namespace weir::config
