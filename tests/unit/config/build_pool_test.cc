#include "config/build_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Built {
  PoolConfig pool;
  Problems problems;
};

// [pools.app] with these lines.
Built built(const std::string& lines) {
  const Node root = tree_of("[pools.app]\n" + lines);
  Built out;
  out.pool = build_pool(root.entries.at(0).value.entries.at(0), out.problems);
  return out;
}

// A list of `count` backends, each with an address of its own.
std::string list_of(std::size_t count) {
  std::string list = "backends = [";
  for (std::size_t i = 0; i < count; ++i) list += "\"a" + std::to_string(i) + ":80\",";
  return list + "]\n";
}

TEST(BuildPool, TheTablesKeyIsItsNameAndItsPlace) {
  const Built app = built("backends = [\"a:80\"]\n");
  EXPECT_THAT(app.problems, IsEmpty());
  EXPECT_EQ(app.pool.name, "app");
  EXPECT_EQ(to_string(app.pool.place), "t:1:8");
}

TEST(BuildPool, BothFormsOfABackendMayStandInOneListAndKeepItsOrder) {
  const Built app =
      built("backends = [{ weight = 2, address = \"b:80\" }, \"a:80\", { address = \"c:80\" }]\n");
  EXPECT_THAT(app.problems, IsEmpty());
  ASSERT_THAT(app.pool.backends, SizeIs(3));
  EXPECT_EQ(app.pool.backends[0].name, "b:80");
  EXPECT_EQ(app.pool.backends[0].weight, 2u);
  EXPECT_EQ(to_string(app.pool.backends[0].address.place), "t:2:37");
  EXPECT_EQ(app.pool.backends[1].name, "a:80");
  EXPECT_EQ(app.pool.backends[1].weight, 1u);
  EXPECT_EQ(to_string(app.pool.backends[1].address.place), "t:2:47");
  EXPECT_EQ(app.pool.backends[2].name, "c:80");
}

TEST(BuildPool, ABackendThatCannotBeBuiltLeavesTheOthers) {
  const Built app =
      built("backends = [\"a:80\", \"b\", 3, { name = \"d\" }, { address = \"e\" }, [], \"f:80\"]\n");
  EXPECT_THAT(app.problems, SizeIs(5));
  ASSERT_THAT(app.pool.backends, SizeIs(2));
  EXPECT_EQ(app.pool.backends[0].name, "a:80");
  EXPECT_EQ(app.pool.backends[1].name, "f:80");
}

TEST(BuildPool, ABackendWithABadNameOrWeightKeepsItsAddressForLaterChecks) {
  const Built app = built("backends = [{ address = \"a:80\", name = \"a b\", weight = 257 }]\n");
  EXPECT_THAT(lines_of(app.problems),
              ElementsAre(HasSubstr("pools.app.backends.name: "), HasSubstr("pools.app.backends.weight: ")));
  ASSERT_THAT(app.pool.backends, SizeIs(1));
  EXPECT_EQ(app.pool.backends[0].name, "a:80");
  EXPECT_EQ(app.pool.backends[0].weight, 1u);
}

TEST(BuildPool, APoolHoldsAsManyBackendsAsTheLimitAndNotOneMore) {
  const Built full = built(list_of(kMaxBackends));
  EXPECT_THAT(full.problems, IsEmpty());
  EXPECT_THAT(full.pool.backends, SizeIs(kMaxBackends));
  const Built over = built(list_of(kMaxBackends + 1));
  EXPECT_THAT(lines_of(over.problems),
              ElementsAre("t:2:12: error: pools.app.backends: found 10001 backends, at most 10000 are "
                          "allowed in a pool"));
  EXPECT_THAT(over.pool.backends, IsEmpty());
}

TEST(BuildPool, EveryWrongValueIsReportedAndLeavesTheDefault) {
  const Built app =
      built("policy = \"slowest\"\nbackends = \"a:80\"\nconnect_timeout = \"0s\"\nretries = 8\n");
  EXPECT_THAT(app.problems, SizeIs(4));
  const PoolConfig model;
  EXPECT_EQ(app.pool.policy, model.policy);
  EXPECT_THAT(app.pool.backends, IsEmpty());
  EXPECT_EQ(app.pool.connect_timeout, model.connect_timeout);
  EXPECT_EQ(app.pool.retries, model.retries);
}

// The problems of [pools.app] with one backend and these lines.
std::vector<std::string> problems_with(const std::string& lines) {
  return lines_of(built("backends = [\"a:80\"]\n" + lines).problems);
}

TEST(BuildPool, ThereAreChecksOnlyWithATableForThem) {
  EXPECT_FALSE(built("backends = [\"a:80\"]\n").pool.health);
  EXPECT_TRUE(built("backends = [\"a:80\"]\n[pools.app.health]\ntype = \"tcp\"\n").pool.health);
  const Built wrong = built("backends = [\"a:80\"]\nhealth = true\n");
  EXPECT_FALSE(wrong.pool.health);
  EXPECT_THAT(lines_of(wrong.problems),
              ElementsAre("t:3:10: error: pools.app.health: found true, expected a table, written "
                          "[pools.NAME.health]"));
}

TEST(BuildPool, WhatBelongsToAnotherPolicyIsToldToSayNothing) {
  const std::string hash = "hash_key = \"client_prefix/24\"\nhash_balance = 1.25\n";
  EXPECT_THAT(problems_with("policy = \"source_hash\"\n" + hash), IsEmpty());
  EXPECT_THAT(problems_with(hash),
              ElementsAre(HasSubstr("t:3:12: warning: pools.app.hash_key: it says nothing"),
                          HasSubstr("pools.app.hash_balance: it says nothing")));
  EXPECT_THAT(problems_with("hash_key = \"client\"\nhash_balance = \"off\"\n"), IsEmpty()) << "the defaults";
  EXPECT_THAT(problems_with("slow_start = \"30s\"\n"), IsEmpty());
  EXPECT_THAT(problems_with("policy = \"source_hash\"\nslow_start = \"30s\"\n"),
              ElementsAre(HasSubstr("t:4:14: warning: pools.app.slow_start: it has no effect")));
}

TEST(BuildPool, AConnectionFromTheClientsAddressCannotBeWarm) {
  EXPECT_THAT(problems_with("warm_connections = 4\n"), IsEmpty());
  EXPECT_THAT(problems_with("warm_connections = 0\ntransparent = true\n"), IsEmpty());
  EXPECT_THAT(problems_with("warm_connections = 4\ntransparent = true\n"),
              ElementsAre(HasSubstr("t:3:20: error: pools.app.warm_connections: with transparent = true")));
}

TEST(BuildPool, AQueuesTimeSaysNothingWithoutAQueue) {
  EXPECT_THAT(
      problems_with("queue_timeout = \"10s\"\n"),
      ElementsAre(HasSubstr("warning: pools.app.queue_timeout: it says nothing with queue_length = 0")));
  EXPECT_THAT(problems_with("queue_length = 5\nqueue_timeout = \"10s\"\n"), IsEmpty());
}

TEST(BuildPool, ASettingThatEjectsNobodyIsTold) {
  EXPECT_THAT(problems_with("outlier = { max_ejected = 0 }\n"),
              ElementsAre(HasSubstr(
                  "warning: pools.app.outlier.max_ejected: 0 means that no backend is ever ejected")));
  EXPECT_THAT(problems_with("outlier = { consecutive_failures = 0 }\n"), IsEmpty());
  EXPECT_THAT(problems_with("outlier = { consecutive_failures = 0, max_ejected = 0, eject_time = \"1m\", "
                            "observe_resets = false }\n"),
              ElementsAre(HasSubstr("pools.app.outlier.eject_time: it says nothing"),
                          HasSubstr("pools.app.outlier.max_ejected: it says nothing"),
                          HasSubstr("pools.app.outlier.observe_resets: it says nothing")));
}

TEST(BuildPool, ABackendWhoseProblemIsKnownIsPassedOverInSilence) {
  Node root = tree_of("[pools.app]\nbackends = [\"x\", { address = \"x\" }, \"a:80\"]\n");
  Entry& app = root.entries.at(0).value.entries.at(0);
  Node& list = app.value.find("backends")->value;
  list.items.at(0).kind = Kind::kFaulty;
  list.items.at(1).find("address")->value.kind = Kind::kFaulty;
  Problems problems;
  const PoolConfig pool = build_pool(app, problems);
  EXPECT_THAT(lines_of(problems), IsEmpty());
  ASSERT_THAT(pool.backends, SizeIs(1));
  EXPECT_EQ(pool.backends[0].name, "a:80");
}

}  // namespace
}  // namespace weir::config
