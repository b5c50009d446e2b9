#include "admin/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>

namespace weir::admin {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Key;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

std::string file_text(std::string_view name) { return std::string(page_response(name).value().body); }

TEST(Page, EachFileComesAsWhatItIs) {
  EXPECT_EQ(page_response("index.html")->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(page_response("style.css")->content_type, "text/css; charset=utf-8");
  EXPECT_EQ(page_response("icon.svg")->content_type, "image/svg+xml");
  EXPECT_EQ(page_response("main.js")->content_type, "text/javascript; charset=utf-8");
  EXPECT_THAT(file_text("index.html"), StartsWith("<!DOCTYPE html>"));
}

TEST(Page, WhatIsNotThereIsNoFile) {
  for (const char* name : {"", "no.js", "chart.js.gz", "../routes.cc", "index.html/"}) {
    EXPECT_FALSE(page_response(name).has_value()) << name;
  }
}

TEST(Page, ChartsComeGzippedAndSaySo) {
  const HttpResponse charts = page_response("chart.js").value();
  EXPECT_THAT(charts.headers, Contains(Pair("Content-Encoding", "gzip")));
  EXPECT_THAT(charts.body, StartsWith("\x1f\x8b"));
  EXPECT_THAT(page_response("main.js")->headers, Not(Contains(Key("Content-Encoding"))));
}

TEST(Page, MayLoadFromNowhereElseAndBeShownInNoOtherPage) {
  for (const PageFile& file : page_files()) {
    const HttpResponse response = page_response(file.name).value();
    EXPECT_THAT(response.headers,
                Contains(Pair("Content-Security-Policy", StartsWith("default-src 'none'; "))))
        << file.name;
    EXPECT_THAT(response.headers,
                Contains(Pair("Content-Security-Policy", HasSubstr("frame-ancestors 'none'"))));
    EXPECT_THAT(response.headers, Contains(Pair("Content-Security-Policy", Not(HasSubstr("unsafe")))));
  }
}

// A browser would refuse them by the policy, and the page would look broken.
TEST(Page, HasNoScriptsAndStylesInItsMarkup) {
  const std::string page = file_text("index.html");
  EXPECT_THAT(page, Not(HasSubstr(" style=")));
  EXPECT_THAT(page, Not(HasSubstr("<style")));
  EXPECT_FALSE(std::regex_search(page, std::regex(" on[a-z]+="))) << "a handler";
  EXPECT_FALSE(std::regex_search(page, std::regex("<script[^>]*>[^<]"))) << "a script";
}

TEST(Page, WhatItAsksForIsThere) {
  for (const PageFile& file : page_files()) {
    if (file.is_gzipped) continue;
    const std::string text(file.bytes);
    const std::regex named(file.name.ends_with(".html") ? "(?:src|href)=\"dashboard/([^\"]+)\""
                                                        : "from '\\./([^']+)'");
    for (auto found = std::sregex_iterator(text.begin(), text.end(), named); found != std::sregex_iterator();
         ++found) {
      EXPECT_TRUE(page_response((*found)[1].str()).has_value()) << file.name << " asks for " << (*found)[1];
    }
  }
}

}  // namespace
}  // namespace weir::admin
