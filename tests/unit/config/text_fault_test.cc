#include "config/text_fault.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "config/text.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

constexpr const char* kStray = "\xc3\xa9";  // a letter where TOML has only ASCII

// Where the fault is, "" without one.
std::string place_of(const std::string& text) {
  const auto fault = text_fault(text, "t");
  return fault ? to_string(fault->place) : "";
}

TEST(TextFault, NothingIsFoundInTextWithoutFault) {
  for (const char* text :
       {"", "\n", "# \xc3\xa9\n", "a = \"\xc3\xa9\"", "'\xc3\xa9' = 1", "[a.b]\r\nc = [1, 2]\r\n"}) {
    EXPECT_EQ(place_of(text), "") << text;
  }
}

TEST(TextFault, AStringEndsWhereItsOwnRulesSay) {
  const std::string stray = kStray;
  EXPECT_EQ(place_of("a = \"x\\\" " + stray + "\""), "") << "an escaped quotation mark";
  EXPECT_EQ(place_of("a = 'x\\' " + stray), "t:1:10") << "a backslash escapes nothing here";
  EXPECT_EQ(place_of("a = \"\"\"x\\\"\"\" " + stray + "\"\"\""), "") << "the first of three is escaped";
  EXPECT_EQ(place_of("a = \"\"\"x\"\"\"\"\" " + stray), "t:1:15") << "two more belong to the string";
  EXPECT_EQ(place_of("a = \"'\" " + stray), "t:1:9") << "the other mark means nothing inside";
}

TEST(TextFault, FaultsThatTheLibraryCanStandAreLeftToIt) {
  for (const char* text : {"a", "= 1", "[a", "]]]]", "a = \"open", "a = '''open", "a = 1 b = 2", "\x01",
                           "a = 1\na = 2", "a = \"\\q\"", "}}}}{"}) {
    EXPECT_EQ(place_of(text), "") << text;
  }
}

TEST(TextFault, LinesAreCountedThroughEveryKindOfStringAndComment) {
  EXPECT_EQ(place_of("a = \"\"\"\n\n\"\"\"\n" + std::string(kStray)), "t:4:1");
  EXPECT_EQ(place_of("a = '''\n\n'''" + std::string(kStray)), "t:3:4");
  EXPECT_EQ(place_of("a = \"\"\"x\\\n\n  y\"\"\" " + std::string(kStray)), "t:3:8");
  EXPECT_EQ(place_of("# one\n# two\n  " + std::string(kStray)), "t:3:3");
  EXPECT_EQ(place_of("a = 1\r\n" + std::string(kStray)), "t:2:1");
  EXPECT_EQ(place_of("a = \"open\nb" + std::string(kStray)), "t:2:2");
}

TEST(TextFault, AColumnIsACharacterAndNotAByte) {
  EXPECT_EQ(place_of("a = \"\xc3\xa9\xf0\x9f\x98\x80\" " + std::string(kStray)), "t:1:10");
}

TEST(TextFault, AByteOrderMarkTakesNoColumnAndStandsOnlyInFront) {
  EXPECT_EQ(place_of("\xef\xbb\xbf" + std::string(kStray)), "t:1:1");
  EXPECT_EQ(place_of("\xef\xbb\xbf"), "");
  EXPECT_EQ(place_of("a = 1\n\xef\xbb\xbf"), "t:2:1");
}

TEST(TextFault, TheFirstOfSeveralFaultsIsTheOneThatIsReported) {
  const auto fault = text_fault("a = 1 \xc3\xa9\nb = \xff\n", "t");
  ASSERT_TRUE(fault);
  EXPECT_EQ(to_string(fault->place), "t:1:7");
  EXPECT_NE(fault->text.find("\xc3\xa9"), std::string::npos);
}

TEST(TextFault, AFileThatIsCutShortHasNoFaultOfThisKind) {
  const std::string whole = text_of(std::filesystem::path(WEIR_SOURCE_DIR) / "conf/weir.toml");
  ASSERT_GT(whole.size(), 1000u);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    ASSERT_EQ(place_of(whole.substr(0, length)), "") << "cut after " << length << " bytes";
  }
}

// Pieces that mean something to the scanner, in any order.
TEST(TextFault, AFaultStandsInsideTheTextAndItsMessageIsPlain) {
  const std::vector<std::string> pieces{"\"", "'", "\"\"\"", "'''",  "\\",   "\n",   "\r\n",        "#",
                                        "[",  "]", "{",      "}",    ".",    "=",    ",",           "a",
                                        " ",  "1", "\t",     kStray, "\xff", "\x1b", "\xef\xbb\xbf"};
  std::mt19937 random(1);
  std::uniform_int_distribution<std::size_t> piece(0, pieces.size() - 1);
  std::uniform_int_distribution<int> length(0, 60);
  int faults = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (int n = length(random); n > 0; --n) text += pieces[piece(random)];
    const auto fault = text_fault(text, "t");
    if (!fault) continue;
    ++faults;
    const auto lines = static_cast<unsigned>(std::count(text.begin(), text.end(), '\n')) + 1;
    ASSERT_GE(fault->place.line, 1u);
    ASSERT_LE(fault->place.line, lines) << printable(text, 500);
    ASSERT_GE(fault->place.column, 1u);
    ASSERT_LE(fault->place.column, text.size()) << printable(text, 500);
    ASSERT_TRUE(is_plain_text(to_string(*fault))) << printable(text, 500);
  }
  EXPECT_GT(faults, 1000);
}

}  // namespace
}  // namespace weir::config
