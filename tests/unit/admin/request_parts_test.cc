#include "admin/request_parts.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace weir::admin {
namespace {

using Segments = std::vector<std::string>;

TEST(PathSegments, AreDecodedOneByOne) {
  const std::vector<std::pair<std::string, Segments>> cases{
      {"/", {}},
      {"/metrics", {"metrics"}},
      {"/v1/pools/a%2Fb", {"v1", "pools", "a/b"}},
      {"/a%20b%2fc", {"a b/c"}},
      {"/app%40%5B%3A%3A1%5D%3A80", {"app@[::1]:80"}},
      {"/app@[::1]:80", {"app@[::1]:80"}},
      {"/a+b", {"a+b"}},
      {"/..", {".."}},
      {"/%25", {"%"}},
      {"/%252f", {"%2f"}},
      {"/%FF%c3", {"\xff\xc3"}},
  };
  for (const auto& [path, expected] : cases) EXPECT_EQ(path_segments(path), expected) << path;
}

TEST(PathSegments, AreNoneOfAMalformedPath) {
  for (const char* path : {"", "metrics", "*", "http://x/metrics", "//", "//a", "/a/", "/a//b", "/%", "/%2",
                           "/a%", "/%2g", "/%g2", "/% 2", "/%-1", "/%00", "/a/%00b"}) {
    EXPECT_EQ(path_segments(path), std::nullopt) << path;
  }
  EXPECT_EQ(path_segments(std::string_view("/a\0b", 4)), std::nullopt);
}

TEST(PathSegments, GiveBackWhateverWasEncoded) {
  std::string all;
  std::string written = "/";
  for (int c = 1; c < 256; ++c) {
    all += static_cast<char>(c);
    written += c % 2 == 0 ? fmt::format("%{:02x}", c) : fmt::format("%{:02X}", c);
  }
  EXPECT_EQ(path_segments(written), Segments{all});
}

TEST(QueryParameters, AreNamesWithValues) {
  const std::vector<std::pair<std::string, Parameters>> cases{
      {"", {}},
      {"&&", {}},
      {"a=1&b=x%20y+z", {{"a", "1"}, {"b", "x y z"}}},
      {"a", {{"a", ""}}},
      {"a=", {{"a", ""}}},
      {"a=b=c&", {{"a", "b=c"}}},
      {"client=10.0.0.0%2F8", {{"client", "10.0.0.0/8"}}},
      {"%61=%26%3D%2B", {{"a", "&=+"}}},
  };
  for (const auto& [query, expected] : cases) {
    const auto parameters = query_parameters(query);
    ASSERT_TRUE(parameters.has_value()) << query;
    EXPECT_EQ(*parameters, expected) << query;
  }
}

TEST(QueryParameters, SayWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a=1&=2", "the query has \"=2\", which is no NAME=VALUE"},
      {"a=%zz", "the query has \"a=%zz\", which is no NAME=VALUE"},
      {"%0=1", "the query has \"%0=1\", which is no NAME=VALUE"},
      {"a=%00", "the query has \"a=%00\", which is no NAME=VALUE"},
      {"a=1&b=2&a=1", "the query has \"a\" twice"},
      {"a=1&%61", "the query has \"a\" twice"},
      {"%22%0a=1&%22%0a", "the query has \"\\\"\\u000a\" twice"},
  };
  for (const auto& [query, expected] : cases) {
    const auto parameters = query_parameters(query);
    ASSERT_FALSE(parameters.has_value()) << query;
    EXPECT_EQ(parameters.error().message(), expected) << query;
  }
}

TEST(MatchPath, GivesWhatStandsForNames) {
  constexpr std::string_view kPattern = "/v1/pools/{pool}/backends/{backend}";
  EXPECT_EQ(match_path(kPattern, {"v1", "pools", "p", "backends", "a/b"}),
            (Parameters{{"pool", "p"}, {"backend", "a/b"}}));
  EXPECT_EQ(match_path("/metrics", {"metrics"}), Parameters{});
  for (const Segments& other :
       {Segments{}, Segments{"v1", "pools", "p", "backends"},
        Segments{"v1", "pools", "p", "backends", "a", "b"}, Segments{"v1", "pool", "p", "backends", "a"},
        Segments{"V1", "pools", "p", "backends", "a"}}) {
    EXPECT_EQ(match_path(kPattern, other), std::nullopt) << other.size();
  }
  EXPECT_EQ(match_path("/v1/pools", {"v1", "{pool}"}), std::nullopt);
}

}  // namespace
}  // namespace weir::admin
