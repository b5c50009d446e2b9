#include "config/pool_scalars.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::HasSubstr;
using testing::Not;

const Key& on_down() { return *find_key(Section::kPoolSessions, "on_down"); }
const Key& hash_key() { return *find_key(Section::kPool, "hash_key"); }
const Key& status() { return *find_key(Section::kHealthHttp, "status"); }

Node text_node(const std::string& text) {
  Node node;
  node.kind = Kind::kString;
  node.text = text;
  return node;
}

std::string fate_fault(const std::string& text) {
  const auto fate = parse_fate(on_down(), text_node(text));
  return fate ? "" : fate.error();
}

std::string hash_key_fault(const std::string& text) {
  const auto bits = parse_hash_key(hash_key(), text_node(text));
  return bits ? "" : bits.error();
}

TEST(Fate, EachWordIsOneAndOnlyADrainHasATime) {
  EXPECT_EQ(parse_fate(on_down(), text_node("keep")), (FateConfig{SessionFate::kKeep, Millis{0}}));
  EXPECT_EQ(parse_fate(on_down(), text_node("close")), (FateConfig{SessionFate::kClose, Millis{0}}));
  EXPECT_EQ(parse_fate(on_down(), text_node("drain 250ms")), (FateConfig{SessionFate::kDrain, Millis{250}}));
  EXPECT_EQ(parse_fate(on_down(), expanded_value("drain 2h")),
            (FateConfig{SessionFate::kDrain, Millis{7'200'000}}));
}

TEST(Fate, ATimeMustHaveItsUnitAndStayWithinItsBounds) {
  for (const char* text : {"", "drain ", "drain 30", "drain  30s", "drain 30s ", "drain -1s", "drain 0s",
                           "drain 366d", "drain30s", "Drain 30s", "keep 30s", "close 1s", "30s", " keep"}) {
    EXPECT_NE(fate_fault(text), "") << '"' << text << '"';
  }
  EXPECT_FALSE(parse_fate(on_down(), value_of("30")));
  EXPECT_FALSE(parse_fate(on_down(), value_of("[\"keep\"]")));
}

TEST(Fate, ADrainWithoutATimeIsToldToSayHowLong) {
  EXPECT_THAT(fate_fault("drain"), HasSubstr("say how long"));
  EXPECT_THAT(fate_fault("clsoe"), HasSubstr("did you mean \"close\"?"));
  EXPECT_THAT(fate_fault("drain 0s"), Not(HasSubstr("did you mean")));
}

TEST(HashKey, AClientIsItsWholeAddress) {
  EXPECT_EQ(parse_hash_key(hash_key(), text_node("client")), (HashKeyConfig{32, 128}));
}

TEST(HashKey, ANameIsTheOneThatTheClientAsksFor) {
  EXPECT_EQ(parse_hash_key(hash_key(), text_node("server_name")), (HashKeyConfig{32, 128, true}));
}

TEST(HashKey, AShortPrefixIsIpv4sAndLeavesIpv6ItsCustomersNetwork) {
  EXPECT_EQ(parse_hash_key(hash_key(), text_node("client_prefix/1")), (HashKeyConfig{1, 64}));
  EXPECT_EQ(parse_hash_key(hash_key(), text_node("client_prefix/24")), (HashKeyConfig{24, 64}));
  EXPECT_EQ(parse_hash_key(hash_key(), text_node("client_prefix/32")), (HashKeyConfig{32, 64}));
}

TEST(HashKey, ALongPrefixIsIpv6sAndLeavesIpv4Whole) {
  EXPECT_EQ(parse_hash_key(hash_key(), text_node("client_prefix/33")), (HashKeyConfig{32, 33}));
  EXPECT_EQ(parse_hash_key(hash_key(), text_node("client_prefix/128")), (HashKeyConfig{32, 128}));
}

TEST(HashKey, NothingElseIsOne) {
  for (const char* text : {"", "Client", "client/24", "client_prefix", "client_prefix/", "client_prefix/0",
                           "client_prefix/129", "client_prefix/-1", "client_prefix/24 ", "client_prefix/2x",
                           "client_prefix/1000", "client_prefix/24/24"}) {
    EXPECT_NE(hash_key_fault(text), "") << '"' << text << '"';
  }
  EXPECT_FALSE(parse_hash_key(hash_key(), value_of("24")));
  EXPECT_THAT(hash_key_fault("clinet"), HasSubstr("did you mean \"client\"?"));
}

TEST(Status, IsOneOrAHundredOrARangeWithBothItsEnds) {
  EXPECT_EQ(parse_status(status(), text_node("200")), (StatusRange{200, 200}));
  EXPECT_EQ(parse_status(status(), value_of("204")), (StatusRange{204, 204}));
  EXPECT_EQ(parse_status(status(), text_node("2xx")), (StatusRange{200, 299}));
  EXPECT_EQ(parse_status(status(), text_node("200-599")), (StatusRange{200, 599}));
  EXPECT_EQ(parse_status(status(), text_node("401-401")), (StatusRange{401, 401}));
}

TEST(Status, OutsideOfHttpsRangeOrInAnotherFormIsNone) {
  for (const char* text : {"", "199", "600", "1xx", "100-200", "0xx", "6xx", "2x", "2XX", "xx", "200-",
                           "-200", "200-600", "20-200", "200 ", "2xx-3xx", "200-204-206", "ok"}) {
    EXPECT_FALSE(parse_status(status(), text_node(text))) << '"' << text << '"';
  }
  for (const char* value : {"199", "600", "-200", "4294967496", "200.0", "true", "[200]"}) {
    EXPECT_FALSE(parse_status(status(), value_of(value))) << value;
  }
}

TEST(Status, ARangeThatRunsBackwardsIsShownTheOtherWayRound) {
  EXPECT_THAT(parse_status(status(), text_node("299-200")).error(), HasSubstr("write \"200-299\""));
}

TEST(Hex, TwoDigitsAreAByteInAnyCaseWithSpacesBetween) {
  EXPECT_EQ(parse_hex(""), "");
  EXPECT_EQ(parse_hex("  "), "");
  EXPECT_EQ(parse_hex("00000008 04D2162f"), std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8));
  EXPECT_EQ(parse_hex(" ff  80 "), "\xff\x80");
}

TEST(Hex, AByteIsNeverSplitNorGuessed) {
  for (const char* text : {"0", "000", "0 0", "0x00", "g0", "0g", "00,00", "00\t00", "-1"}) {
    EXPECT_FALSE(parse_hex(text)) << '"' << text << '"';
  }
  EXPECT_THAT(parse_hex("00 0g").error(), HasSubstr("\"0g\" is no byte"));
  EXPECT_THAT(parse_hex("00 0").error(), HasSubstr("\"0\" is no byte"));
}

}  // namespace
}  // namespace weir::config
