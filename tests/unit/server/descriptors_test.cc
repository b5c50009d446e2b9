#include "server/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace weir::server {
namespace {

DescriptorNeeds needs_of(unsigned workers, unsigned sockets, bool admin, unsigned others = 0) {
  DescriptorNeeds needs;
  needs.workers = workers;
  needs.listening_sockets = sockets;
  needs.admin_door = admin;
  needs.others = others;
  return needs;
}

TEST(PlanDescriptors, SaysTheWholeSum) {
  const auto plan = plan_descriptors(1024, needs_of(2, 4, true, 9), std::nullopt);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->max_connections, 475u);
  EXPECT_EQ(
      plan->arithmetic(),
      "475 = (1024 descriptors - 73 kept for: 3 standard streams, 2 log, 8 control loop, its mailboxes and "
      "signals, 4 workers' loops and mailboxes, 2 connections about to be refused, 4 listening sockets, 7 "
      "handing "
      "them over in an upgrade, 22 admin door, 9 this program's own, 12 spare) / 2");
}

TEST(PlanDescriptors, LeavesOutWhatIsNotThere) {
  const auto plan = plan_descriptors(100, needs_of(1, 1, false), std::nullopt);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(
      plan->arithmetic(),
      "33 = (100 descriptors - 33 kept for: 3 standard streams, 2 log, 8 control loop, its mailboxes and "
      "signals, 2 workers' loops and mailboxes, 1 connections about to be refused, 1 listening sockets, 4 "
      "handing "
      "them over in an upgrade, 12 spare) / 2");
}

TEST(PlanDescriptors, KeepsSomeForQuestionsToNameServers) {
  DescriptorNeeds needs = needs_of(1, 1, false);
  const auto without = plan_descriptors(1024, needs, std::nullopt);
  needs.resolver = 16;
  const auto with = plan_descriptors(1024, needs, std::nullopt);
  ASSERT_TRUE(with.has_value());
  EXPECT_EQ(with->max_connections, without->max_connections - 8);
  EXPECT_NE(with->arithmetic().find("16 sockets to name servers"), std::string::npos);
}

TEST(PlanDescriptors, NeverPromisesMoreThanTheLimitHolds) {
  for (std::uint64_t limit = 35; limit < 3000; ++limit) {
    const auto plan = plan_descriptors(limit, needs_of(1, 1, false), std::nullopt);
    ASSERT_TRUE(plan.has_value()) << limit;
    std::uint64_t kept = 0;
    for (const auto& item : plan->reserved) kept += item.count;
    ASSERT_LE(kept + 2ull * plan->max_connections, limit);
    ASSERT_GT(kept + 2ull * (plan->max_connections + 1ull), limit) << "one more would have fitted";
  }
}

TEST(PlanDescriptors, UsesTheConfiguredNumberWhenItFits) {
  const auto plan = plan_descriptors(1024, needs_of(1, 1, false), 100);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->max_connections, 100u);
  EXPECT_EQ(plan->most_connections, 495u);
  EXPECT_EQ(
      plan->arithmetic().find("100 as configured; there is room for 495 = (1024 descriptors - 33 kept for: "),
      0u)
      << plan->arithmetic();
}

TEST(PlanDescriptors, CutsTheConfiguredNumberToWhatFits) {
  const auto plan = plan_descriptors(1024, needs_of(1, 1, false), 5000);
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->max_connections, 495u);
  EXPECT_EQ(plan->most_connections, 495u);
}

TEST(PlanDescriptors, FailsWhenNotOneConnectionFits) {
  EXPECT_TRUE(plan_descriptors(35, needs_of(1, 1, false), std::nullopt).has_value());
  const auto plan = plan_descriptors(34, needs_of(1, 1, false), std::nullopt);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().message(),
            "the limit of 34 descriptors leaves none for connections: 33 are needed before the first (3 "
            "standard streams, 2 "
            "log, 8 control loop, its mailboxes and signals, 2 workers' loops and mailboxes, 1 connections "
            "about to be refused, 1 "
            "listening sockets, 4 handing them over in an upgrade, 12 spare); raise it (`ulimit -n`, "
            "LimitNOFILE= in systemd, ulimits: in "
            "compose), or use fewer "
            "workers, listeners, warm_connections or splice_pipes, or a smaller tarpit_max");
}

TEST(PlanDescriptors, StandsALimitWithoutEnd) {
  const auto plan = plan_descriptors(RLIM_INFINITY, needs_of(64, 16'384 * 64u, true), std::nullopt);
  ASSERT_TRUE(plan.has_value());
  EXPECT_GT(plan->max_connections, 1'000'000u);
}

TEST(RaiseDescriptorLimit, RaisesTheSoftLimitToTheHardOne) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(64, before.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
  rlimit after{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace weir::server
