#include "server/admin_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "unit/support.h"

namespace weir::server {
namespace {

using testing::HasSubstr;

class AdminToken : public testing::Test {
 protected:
  AdminToken() {
    admin.bind = {test::loopback(), {}};
    admin.token_file = {folder.file("token"), {"weir.toml", 3, 9}};
  }
  std::string load(const std::string& bytes, mode_t mode = 0640) {
    std::ofstream(admin.token_file.value, std::ios::binary) << bytes;
    EXPECT_EQ(::chmod(admin.token_file.value.c_str(), mode), 0);
    return load();
  }
  std::string load() {
    problems.clear();
    return load_admin_token(admin, problems);
  }

  const test::TempFolder folder;
  config::AdminConfig admin;
  config::Problems problems;
  const std::string token = "0123456789abcdef";
};

TEST_F(AdminToken, IsTheFilesOneLine) {
  for (const char* end : {"", "\n", "\r\n", "\n\n"}) EXPECT_EQ(load(token + end), token);
  const std::string longest(4096, '~');
  EXPECT_EQ(load(longest), longest);
  EXPECT_EQ(load(longest + "\n"), longest);
  EXPECT_TRUE(problems.empty());
}

TEST_F(AdminToken, IsNothingWithoutAFileOrADoor) {
  admin.token_file.value = "";
  EXPECT_EQ(load(), "");
  admin.token_file.value = folder.file("gone");
  admin.bind.reset();
  EXPECT_EQ(load(), "");
  EXPECT_TRUE(problems.empty());
}

TEST_F(AdminToken, IsRefusedWhereNoHeaderOrNoSecretCouldBeLikeThat) {
  for (const std::string& bytes :
       {std::string(), std::string("\n"), std::string("0123456789abcde"), "0123456789 abcdef" + token,
        token + "\n" + token, "\n" + token, token + "\t", token + std::string(1, '\0'), token + "\xc3\xa4",
        std::string(4097, 'x'), std::string(10'000, 'x')}) {
    EXPECT_EQ(load(bytes), "") << bytes.size();
    ASSERT_EQ(problems.size(), 1u) << bytes.size();
    EXPECT_EQ(problems[0].severity, config::Severity::kError);
    EXPECT_EQ(config::to_string(problems[0]),
              "weir.toml:3:9: error: admin.token_file: " + admin.token_file.value +
                  ": expected one line of 16 to 4096 visible ASCII characters, for example of `openssl rand "
                  "-hex 32`");
  }
}

TEST_F(AdminToken, IsAnErrorWhereThereIsNoSuchFile) {
  EXPECT_EQ(load(), "");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(config::to_string(problems[0]), HasSubstr("weir.toml:3:9: error: admin.token_file: "));
  EXPECT_THAT(problems[0].text, HasSubstr("No such file"));
  admin.token_file.value = folder.path();
  EXPECT_EQ(load(), "");
  EXPECT_THAT(problems.at(0).text, HasSubstr("it is no file"));
}

TEST_F(AdminToken, IsTakenWithAWarningWhereEverybodyMayReadIt) {
  for (const mode_t mode : {0644u, 0642u, 0666u}) {
    EXPECT_EQ(load(token, mode), token);
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_EQ(problems[0].severity, config::Severity::kWarning);
    EXPECT_THAT(problems[0].text, HasSubstr("`chmod 0640 " + admin.token_file.value + "`"));
  }
  EXPECT_EQ(load(token, 0660), token);
  EXPECT_TRUE(problems.empty());
}

}  // namespace
}  // namespace weir::server
