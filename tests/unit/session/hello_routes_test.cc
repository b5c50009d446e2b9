#include "session/hello_routes.h"

#include <gtest/gtest.h>

namespace weir::session {
namespace {

std::shared_ptr<pool::Pool> pool_named(const std::string& name) {
  pool::PoolSettings settings;
  settings.name = name;
  return std::make_shared<pool::Pool>(std::move(settings), std::vector<std::shared_ptr<pool::Backend>>{});
}

using Names = std::vector<std::string>;

std::string found(const HelloRoutes& routes, std::string_view name, const Names& protocols = {}) {
  const auto to = routes.find(name, protocols);
  if (to.pool == nullptr) return "none";
  return to.pool->name() + (to.terminates ? ", ends here" : "");
}

HelloRoutes::Rule rule(Names names, Names alpn, const std::string& pool) {
  return {std::move(names), std::move(alpn), pool_named(pool)};
}

TEST(HelloRoutes, ARouteSaysWhereTlsEnds) {
  HelloRoutes::Rule ends = rule({"a.example"}, {}, "a");
  ends.terminates = true;
  const HelloRoutes routes({ends, rule({"b.example"}, {}, "b")});
  EXPECT_EQ(found(routes, "a.example"), "a, ends here");
  EXPECT_EQ(found(routes, "b.example"), "b");
}

TEST(HelloRoutes, AnExactNameGoesBeforeAWildcardAndALongerOneBeforeAShorter) {
  const HelloRoutes routes({rule({"*.example"}, {}, "wide"), rule({"*.b.example"}, {}, "narrow"),
                            rule({"a.b.example"}, {}, "exact")});
  EXPECT_EQ(found(routes, "a.b.example"), "exact");
  EXPECT_EQ(found(routes, "c.b.example"), "narrow");
  EXPECT_EQ(found(routes, "d.c.b.example"), "narrow") << "every name below it";
  EXPECT_EQ(found(routes, "b.example"), "wide") << "not the name itself";
  EXPECT_EQ(found(routes, "example"), "none");
  EXPECT_EQ(found(routes, "xb.example"), "wide");
  EXPECT_EQ(found(routes, ""), "none");
}

TEST(HelloRoutes, ARuleWithoutNamesIsForEverybodyElse) {
  const HelloRoutes routes({rule({}, {}, "rest"), rule({"a.example"}, {}, "a")});
  EXPECT_EQ(found(routes, "a.example"), "a");
  EXPECT_EQ(found(routes, "b.example"), "rest");
  EXPECT_EQ(found(routes, ""), "rest") << "one without a name too";
}

TEST(HelloRoutes, AProtocolMustBeOfferedWhereOneIsAskedFor) {
  const HelloRoutes routes({rule({"a.example"}, {}, "any"), rule({"a.example"}, {"h2", "h3"}, "h2"),
                            rule({"b.example"}, {"h2"}, "only h2")});
  EXPECT_EQ(found(routes, "a.example", {"http/1.1", "h3"}), "h2") << "before the rule that takes all";
  EXPECT_EQ(found(routes, "a.example", {"http/1.1"}), "any");
  EXPECT_EQ(found(routes, "a.example"), "any");
  EXPECT_EQ(found(routes, "b.example", {"http/1.1"}), "none");
}

TEST(HelloRoutes, ARuleForOtherProtocolsDoesNotEndTheSearch) {
  const HelloRoutes routes(
      {rule({"a.example"}, {"h2"}, "a"), rule({"*.example"}, {}, "wide"), rule({}, {"acme-tls/1"}, "acme")});
  EXPECT_EQ(found(routes, "a.example", {"http/1.1"}), "wide");
  EXPECT_EQ(found(routes, "b.other", {"acme-tls/1"}), "acme");
}

TEST(HelloRoutes, OfEqualRulesTheFirstIsTaken) {
  const HelloRoutes routes({rule({"a.example"}, {"h2"}, "first"), rule({"a.example"}, {"h3"}, "second")});
  EXPECT_EQ(found(routes, "a.example", {"h3", "h2"}), "first");
}

TEST(HelloRoutes, NoRulesAreForNobody) { EXPECT_EQ(found(HelloRoutes(), "a.example"), "none"); }

}  // namespace
}  // namespace weir::session
