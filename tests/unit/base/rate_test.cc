#include "base/rate.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace weir::base {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

std::string message_of(const Result<Rate>& result) {
  return result ? "read as " + to_string(*result) : result.error().message();
}

TEST(Rate, EveryPeriodIsRead) {
  EXPECT_EQ(parse_rate("2000/s"), (Rate{2000, seconds(1)}));
  EXPECT_EQ(parse_rate("10/min"), (Rate{10, minutes(1)}));
  EXPECT_EQ(parse_rate("5/h"), (Rate{5, hours(1)}));
  EXPECT_EQ(parse_rate("1/h"), (Rate{1, hours(1)}));
}

TEST(Rate, AnythingButAWholeNumberASlashAndAPeriodIsRefused) {
  for (const char* text :
       {"",     "/",     "/s",    "5",     "5/",   "s/5",   " 5/s", "5 /s", "5/ s",   "5/s ", "+5/s",
        "-5/s", "1.5/s", "1e3/s", "0x5/s", "5//s", "5/s/s", "5/S",  "5/1s", "1KiB/s", "inf/s"}) {
    EXPECT_FALSE(parse_rate(text)) << text;
  }
}

TEST(Rate, TheErrorQuotesTheTextAndSaysWhatIsAllowed) {
  const auto bad = parse_rate("fast");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().side(), ErrorSide::kConfiguration);
  EXPECT_EQ(bad.error().message(),
            "\"fast\" is not a rate: expected a whole number, then \"/\" and s, min or h, e.g. \"2000/s\"");
}

TEST(Rate, AnUnknownPeriodIsNamedWithThoseThereAre) {
  EXPECT_EQ(message_of(parse_rate("5/day")),
            "\"5/day\" is not a rate: unknown period \"day\", allowed are s, min and h, e.g. \"2000/s\"");
  EXPECT_EQ(
      message_of(parse_byte_rate("5MiB/m")),
      "\"5MiB/m\" is not a rate of bytes: unknown period \"m\", allowed are s, min and h, e.g. \"1MiB/s\"");
}

TEST(Rate, ZeroIsAnErrorThatSaysWhatItWouldDo) {
  EXPECT_EQ(message_of(parse_rate("0/s")), "a rate of zero lets nobody in: \"0/s\"");
  EXPECT_EQ(message_of(parse_rate("000/h")), "a rate of zero lets nobody in: \"000/h\"");
  EXPECT_EQ(message_of(parse_byte_rate("0KiB/s")), "a rate of zero lets no byte through: \"0KiB/s\"");
}

TEST(Rate, TheFastestIsReadAndOneMoreIsRefusedWhateverThePeriod) {
  EXPECT_TRUE(parse_rate("10000000/s"));
  EXPECT_EQ(message_of(parse_rate("10000001/s")), "\"10000001/s\" is too fast: the most is 10000000/s");
  EXPECT_TRUE(parse_rate("600000000/min"));
  EXPECT_FALSE(parse_rate("600000001/min"));
  EXPECT_TRUE(parse_rate("36000000000/h"));
  EXPECT_FALSE(parse_rate("36000000001/h"));
  EXPECT_FALSE(parse_rate("18446744073709551615/h"));
  EXPECT_FALSE(parse_rate("18446744073709551616/h"));
}

TEST(ByteRate, HasTheUnitsOfSizesAndNoneMeansBytes) {
  EXPECT_EQ(parse_byte_rate("1MiB/s"), (Rate{1 << 20, seconds(1)}));
  EXPECT_EQ(parse_byte_rate("512KiB/s"), (Rate{512 << 10, seconds(1)}));
  EXPECT_EQ(parse_byte_rate("1000/s"), (Rate{1000, seconds(1)}));
  EXPECT_EQ(parse_byte_rate("10GiB/h"), (Rate{10ull << 30, hours(1)}));
}

TEST(ByteRate, OtherFormsAreRefusedWithWhatIsAllowed) {
  for (const char* text :
       {"", "1MiB", "1MB/s", "1 MiB/s", "1MiB /s", "MiB/s", "-1/s", "1.5MiB/s", "1TiB/s"}) {
    EXPECT_FALSE(parse_byte_rate(text)) << text;
  }
  EXPECT_EQ(message_of(parse_byte_rate("1MB/s")),
            "\"1MB/s\" is not a rate of bytes: expected a whole number, alone or with KiB, MiB or GiB, then "
            "\"/\" and "
            "s, min or h, e.g. \"1MiB/s\"");
}

TEST(ByteRate, TheFastestIsReadAndOneMoreIsRefused) {
  EXPECT_TRUE(parse_byte_rate("1024GiB/s"));
  EXPECT_EQ(message_of(parse_byte_rate("1025GiB/s")), "\"1025GiB/s\" is too fast: the most is 1024GiB/s");
  EXPECT_TRUE(parse_byte_rate("1099511627776/s"));
  EXPECT_FALSE(parse_byte_rate("1099511627777/s"));
  EXPECT_TRUE(parse_byte_rate("3686400GiB/h"));
  EXPECT_FALSE(parse_byte_rate("3686401GiB/h"));
  EXPECT_FALSE(parse_byte_rate("9223372036854775807/s"));
  EXPECT_FALSE(parse_byte_rate("18446744073709551616/s"));
}

TEST(Rate, WhatIsPrintedIsReadBackUnchanged) {
  for (const char* text : {"1/s", "2000/s", "10/min", "5/h", "36000000000/h"}) {
    EXPECT_EQ(message_of(parse_rate(text)), std::string("read as ") + text);
  }
  for (const char* text : {"1/s", "1000/s", "1KiB/s", "1MiB/min", "1024GiB/s", "5GiB/h"}) {
    const auto rate = parse_byte_rate(text);
    ASSERT_TRUE(rate) << text;
    EXPECT_EQ(byte_rate_to_string(*rate), text);
  }
  EXPECT_EQ(byte_rate_to_string({2048, seconds(1)}), "2KiB/s");
}

TEST(Rate, TheDefaultBurstIsOneSecondsWorthAndAtLeastOne) {
  EXPECT_EQ(default_burst({2000, seconds(1)}), 2000u);
  EXPECT_EQ(default_burst({1, seconds(1)}), 1u);
  EXPECT_EQ(default_burst({600, minutes(1)}), 10u);
  EXPECT_EQ(default_burst({119, minutes(1)}), 1u);
  EXPECT_EQ(default_burst({120, minutes(1)}), 2u);
  EXPECT_EQ(default_burst({5, hours(1)}), 1u);
  EXPECT_EQ(default_burst({1ull << 40, seconds(1)}), 1ull << 40);
}

}  // namespace
}  // namespace weir::base
