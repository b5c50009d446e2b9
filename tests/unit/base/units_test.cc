#include "base/units.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

namespace weir::base {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Duration, EveryUnitIsRead) {
  EXPECT_EQ(parse_duration("250ms"), Millis(250));
  EXPECT_EQ(parse_duration("30s"), seconds(30));
  EXPECT_EQ(parse_duration("10m"), minutes(10));
  EXPECT_EQ(parse_duration("1h"), hours(1));
  EXPECT_EQ(parse_duration("1d"), hours(24));
  EXPECT_EQ(parse_duration("0s"), Millis(0));
}

TEST(Duration, ANumberNeedsAUnitOfItsOwnKind) {
  for (const char* text : {"30", "30S", "30 s", "30sec", "30KiB", "1h30m", "30us", "1.5s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, OnlyPlainDigitsAreANumber) {
  for (const char* text : {"", "s", "-1s", "+1s", " 1s", "1s ", "0x1s", "1e3s", "inf"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, TheLargestIsReadAndOneMoreIsRefused) {
  EXPECT_EQ(parse_duration("9223372036854775807ms"), Millis(std::numeric_limits<std::int64_t>::max()));
  EXPECT_FALSE(parse_duration("9223372036854775808ms"));
  EXPECT_TRUE(parse_duration("106751991167d"));
  EXPECT_FALSE(parse_duration("106751991168d"));
  EXPECT_FALSE(parse_duration("99999999999999999999999s"));
}

TEST(Duration, TheErrorQuotesTheTextAndSaysWhatIsAllowed) {
  const auto bad = parse_duration("soon");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().side(), ErrorSide::kConfiguration);
  EXPECT_EQ(bad.error().message(),
            "\"soon\" is not a duration: expected a whole number with ms, s, m, h or d, e.g. \"30s\"");
}

TEST(Duration, IsPrintedInTheLargestUnitThatIsExact) {
  EXPECT_EQ(to_string(Millis(0)), "0s");
  EXPECT_EQ(to_string(Millis(1)), "1ms");
  EXPECT_EQ(to_string(Millis(1500)), "1500ms");
  EXPECT_EQ(to_string(seconds(90)), "90s");
  EXPECT_EQ(to_string(minutes(2)), "2m");
  EXPECT_EQ(to_string(Millis(3'600'000)), "1h");
  EXPECT_EQ(to_string(hours(36)), "36h");
  EXPECT_EQ(to_string(hours(48)), "2d");
}

TEST(Duration, OneThatHasRunOutIsPrintedWithItsSign) {
  EXPECT_EQ(to_string(Millis(-5)), "-5ms");
  EXPECT_EQ(to_string(Millis::min()), "-9223372036854775808ms");
}

TEST(Duration, WhatIsPrintedIsReadBackUnchanged) {
  for (const std::int64_t ms : {0LL, 1LL, 999LL, 1'000LL, 59'999LL, 60'000LL, 3'600'000LL, 86'400'000LL,
                                86'400'001LL, 9'223'372'036'854'775'807LL}) {
    EXPECT_EQ(parse_duration(to_string(Millis(ms))), Millis(ms)) << ms;
  }
}

TEST(Bytes, EveryUnitIsReadAndNoneMeansBytes) {
  EXPECT_EQ(parse_bytes("512"), Bytes{512});
  EXPECT_EQ(parse_bytes("64KiB"), Bytes{64 * 1024});
  EXPECT_EQ(parse_bytes("10MiB"), Bytes{10 * 1024 * 1024});
  EXPECT_EQ(parse_bytes("1GiB"), Bytes{1024 * 1024 * 1024});
  EXPECT_EQ(parse_bytes("0"), Bytes{0});
}

TEST(Bytes, UnitsOfThousandAndOtherFormsAreRefused) {
  for (const char* text : {"", "KiB", "1KB", "1kib", "1K", "1 KiB", "-1", "+1", "1.5MiB", "1TiB", "0x10"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(Bytes, TheLargestIsReadAndOneMoreIsRefused) {
  EXPECT_EQ(parse_bytes("9223372036854775807"), Bytes{9'223'372'036'854'775'807u});
  EXPECT_FALSE(parse_bytes("9223372036854775808"));
  EXPECT_TRUE(parse_bytes("8589934591GiB"));
  EXPECT_FALSE(parse_bytes("8589934592GiB"));
}

TEST(Bytes, TheErrorQuotesTheTextAndSaysWhatIsAllowed) {
  const auto bad = parse_bytes("64k");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message(),
            "\"64k\" is not a size: expected a whole number, alone or with KiB, MiB or GiB, e.g. \"64KiB\"");
}

TEST(Bytes, ArePrintedInTheLargestUnitThatIsExactAndReadBackUnchanged) {
  EXPECT_EQ(to_string(Bytes{0}), "0");
  EXPECT_EQ(to_string(Bytes{1000}), "1000");
  EXPECT_EQ(to_string(Bytes{1023}), "1023");
  EXPECT_EQ(to_string(Bytes{1536}), "1536");
  EXPECT_EQ(to_string(Bytes{64 * 1024}), "64KiB");
  EXPECT_EQ(to_string(Bytes{3ull << 30}), "3GiB");
  for (const std::uint64_t bytes :
       {1ull, 1024ull, 1025ull, 1ull << 20, 3ull << 40, 9'223'372'036'854'775'807ull}) {
    EXPECT_EQ(parse_bytes(to_string(Bytes{bytes})), Bytes{bytes}) << bytes;
  }
}

TEST(HumanBytes, SmallCountsAreExact) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1), "1 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
}

TEST(HumanBytes, LargerOnesHaveOneDecimalBelowAHundred) {
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(12'900'000), "12.3 MiB");
  EXPECT_EQ(human_bytes(100 * 1024), "100 KiB");
}

TEST(HumanBytes, ANumberThatRoundsTo1024IsOneOfTheNextUnit) {
  EXPECT_EQ(human_bytes(1023 * 1024), "1023 KiB");
  EXPECT_EQ(human_bytes(1024 * 1024 - 410), "1.0 MiB");
  EXPECT_EQ(human_bytes(1024 * 1024 - 1), "1.0 MiB");
}

TEST(HumanBytes, NoCountNeedsMoreThanFourDigits) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t bytes : {(1ull << bit) - 1, 1ull << bit, (1ull << bit) + (1ull << bit) / 3}) {
      const std::string text = human_bytes(bytes);
      EXPECT_LE(text.find(' '), 4u) << text;
      EXPECT_EQ(text.find("1024"), std::string::npos) << text;
    }
  }
  EXPECT_EQ(human_bytes(std::numeric_limits<std::uint64_t>::max()), "16.0 EiB");
}

TEST(HumanCount, ThousandsAreSetApart) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1 000");
  EXPECT_EQ(human_count(9900), "9 900");
  EXPECT_EQ(human_count(123456), "123 456");
  EXPECT_EQ(human_count(std::numeric_limits<std::uint64_t>::max()), "18 446 744 073 709 551 615");
}

}  // namespace
}  // namespace weir::base
