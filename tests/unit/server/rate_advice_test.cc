#include "server/rate_advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::server {
namespace {

using testing::HasSubstr;

net::KernelSettings usual() {
  net::KernelSettings settings;
  settings.local_ports = {32'768, 60'999};
  settings.tcp_tw_reuse = 2;
  return settings;
}

// Connections a second.
RateDemand demand(std::uint64_t per_second, std::uint64_t backends, std::uint64_t sources = 1) {
  return {"web",    {"weir.toml", 7, 1}, std::to_string(per_second) + "/s", per_second * 60,
          backends, backends * sources};
}

config::Problems ask(const net::KernelSettings& settings, const RateDemand& one) {
  config::Problems problems;
  advise_on_rates(settings, {one}, problems);
  return problems;
}

TEST(AdviseOnRates, WarnsOfARateThatUsesUpTheLocalPortsOfAllBackends) {
  EXPECT_TRUE(ask(usual(), demand(470, 1)).empty()) << "28 232 ports a minute";
  const auto problems = ask(usual(), demand(471, 1));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].severity, config::Severity::kWarning);
  EXPECT_EQ(problems[0].place.line, 7u);
  EXPECT_THAT(problems[0].text, HasSubstr("28232 towards each of 1 backend addresses"));
  EXPECT_THAT(problems[0].text, HasSubstr("enough for 470/s; `sysctl -w net.ipv4.tcp_tw_reuse=1`"));
  EXPECT_TRUE(ask(usual(), demand(940, 2)).empty());
  EXPECT_EQ(ask(usual(), demand(942, 2)).size(), 1u);
}

TEST(AdviseOnRates, CountsThePortsOfEverySourceAddress) {
  EXPECT_TRUE(ask(usual(), demand(2'823, 2, 3)).empty()) << "six times 28 232 ports a minute";
  const auto problems = ask(usual(), demand(2'824, 2, 3));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].text,
              HasSubstr("28232 towards each of 2 backend addresses from each source address, some held"));
  EXPECT_THAT(problems[0].text, HasSubstr("enough for 2823/s"));
}

TEST(AdviseOnRates, SaysNothingOfPortsThatAreGivenAgainSoonOrNotKnownOrNotNeeded) {
  net::KernelSettings settings = usual();
  settings.tcp_tw_reuse = 1;
  EXPECT_TRUE(ask(settings, demand(100'000, 1)).empty());
  settings = usual();
  settings.local_ports.reset();
  EXPECT_TRUE(ask(settings, demand(100'000, 1)).empty());
  EXPECT_TRUE(ask(usual(), demand(100'000, 0)).empty()) << "unix sockets, or loopback";
}

TEST(AdviseOnRates, WarnsOfARateThatFillsTheTableOfTrackedConnections) {
  net::KernelSettings settings = usual();
  settings.nf_conntrack_max = 24'000;
  EXPECT_TRUE(ask(settings, demand(100, 5)).empty()) << "100/s in two minutes, two entries each";
  const auto problems = ask(settings, demand(101, 5));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0].text, HasSubstr("fills the table of 24000"));
  EXPECT_THAT(problems[0].text, HasSubstr("`sysctl -w net.netfilter.nf_conntrack_max=24240`"));
}

}  // namespace
}  // namespace weir::server
