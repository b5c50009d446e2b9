#include "config/scalars.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "base/units.h"
#include "config/limits.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::HasSubstr;
using testing::Not;

const Key& key(Section section, const char* name) { return *find_key(section, name); }
const Key& workers() { return key(Section::kProcess, "workers"); }
const Key& keepalive() { return key(Section::kListener, "keepalive"); }
const Key& socket_mode() { return key(Section::kListener, "socket_mode"); }
const Key& panic_threshold() { return key(Section::kPool, "panic_threshold"); }
const Key& hash_balance() { return key(Section::kPool, "hash_balance"); }
const Key& v6only() { return key(Section::kListener, "v6only"); }

Node text_node(const std::string& text) {
  Node node;
  node.kind = Kind::kString;
  node.text = text;
  return node;
}

Node integer_node(std::int64_t integer) {
  Node node;
  node.kind = Kind::kInteger;
  node.integer = integer;
  return node;
}

// The number, -1 for the special word, or -2 for a problem.
std::int64_t number(const Key& of, const Node& node) {
  const auto value = parse_number(of, node);
  return value ? value->value_or(-1) : -2;
}

TEST(Number, IntegersAtTheEndsOfTheirTypeAreOutOfRangeAndNotWrapped) {
  for (const Key& of : all_keys()) {
    if (of.type != ValueType::kCount) continue;
    EXPECT_EQ(number(of, integer_node(std::numeric_limits<std::int64_t>::max())), -2) << of.name;
    EXPECT_EQ(number(of, integer_node(std::numeric_limits<std::int64_t>::min())), -2) << of.name;
    EXPECT_EQ(number(of, integer_node((std::int64_t{1} << 32) + of.least)), -2) << of.name;
  }
}

TEST(Number, BothEndsOfEveryDurationAreAllowedAndNothingBeyond) {
  for (const Key& of : all_keys()) {
    if (of.type != ValueType::kDuration) continue;
    const auto at = [&](std::int64_t ms) { return number(of, text_node(std::to_string(ms) + "ms")); };
    EXPECT_EQ(at(of.least), of.least) << of.name;
    EXPECT_EQ(at(of.most), of.most) << of.name;
    EXPECT_EQ(at(of.most + of.step), -2) << of.name;
    if (of.least >= of.step) {
      EXPECT_EQ(at(of.least - of.step), -2) << of.name;
    }
  }
}

TEST(Number, ADurationBetweenTwoStepsIsRefused) {
  EXPECT_EQ(number(keepalive(), text_node("1s")), 1000);
  EXPECT_EQ(number(keepalive(), text_node("2000ms")), 2000);
  EXPECT_EQ(number(keepalive(), text_node("1001ms")), -2);
}

TEST(Number, TheSpecialWordIsNoNumberAndIsWrittenInItsOwnLetters) {
  EXPECT_EQ(number(workers(), text_node("auto")), -1);
  EXPECT_EQ(number(workers(), text_node("Auto")), -2);
  EXPECT_EQ(number(workers(), text_node("off")), -2) << "another key's word";
  EXPECT_EQ(number(keepalive(), text_node("off")), -1);
  EXPECT_EQ(number(key(Section::kListener, "idle_timeout"), text_node("")), -2) << "a key without one";
}

TEST(Number, DigitsInQuotesAreANumberOnlyFromTheEnvironment) {
  EXPECT_EQ(number(workers(), expanded_value("4")), 4);
  EXPECT_EQ(number(workers(), expanded_value("auto")), -1);
  EXPECT_EQ(number(workers(), text_node("4")), -2);
  for (const char* text : {"", " 4", "4 ", "+4", "0x4", "4.0", "4e0", "four", "99999999999999999999"}) {
    EXPECT_EQ(number(workers(), expanded_value(text)), -2) << '"' << text << '"';
  }
}

TEST(Number, AFileModeIsThreeOrFourOctalDigits) {
  EXPECT_EQ(number(socket_mode(), text_node("000")), 0);
  EXPECT_EQ(number(socket_mode(), text_node("0777")), 0777);
  EXPECT_EQ(number(socket_mode(), text_node("666")), 0666);
  for (const char* text :
       {"", "0", "66", "00660", "1000", "0880", "-66", "-660", "+660", "0o66", "0x1f", " 660"}) {
    EXPECT_EQ(number(socket_mode(), text_node(text)), -2) << '"' << text << '"';
  }
}

TEST(Number, EveryOtherKindOfValueIsRefused) {
  for (const char* value : {"true", "1.5", "[]", "{}", "2024-01-02"}) {
    EXPECT_EQ(number(workers(), value_of(value)), -2) << value;
    EXPECT_EQ(number(keepalive(), value_of(value)), -2) << value;
    EXPECT_EQ(number(socket_mode(), value_of(value)), -2) << value;
  }
}

// The fraction, -1 for the special word, or -2 for a problem.
double fraction(const Key& of, const Node& node) {
  const auto value = parse_decimal(of, node);
  return value ? value->value_or(-1) : -2;
}

TEST(Decimal, BothEndsAreAllowedAndNothingBeyond) {
  EXPECT_EQ(fraction(panic_threshold(), value_of("0.0")), 0);
  EXPECT_EQ(fraction(panic_threshold(), value_of("1.0")), 1);
  EXPECT_EQ(fraction(panic_threshold(), value_of("-0.0001")), -2);
  EXPECT_EQ(fraction(panic_threshold(), value_of("1.0001")), -2);
  EXPECT_EQ(fraction(hash_balance(), value_of("1.05")), 1.05);
  EXPECT_EQ(fraction(hash_balance(), value_of("1.0499")), -2);
  EXPECT_EQ(fraction(hash_balance(), value_of("10.0")), 10);
}

TEST(Decimal, AWholeNumberAndAnExponentAreFractionsToo) {
  EXPECT_EQ(fraction(panic_threshold(), value_of("1")), 1);
  EXPECT_EQ(fraction(panic_threshold(), value_of("0")), 0);
  EXPECT_EQ(fraction(panic_threshold(), value_of("5e-1")), 0.5);
  EXPECT_EQ(fraction(panic_threshold(), value_of("2")), -2);
}

TEST(Decimal, WhatIsNoNumberIsWithinNoBounds) {
  for (const char* value : {"nan", "-nan", "inf", "-inf", "true", "[]", "{}", "\"0.5\"", "\"off\""}) {
    EXPECT_EQ(fraction(panic_threshold(), value_of(value)), -2) << value;
  }
}

TEST(Decimal, TheEnvironmentMayGiveOneAndTheSpecialWord) {
  EXPECT_EQ(fraction(hash_balance(), expanded_value("1.25")), 1.25);
  EXPECT_EQ(fraction(hash_balance(), expanded_value("off")), -1);
  EXPECT_EQ(fraction(hash_balance(), text_node("off")), -1);
  for (const char* text : {"", " 1.5", "1.5 ", "1,5", "+1.5", "0x2", "nan", "inf", "1.5.5"}) {
    EXPECT_EQ(fraction(hash_balance(), expanded_value(text)), -2) << '"' << text << '"';
  }
}

TEST(Flag, OnlyTheTwoWordsOfTomlAreAFlag) {
  EXPECT_EQ(parse_flag(v6only(), value_of("true")), true);
  EXPECT_EQ(parse_flag(v6only(), expanded_value("false")), false);
  for (const char* text : {"", "True", "FALSE", "yes", "on", "1", "0", " true"}) {
    EXPECT_FALSE(parse_flag(v6only(), expanded_value(text))) << '"' << text << '"';
  }
  EXPECT_FALSE(parse_flag(v6only(), text_node("true"))) << "in quotes, and not from the environment";
  EXPECT_FALSE(parse_flag(v6only(), integer_node(1)));
}

TEST(Word, EveryWordGivesItsPositionAndNoOtherSpellingDoes) {
  for (const Key& of : all_keys()) {
    if (of.type != ValueType::kWord) continue;
    for (std::size_t i = 0; i < of.words.size(); ++i) {
      const std::string word(of.words[i]);
      EXPECT_EQ(parse_word(of, text_node(word)), i) << word;
      EXPECT_FALSE(parse_word(of, text_node(word + " "))) << word;
      if (!word.empty()) {
        EXPECT_FALSE(parse_word(of, text_node(word.substr(1)))) << word;
      }
    }
    const bool may_be_empty = std::find(of.words.begin(), of.words.end(), "") != of.words.end();
    EXPECT_EQ(parse_word(of, text_node("")).has_value(), may_be_empty) << of.name;
    EXPECT_FALSE(parse_word(of, integer_node(0))) << "a position is no word";
  }
}

TEST(Text, ReachesTheLimitOfItsLengthAndNotOneByteMore) {
  const Key& user = key(Section::kProcess, "user");
  EXPECT_TRUE(parse_text(user, text_node(std::string(kMaxTextLength, 'x'))));
  const auto longer = parse_text(user, text_node(std::string(kMaxTextLength + 1, 'x')));
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error(), "found a text of 4097 bytes, at most 4096 are allowed");
}

TEST(Text, AnyPlainTextStaysAsItIs) {
  const Key& user = key(Section::kProcess, "user");
  for (const char* text : {"", " ", "caf\xc3\xa9", "$ ${", "a\"b"})
    EXPECT_EQ(parse_text(user, text_node(text)), text);
  for (const char* text : {"\n", "\t", "\x7f", "a\x1b[0m", "\xff"})
    EXPECT_FALSE(parse_text(user, text_node(text)));
}

TEST(Text, ControlCharactersMayStandInWhatACheckExchangesAndNowhereElse) {
  const std::string bytes("PING\r\n\0", 7);
  EXPECT_EQ(parse_text(key(Section::kHealthExchange, "send"), text_node(bytes)), bytes);
  EXPECT_FALSE(parse_text(key(Section::kHealthHttp, "path"), text_node(bytes)));
}

TEST(Text, AColonMayStandInABackendsNameAndInNoOther) {
  EXPECT_TRUE(parse_text(key(Section::kBackend, "name"), text_node("10.0.0.1:80")));
  EXPECT_FALSE(parse_text(key(Section::kListener, "pool"), text_node("10.0.0.1:80")));
}

TEST(Text, ALogGoesToAStreamOrAnAbsolutePath) {
  const Key& output = key(Section::kLog, "output");
  for (const char* text : {"stderr", "stdout", "/var/log/weir.log", "/"})
    EXPECT_TRUE(parse_text(output, text_node(text)));
  for (const char* text : {"", "weir.log", "./weir.log", "Stderr", "syslog"}) {
    EXPECT_FALSE(parse_text(output, text_node(text))) << text;
  }
  EXPECT_THAT(parse_text(output, text_node("stdot")).error(), HasSubstr("did you mean \"stdout\"?"));
}

TEST(DefaultNode, IsTheValueThatTheTableWrites) {
  for (const Key& of : all_keys()) {
    if (of.default_value.empty()) continue;
    EXPECT_EQ(found(default_node(of)), found(value_of(std::string(of.default_value)))) << of.name;
  }
}

TEST(Mismatch, AdvisesOnQuotesOnlyWhereQuotesAreTheFault) {
  EXPECT_THAT(mismatch(workers(), text_node("4")), HasSubstr("write the number without quotes"));
  EXPECT_THAT(mismatch(workers(), text_node("many")), Not(HasSubstr("quotes")));
  EXPECT_THAT(mismatch(workers(), expanded_value("999")), Not(HasSubstr("without quotes")));
  EXPECT_THAT(mismatch(hash_balance(), text_node("1.5")), HasSubstr("write the number without quotes"));
  EXPECT_THAT(mismatch(v6only(), text_node("true")), HasSubstr("write it without quotes"));
  EXPECT_THAT(mismatch(v6only(), expanded_value("yes")), Not(HasSubstr("quotes")));
  EXPECT_THAT(mismatch(socket_mode(), integer_node(660)), HasSubstr("write it in quotes"));
  EXPECT_THAT(mismatch(keepalive(), integer_node(30)), HasSubstr("with its unit and in quotes"));
}

}  // namespace
}  // namespace weir::config
