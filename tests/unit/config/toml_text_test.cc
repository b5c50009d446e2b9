#include "config/toml_text.h"

#include <gtest/gtest.h>

#include "unit/config/support.h"

namespace weir::config {
namespace {

TEST(TomlText, ValuesAreWrittenAsTheyAreRead) {
  for (const char* text :
       {"\"30s\"", "\"\"", "12", "-3", "true", "false", "0.25", "2.0", "[]", "[\"a\", \"b\"]",
        "[[1], [2, 3]]", "{ address = \"10.0.0.1:80\", weight = 3 }", "[{ a = 1 }, \"x\"]", "{}",
        "{ \"a b\" = 1 }", "\"\\\"quoted\\\" and \\\\ and \\u000a\"", "\"\\u0001\\u007f\\u009b\"",
        "\"käse €\""}) {
    EXPECT_EQ(toml_text(value_of(text)), text);
  }
}

TEST(TomlText, OtherSpellingsOfAValueComeOutTheSame) {
  EXPECT_EQ(toml_text(value_of("'a\\b'")), "\"a\\\\b\"");
  EXPECT_EQ(toml_text(value_of("[\n  1, # one\n  2,\n]")), "[1, 2]");
  EXPECT_EQ(toml_text(value_of("0x10")), "16");
}

TEST(TomlText, BytesThatAreNoTextAreReplaced) {
  Node node = value_of("\"x\"");
  node.text =
      "a\xff\xfe"
      "b";
  EXPECT_EQ(toml_text(node),
            "\"a\xef\xbf\xbd\xef\xbf\xbd"
            "b\"");
}

TEST(TomlText, WhatIsWrittenCanBeReadAgain) {
  std::string all;
  for (int byte = 0; byte < 128; ++byte) all += static_cast<char>(byte);
  Node node = value_of("\"x\"");
  node.text = all;
  EXPECT_EQ(value_of(toml_text(node)).text, all);
}

}  // namespace
}  // namespace weir::config
