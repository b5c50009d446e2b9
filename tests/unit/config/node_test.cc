#include "config/node.h"

#include <gtest/gtest.h>

#include <limits>

#include "config/text.h"

namespace weir::config {
namespace {

Node node_of(Kind kind) {
  Node node;
  node.kind = kind;
  return node;
}

TEST(Node, FindsAKeyByItsExactLetters) {
  Node table;
  table.entries = {{"bind", {}, node_of(Kind::kList)}, {"Bind", {}, node_of(Kind::kFlag)}};
  EXPECT_EQ(table.find("bind"), &table.entries[0]);
  EXPECT_EQ(table.find("Bind"), &table.entries[1]);
  EXPECT_EQ(table.find("BIND"), nullptr);
  EXPECT_EQ(table.find("bin"), nullptr);
  EXPECT_EQ(table.find(""), nullptr);
}

TEST(Node, WhatIsFoundCanBeChangedInPlace) {
  Node table;
  table.entries = {{"a", {}, node_of(Kind::kString)}};
  table.find("a")->value.text = "changed";
  EXPECT_EQ(table.entries[0].value.text, "changed");
  EXPECT_EQ(std::as_const(table).find("a"), &table.entries[0]);
}

TEST(Node, WhatIsNoTableHasNoKeys) {
  for (const Kind kind : {Kind::kList, Kind::kString, Kind::kInteger, Kind::kFaulty}) {
    EXPECT_EQ(node_of(kind).find("a"), nullptr);
  }
}

TEST(Found, AnIntegerIsWrittenWholeAtBothEndsOfItsRange) {
  Node node = node_of(Kind::kInteger);
  node.integer = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(found(node), "-9223372036854775808");
  node.integer = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(found(node), "9223372036854775807");
}

TEST(Found, TextIsQuotedAndCutAndCannotReachTheTerminal) {
  Node node = node_of(Kind::kString);
  node.text = "\x1b[2J" + std::string(1000, 'x');
  const std::string text = found(node);
  EXPECT_TRUE(is_plain_text(text));
  EXPECT_LT(text.size(), 120u);
}

TEST(Found, EveryKindHasWordsOfItsOwn) {
  EXPECT_EQ(found(node_of(Kind::kFaulty)), "nothing");
  EXPECT_EQ(found(node_of(Kind::kTable)), "a table");
  EXPECT_EQ(found(node_of(Kind::kList)), "a list");
  EXPECT_EQ(found(node_of(Kind::kString)), "\"\"");
  EXPECT_EQ(found(node_of(Kind::kFlag)), "false");
}

}  // namespace
}  // namespace weir::config
