#include "base/log_text.h"

#include <gtest/gtest.h>

namespace weir::base {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

std::string text_of(std::string_view value) {
  LogFields fields;
  return fields.text("k", value).as_text();
}

TEST(LogFields, WriteEachFieldInBothForms) {
  LogFields fields;
  fields.text("a", "plain").number("n", 18'446'744'073'709'551'615ull).none("missing").text("b", "two words");
  EXPECT_EQ(fields.as_text(), " a=plain n=18446744073709551615 missing=- b=\"two words\"");
  EXPECT_EQ(fields.as_json(),
            ",\"a\":\"plain\",\"n\":18446744073709551615,\"missing\":null,\"b\":\"two words\"");
}

TEST(LogFields, OfNothingAreEmpty) {
  EXPECT_EQ(LogFields().as_text(), "");
  EXPECT_EQ(LogFields().as_json(), "");
}

TEST(LogFields, QuoteOnlyWhatWouldNotReadBack) {
  EXPECT_EQ(text_of("192.0.2.7:51234"), " k=192.0.2.7:51234");
  EXPECT_EQ(text_of("[2001:db8::1]:80"), " k=[2001:db8::1]:80");
  EXPECT_EQ(text_of("unix:/run/a.sock"), " k=unix:/run/a.sock");
  EXPECT_EQ(text_of(""), " k=\"\"");
  EXPECT_EQ(text_of("a b"), " k=\"a b\"");
  EXPECT_EQ(text_of("a=b"), " k=\"a=b\"");
  EXPECT_EQ(text_of("say \"x\""), " k=\"say \\\"x\\\"\"");
  EXPECT_EQ(text_of("back\\slash"), " k=\"back\\\\slash\"");
  EXPECT_EQ(text_of("\x7f"), " k=\"\\u007f\"");
}

TEST(LogFields, NeverBreakTheLine) {
  EXPECT_EQ(text_of("a\nb"), " k=\"a\\u000ab\"");
  EXPECT_EQ(text_of("a\rb\tc"), " k=\"a\\u000db\\u0009c\"");
  EXPECT_EQ(text_of(std::string_view("a\0b", 3)), " k=\"a\\u0000b\"");
}

// On machines where char is signed and where it is not.
TEST(LogFields, QuoteWhatIsNotAsciiAndReplaceWhatIsNotUtf8) {
  EXPECT_EQ(text_of("gr\xc3\xbcn"), " k=\"gr\xc3\xbcn\"");
  EXPECT_EQ(text_of("a\xff"), " k=\"a" + std::string(kReplacement) + "\"");
}

TEST(JsonQuoted, EscapesControlCharactersQuotesAndBackslashes) {
  EXPECT_EQ(json_quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
  std::string controls;
  std::string expected = "\"";
  for (int c = 0; c < 0x20; ++c) {
    controls += static_cast<char>(c);
    char escaped[8];
    std::snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(c));
    expected += escaped;
  }
  EXPECT_EQ(json_quoted(controls), expected + "\"");
  EXPECT_EQ(json_quoted("/"), "\"/\"");
}

TEST(JsonQuoted, KeepsEveryFormOfValidUtf8) {
  // The first and the last sequence of each length that is not a control character, and those around the
  // surrogates.
  for (const std::string_view valid : {"\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                       "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(json_quoted(valid), "\"" + std::string(valid) + "\"");
  }
}

// U+009B begins what a terminal obeys, as ESC and "[" do.
TEST(JsonQuoted, EscapesWhatATerminalObeys) {
  EXPECT_EQ(json_quoted("\x7f"), "\"\\u007f\"");
  EXPECT_EQ(json_quoted("\xc2\x80\xc2\x9b\xc2\x9f"), "\"\\u0080\\u009b\\u009f\"");
}

TEST(JsonQuoted, ReplacesEveryByteThatIsNotUtf8) {
  const auto replaced = [](int times) {
    std::string out = "\"";
    for (int i = 0; i < times; ++i) out += kReplacement;
    return out + "\"";
  };
  EXPECT_EQ(json_quoted("\x80"), replaced(1)) << "a lone continuation";
  EXPECT_EQ(json_quoted("\xc0\xaf"), replaced(2)) << "an overlong slash";
  EXPECT_EQ(json_quoted("\xc1\xbf"), replaced(2)) << "overlong";
  EXPECT_EQ(json_quoted("\xe0\x9f\xbf"), replaced(3)) << "overlong";
  EXPECT_EQ(json_quoted("\xf0\x8f\xbf\xbf"), replaced(4)) << "overlong";
  EXPECT_EQ(json_quoted("\xed\xa0\x80"), replaced(3)) << "a surrogate";
  EXPECT_EQ(json_quoted("\xf4\x90\x80\x80"), replaced(4)) << "beyond U+10FFFF";
  EXPECT_EQ(json_quoted("\xf5\x80\x80\x80"), replaced(4));
  EXPECT_EQ(json_quoted("\xe2\x82"), replaced(2)) << "cut off";
  EXPECT_EQ(json_quoted("\xff\xfe"), replaced(2));
}

TEST(JsonQuoted, GoesOnAfterABadByte) {
  EXPECT_EQ(json_quoted("a\xc3(b"), "\"a" + std::string(kReplacement) + "(b\"");
  EXPECT_EQ(json_quoted("\xe2\x28\xa1"),
            "\"" + std::string(kReplacement) + "(" + std::string(kReplacement) + "\"");
}

TEST(UtcTime, HasMillisecondsAndAZone) {
  EXPECT_EQ(utc_time(Millis(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(utc_time(Millis(1'767'604'364'031)), "2026-01-05T09:12:44.031Z");
  EXPECT_EQ(utc_time(Millis(-1)), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace weir::base
