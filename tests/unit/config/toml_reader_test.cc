#include "config/toml_reader.h"

#include <gtest/gtest.h>

#include "config/limits.h"

namespace weir::config {
namespace {

std::string fault(const std::string& text) {
  const auto tree = parse_tree(text, "t");
  return tree ? "none" : to_string(tree.error());
}

std::string repeated(const std::string& part, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += part;
  return out;
}

constexpr const char* kTooDeep = "nested too deeply: at most 32 levels are allowed";

TEST(TomlReader, KeepsTheOrderAndThePlacesOfTheFile) {
  const auto tree = parse_tree("z = 1\n[b]\nk = [true, \"x\"]\n[a]\n", "t");
  ASSERT_TRUE(tree);
  ASSERT_EQ(tree->entries.size(), 3u);
  EXPECT_EQ(tree->entries[0].key, "z");
  EXPECT_EQ(tree->entries[1].key, "b");
  EXPECT_EQ(tree->entries[2].key, "a");
  const Node& list = tree->entries[1].value.entries.at(0).value;
  EXPECT_EQ(to_string(list.place), "t:3:5");
  EXPECT_EQ(to_string(list.items.at(1).place), "t:3:12");
}

TEST(TomlReader, CountsColumnsInCharacters) {
  EXPECT_EQ(fault("a = \"\xc3\xa9\xc3\xa9\" \xff"),
            "t:1:10: error: the byte \\xff is not UTF-8: save the file as UTF-8 text");
}

TEST(TomlReader, RefusesBytesThatAreNotUtf8WhereverTheyStand) {
  for (const char* bytes : {"\xff", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    EXPECT_NE(fault(std::string("# ") + bytes), "none");
    EXPECT_NE(fault(std::string("a = '") + bytes + "'"), "none");
    EXPECT_NE(fault(std::string("a = '''\n") + bytes + "'''"), "none");
    EXPECT_NE(fault(std::string("a = \"\\") + bytes + "\""), "none");
  }
}

TEST(TomlReader, RefusesCharactersBeyondAsciiOutsideOfStringsAndComments) {
  EXPECT_EQ(fault("\xe2\x80\x9c"
                  "a\xe2\x80\x9d = 1"),
            "t:1:1: error: the character \"\xe2\x80\x9c\" may stand only in text in quotes and in comments");
  EXPECT_NE(fault("a = 1\xc2\xa0"), "none");
  EXPECT_NE(fault("\xef\xbb\x9f[a]"), "none");
  EXPECT_NE(fault("a = \"\"\"\\\xef\xbb\x9f\"\"\""), "none");
  EXPECT_NE(fault("a = \"\"\"\\ \n \xef\xbb\x9f\"\"\""), "none");
  EXPECT_EQ(fault("a = \"\"\"\xef\xbb\x9f\\\n \"\"\" # \xc3\xa9"), "none");
  EXPECT_EQ(fault("\xef\xbb\xbf\"\xc3\xa9\" = '\xc3\xa9'"), "none");
}

TEST(TomlReader, RefusesAQuotationMarkInTheMiddleOfAValue) {
  for (const char* text :
       {"a = 0\"\xc3\xa9\"", "a = [1, 0'\xc3\xa9']", "a = 0[\"\xc3\xa9\"]", "a = 0{b=\"\xc3\xa9\"}",
        "a = 0=\"\xc3\xa9\"", "a = {b = 1, c = 0\"\xc3\xa9\"}", "a = [{b = 1}, x\"\xc3\xa9\"]"}) {
    EXPECT_NE(fault(text).find("in the middle of a value"), std::string::npos) << text;
  }
}

TEST(TomlReader, AllowsStringsWithoutSpacesAroundThem) {
  const std::string s = "\"\xc3\xa9\"";
  EXPECT_EQ(fault("a=" + s + "\nb=[" + s + "," + s + "]\nc={d=" + s + "," + s + "=" + s + "}\n"), "none");
  EXPECT_EQ(fault("[a." + s + "]\nb." + s + "=[[" + s + "],[1]]#" + s + "\n[[c." + s + "]]\n" + s + "=0\n"),
            "none");
  EXPECT_EQ(fault("a = [\n  1, # one\n  2,\n]\n" + s + " = 1\nb = [{x=1},{" + s + "=1}]\n"), "none");
}

TEST(TomlReader, RefusesWhatIsNestedTooDeeply) {
  EXPECT_EQ(fault("a = " + repeated("[", 33)), std::string("t:1:37: error: ") + kTooDeep);
  EXPECT_NE(fault("a = " + repeated("{b=", 33)).find(kTooDeep), std::string::npos);
  EXPECT_NE(fault(repeated("a.", 33) + "a = 1").find(kTooDeep), std::string::npos);
  EXPECT_NE(fault(repeated("\"a=,[\".", 33) + "a = 1").find(kTooDeep), std::string::npos);
  EXPECT_NE(fault("[" + repeated("a . ", 33) + "a]").find(kTooDeep), std::string::npos);
  EXPECT_NE(fault(repeated("'\n", 40) + repeated("a.", 200000) + "a = 1"), "none");
}

TEST(TomlReader, AllowsWhatOnlyLooksNested) {
  EXPECT_EQ(fault("a = \"" + repeated("[.", 100) + "\""), "none");
  EXPECT_EQ(fault("a = '" + repeated("[.\"", 100) + "'"), "none");
  EXPECT_EQ(fault("# " + repeated("[.", 100) + "\n"), "none");
  EXPECT_EQ(fault("a = \"\"\"\n" + repeated("[.\"", 100) + "\"\"\"\" # \"\n"), "none");
  EXPECT_EQ(fault("a = '''" + repeated("[.'", 100) + "''''\nb = '\"'\n"), "none");
  EXPECT_EQ(fault("a = \"\\\"" + repeated("[.", 100) + "\""), "none");
  EXPECT_EQ(fault("a = \"\"\"\\ \n\"\"\"\nb = '" + repeated("[.", 100) + "'"), "none");
  EXPECT_EQ(fault("a = [" + repeated("\"10.0.0.1:80\", ", 100) + "]"), "none");
  EXPECT_EQ(fault("a = " + repeated("[", 32) + repeated("]", 32)), "none");
}

TEST(TomlReader, RefusesTextThatIsTooLarge) {
  EXPECT_EQ(fault(std::string(kMaxFileBytes + 1, '\n')),
            "t: error: the file is larger than the 4 MiB that are allowed");
}

TEST(TomlReader, TakesEveryKindOfValue) {
  const auto tree =
      parse_tree("a=1\nb=1.5\nc=true\nd='x'\ne=2024-01-02\nf=[]\ng={}\nh=nan\ni=01:02:03\n", "t");
  ASSERT_TRUE(tree);
  std::string kinds;
  for (const Entry& entry : tree->entries) kinds += found(entry.value) + "; ";
  EXPECT_EQ(
      kinds,
      "1; the fraction 1.5; true; \"x\"; the date or time 2024-01-02; a list; a table; the fraction nan; "
      "the date or time 01:02:03; ");
}

}  // namespace
}  // namespace weir::config
