#include "config/schema.h"

#include <gtest/gtest.h>

#include <set>

#include "config/pool_scalars.h"
#include "config/scalars.h"

namespace weir::config {
namespace {

TEST(Schema, EveryKeyHasHelpAndIsRequiredOrHasADefault) {
  for (const Key& key : all_keys()) {
    EXPECT_FALSE(key.help.empty()) << key.name;
    EXPECT_TRUE(key.help.ends_with('.')) << key.name;
    EXPECT_FALSE(expected(key).empty()) << key.name;
    const bool is_backend_name = key.section == Section::kBackend && key.name == "name";
    const bool may_be_absent =
        is_backend_name || key.type == ValueType::kRouteList || key.type == ValueType::kCertificateList;
    EXPECT_NE(key.presence == Presence::kRequired, !key.default_value.empty() || may_be_absent) << key.name;
  }
}

TEST(Schema, NoKeyStandsTwiceInASection) {
  std::set<std::pair<Section, std::string_view>> seen;
  for (const Key& key : all_keys()) EXPECT_TRUE(seen.emplace(key.section, key.name).second) << key.name;
}

TEST(Schema, EveryDefaultPassesItsOwnRules) {
  for (const Key& key : all_keys()) {
    if (key.default_value.empty()) continue;
    const Node node = default_node(key);
    switch (key.type) {
      case ValueType::kCount:
      case ValueType::kDuration:
      case ValueType::kFileMode:
        EXPECT_TRUE(parse_number(key, node)) << key.name;
        break;
      case ValueType::kFlag:
        EXPECT_TRUE(parse_flag(key, node)) << key.name;
        break;
      case ValueType::kWord:
        EXPECT_TRUE(parse_word(key, node)) << key.name;
        break;
      case ValueType::kRate:
      case ValueType::kByteRate:
        EXPECT_TRUE(parse_rate(key, node)) << key.name;
        break;
      case ValueType::kDecimal:
        EXPECT_TRUE(parse_decimal(key, node)) << key.name;
        break;
      case ValueType::kHashKey:
        EXPECT_TRUE(parse_hash_key(key, node)) << key.name;
        break;
      case ValueType::kFate:
        EXPECT_TRUE(parse_fate(key, node)) << key.name;
        break;
      case ValueType::kStatusList:
        ASSERT_EQ(node.items.size(), 1u) << key.name;
        EXPECT_TRUE(parse_status(key, node.items[0])) << key.name;
        break;
      case ValueType::kAddressList:
      case ValueType::kServerList:
      case ValueType::kClientList:
      case ValueType::kPathList:
      case ValueType::kPatternList:
      case ValueType::kWordList:
      case ValueType::kTextList:
      case ValueType::kRouteList:
      case ValueType::kCertificateList:
        EXPECT_EQ(node.kind, Kind::kList) << key.name;
        break;
      default:
        EXPECT_TRUE(parse_text(key, node)) << key.name;
    }
  }
}

TEST(Schema, BothEndsOfEveryRangeAreAllowedAndNothingBeyond) {
  for (const Key& key : all_keys()) {
    if (key.type != ValueType::kCount) continue;
    Node node;
    node.kind = Kind::kInteger;
    for (const auto& [value, is_allowed] : {std::pair(key.least - 1, false), std::pair(key.least, true),
                                            std::pair(key.most, true), std::pair(key.most + 1, false)}) {
      node.integer = value;
      EXPECT_EQ(parse_number(key, node).has_value(), is_allowed) << key.name << " = " << value;
    }
  }
}

}  // namespace
}  // namespace weir::config
