#include "cli/door_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "unit/support.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;

constexpr const char* kRest =
    "[listeners.web]\nbind = \"127.0.0.1:8080\"\npool = \"web\"\n[pools.web]\nbackends = [\"127.0.0.1:1\"]\n";

class FindDoor : public testing::Test {
 protected:
  FindDoor() {
    ::unsetenv("WEIR_ADMIN");
    ::unsetenv("WEIR_TOKEN");
  }
  ~FindDoor() override {
    ::unsetenv("WEIR_ADMIN");
    ::unsetenv("WEIR_TOKEN");
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder.file(name)) << text;
    return folder.file(name);
  }
  test::TempFolder folder;
};

TEST_F(FindDoor, TheCommandLineComesBeforeTheEnvironment) {
  ::setenv("WEIR_ADMIN", "unix:/from/environment", 1);
  EXPECT_EQ(find_door({})->address.to_string(), "unix:/from/environment");
  EXPECT_EQ(find_door({"127.0.0.1:9900", "", ""})->address.to_string(), "127.0.0.1:9900");
  const std::string config = write("weir.toml", std::string("[admin]\nbind = \"127.0.0.1:9901\"\n") + kRest);
  EXPECT_EQ(find_door({"", config, ""})->address.to_string(), "127.0.0.1:9901");
}

TEST_F(FindDoor, TheTokenIsThatOfTheConfigurationUnlessOneIsSaid) {
  const std::string first = write("first", "0123456789abcdef-first\n");
  const std::string second = write("second", "0123456789abcdef-second\n");
  const std::string config =
      write("weir.toml", "[admin]\nbind = \"127.0.0.1:9901\"\ntoken_file = \"" + first + "\"\n" + kRest);
  EXPECT_EQ(find_door({"", config, ""})->token, "0123456789abcdef-first");
  EXPECT_EQ(find_door({"", config, second})->token, "0123456789abcdef-second");
  EXPECT_EQ(find_door({"127.0.0.1:1", "", ""})->token, "");
  ::setenv("WEIR_TOKEN", "from-the-environment", 1);
  EXPECT_EQ(find_door({"", config, ""})->token, "from-the-environment");
  EXPECT_EQ(find_door({"", config, second})->token, "0123456789abcdef-second");
}

TEST_F(FindDoor, AMistakeElsewhereInTheConfigurationDoesNotMatter) {
  const std::string config = write("weir.toml", "[admin]\nbind = \"unix:/x\"\n[pools.web]\nnonsense = 1\n");
  EXPECT_EQ(find_door({"", config, ""})->address.to_string(), "unix:/x");
}

TEST_F(FindDoor, SaysWhyThereIsNone) {
  const auto text = [&](const DoorOptions& options) { return find_door(options).error().message(); };
  EXPECT_THAT(text({"nonsense", "", ""}), HasSubstr("admin door \"nonsense\": "));
  EXPECT_THAT(text({"", folder.file("none.toml"), ""}), HasSubstr("none.toml"));
  EXPECT_THAT(text({"", write("a.toml", kRest), ""}), HasSubstr("it has no admin door: set admin.bind"));
  EXPECT_THAT(text({"", write("b.toml", std::string("[admin]\nbind = \"127.0.0.1:0\"\n") + kRest), ""}),
              HasSubstr("say by --admin which one the log names"));
  EXPECT_THAT(text({"127.0.0.1:1", "", folder.file("no-token")}), HasSubstr("no-token: No such file"));
  EXPECT_THAT(text({"127.0.0.1:1", "", write("short", "abc\n")}), HasSubstr("expected one line of 16"));
}

}  // namespace
}  // namespace weir::cli
