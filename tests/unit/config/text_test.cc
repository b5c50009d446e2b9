#include "config/text.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::config {
namespace {

constexpr std::array<std::string_view, 4> kWords{"idle_timeout", "keepalive", "bind", "warning"};

TEST(Text, QuotingLeavesNothingThatATerminalWouldObey) {
  EXPECT_EQ(quote("a\x1b[31mb\n\x7f\xff"), "\"a\\x1b[31mb\\x0a\\x7f\\xff\"");
  EXPECT_EQ(quote("caf\xc3\xa9"), "\"caf\xc3\xa9\"");
}

TEST(Text, QuotingCutsWhatIsLong) {
  EXPECT_EQ(quote(std::string(80, 'x')), "\"" + std::string(80, 'x') + "\"");
  EXPECT_EQ(quote(std::string(1000, 'x')), "\"" + std::string(80, 'x') + "...\"");
}

TEST(Text, TheNearestWordIsOneThatMayHaveBeenMeant) {
  EXPECT_EQ(nearest("idle_timeot", kWords), "idle_timeout");
  EXPECT_EQ(nearest("idle-timeout", kWords), "idle_timeout");
  EXPECT_EQ(nearest("KeepAlive", kWords), "keepalive");
  EXPECT_EQ(nearest("bidn", kWords), "bind");
  EXPECT_EQ(nearest("warn", kWords), "warning");
  EXPECT_EQ(nearest("wa", kWords), std::nullopt);
  EXPECT_EQ(nearest("colour", kWords), std::nullopt);
  EXPECT_EQ(nearest("", kWords), std::nullopt);
  EXPECT_EQ(nearest(std::string(10'000, 'b'), kWords), std::nullopt);
}

TEST(Text, ListsReadAsASentence) {
  EXPECT_EQ(join(std::array<std::string, 0>{}, "or"), "");
  EXPECT_EQ(join(std::array<std::string, 1>{"a"}, "or"), "a");
  EXPECT_EQ(join(std::array<std::string, 2>{"a", "b"}, "or"), "a or b");
  EXPECT_EQ(join(std::array<std::string, 3>{"a", "b", "c"}, "and"), "a, b and c");
}

TEST(Text, NamesAreBoundedInLengthAndLetters) {
  EXPECT_TRUE(is_name("a-b_c.1", "_-."));
  EXPECT_TRUE(is_name(std::string(63, 'a'), ""));
  EXPECT_FALSE(is_name(std::string(64, 'a'), ""));
  EXPECT_FALSE(is_name("", "_-."));
  EXPECT_FALSE(is_name("a b", "_-."));
  EXPECT_FALSE(is_name("\xc3\xa9", "_-."));
  EXPECT_FALSE(is_name("a:b", "_-."));
}

TEST(LowerCase, ChangesAsciiLettersOnly) {
  EXPECT_EQ(lower_case("App.Example-1_Z[@"), "app.example-1_z[@");
  EXPECT_EQ(lower_case("\xc3\x89"), "\xc3\x89");
  EXPECT_EQ(lower_case(""), "");
}

TEST(Printable, LeavesNothingThatMovesATerminalOrTurnsWhatFollows) {
  EXPECT_EQ(printable("a\x1b[2Jb\x7f", 80), "a\\x1b[2Jb\\x7f");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "2Jb",
                      80),
            "a\\xc2\\x9b2Jb")
      << "CSI, of C1";
  EXPECT_EQ(printable("\xe2\x80\xae", 80), "\\xe2\\x80\\xae") << "right to left from here";
  EXPECT_EQ(printable("\xe2\x81\xa6\xe2\x81\xa9", 80), "\\xe2\\x81\\xa6\\xe2\\x81\\xa9");
  EXPECT_EQ(printable("\xc2\xa0\xc3\xbc\xe2\x82\xac\xe2\x80\x93", 80),
            "\xc2\xa0\xc3\xbc\xe2\x82\xac\xe2\x80\x93");
}

}  // namespace
}  // namespace weir::config
