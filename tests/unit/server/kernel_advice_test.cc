#include "server/kernel_advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A kernel that has nothing against anything.
net::KernelSettings good() {
  net::KernelSettings settings;
  settings.somaxconn = 4096;
  settings.tcp_max_syn_backlog = 2048;
  settings.tcp_syncookies = 1;
  settings.tcp_synack_retries = 5;
  settings.tcp_abort_on_overflow = 0;
  settings.tcp_fastopen = 3;
  return settings;
}

ListenerDemands listener(std::optional<unsigned> backlog = std::nullopt) {
  ListenerDemands demands;
  demands.name = "web";
  demands.place = {"weir.toml", 3, 1};
  demands.backlog = {backlog, {"weir.toml", 5, 11}};
  demands.fast_open.place = {"weir.toml", 6, 13};
  return demands;
}

config::Problems ask(const net::KernelSettings& settings, const std::vector<ListenerDemands>& listeners) {
  config::Problems problems;
  advise(settings, listeners, problems);
  for (const auto& problem : problems) EXPECT_EQ(problem.severity, config::Severity::kWarning);
  return problems;
}

std::vector<std::string> texts(const net::KernelSettings& settings,
                               const std::vector<ListenerDemands>& listeners) {
  std::vector<std::string> texts;
  for (const auto& problem : ask(settings, listeners)) texts.push_back(problem.text);
  return texts;
}

TEST(Advise, SaysNothingOfAKernelThatSuits) {
  EXPECT_THAT(texts(good(), {listener(), listener(4096)}), IsEmpty());
  ListenerDemands all = listener(100);
  all.fast_open.value = 100;
  all.defers_accept = true;
  EXPECT_THAT(texts(good(), {all}), IsEmpty());
}

TEST(Advise, SaysNothingOfSettingsThatAreNotKnown) {
  ListenerDemands all = listener(1'000'000);
  all.fast_open.value = 1'000'000;
  all.defers_accept = true;
  EXPECT_THAT(texts({}, {all}), IsEmpty());
}

TEST(Advise, WarnsOfABacklogBeyondSomaxconnAtItsPlace) {
  const auto problems = ask(good(), {listener(4096), listener(10'000)});
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text,
            "listener \"web\": the kernel cuts a backlog of 10000 to 4096; `sysctl -w "
            "net.core.somaxconn=10000` allows it");
  EXPECT_EQ(problems[0].place.line, 5u);
}

TEST(Advise, WarnsOfAFastOpenBeyondSomaxconnAtItsPlace) {
  ListenerDemands demands = listener();
  demands.fast_open.value = 5000;
  const auto problems = ask(good(), {demands});
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text,
            "listener \"web\": the kernel cuts a fast_open of 5000 to 4096; `sysctl -w "
            "net.core.somaxconn=5000` allows it");
  EXPECT_EQ(problems[0].place.line, 6u);
}

TEST(Advise, WarnsOfAFastOpenThatTheKernelDoesNotServeAndKeepsItsOtherBits) {
  struct Case {
    unsigned bits;
    const char* command;  // empty: no warning
  };
  for (const Case c : {Case{0, "tcp_fastopen=2`"}, Case{1, "tcp_fastopen=3`"},
                       Case{0x401, "tcp_fastopen=1027`"}, Case{2, ""}, Case{3, ""}}) {
    net::KernelSettings settings = good();
    settings.tcp_fastopen = c.bits;
    EXPECT_THAT(texts(settings, {listener()}), IsEmpty()) << "nobody asked for it";
    ListenerDemands demands = listener();
    demands.fast_open.value = 1;
    if (*c.command == '\0') {
      EXPECT_THAT(texts(settings, {demands}), IsEmpty()) << c.bits;
    } else {
      EXPECT_THAT(texts(settings, {demands}), ElementsAre(HasSubstr(c.command))) << c.bits;
    }
  }
}

TEST(Advise, WarnsWithCookiesOffThatFloodsLockClientsOut) {
  net::KernelSettings settings = good();
  settings.tcp_syncookies = 0;
  settings.tcp_max_syn_backlog = 100'000;
  EXPECT_THAT(
      texts(settings, {listener(), listener()}),
      ElementsAre("net.ipv4.tcp_syncookies = 0: half-open connections that fill a queue (a SYN flood) "
                  "lock honest clients out; `sysctl -w net.ipv4.tcp_syncookies=1` answers them without "
                  "keeping anything"));
}

TEST(Advise, WarnsOfTcpMaxSynBacklogOnlyWithCookiesOffAndOfThreeQuartersOfIt) {
  net::KernelSettings settings = good();
  settings.tcp_max_syn_backlog = 128;
  for (const unsigned cookies : {1u, 2u}) {
    settings.tcp_syncookies = cookies;
    EXPECT_THAT(texts(settings, {listener(4096)}), IsEmpty()) << "the kernel does not look at it";
  }
  settings.tcp_syncookies = 0;
  EXPECT_THAT(texts(settings, {listener(96)}), ElementsAre(HasSubstr("tcp_syncookies")));
  EXPECT_THAT(
      texts(settings, {listener(97), listener(3)}),
      ElementsAre(HasSubstr("tcp_syncookies"),
                  "net.ipv4.tcp_max_syn_backlog = 128: with syncookies off only 96 handshakes with new "
                  "clients may be under way on a socket, fewer than the backlog of 97; `sysctl -w "
                  "net.ipv4.tcp_max_syn_backlog=129` allows as many"));
}

TEST(Advise, NamesTheLeastTcpMaxSynBacklogThatIsEnough) {
  net::KernelSettings settings = good();
  settings.tcp_syncookies = 0;
  settings.somaxconn = 1'000'000;
  for (unsigned backlog = 1; backlog < 3000; ++backlog) {
    unsigned least = 0;
    while (least - least / 4 < backlog) ++least;
    settings.tcp_max_syn_backlog = least;
    ASSERT_EQ(texts(settings, {listener(backlog)}).size(), 1u) << backlog;
    settings.tcp_max_syn_backlog = least - 1;
    const auto said = texts(settings, {listener(backlog)});
    ASSERT_EQ(said.size(), 2u) << backlog;
    ASSERT_THAT(said[1], HasSubstr("tcp_max_syn_backlog=" + std::to_string(least) + "`"));
  }
}

TEST(Advise, TakesTheBacklogOfAListenerWithoutOneFromTheKernel) {
  net::KernelSettings settings = good();
  settings.tcp_syncookies = 0;
  EXPECT_THAT(texts(settings, {listener()}),
              ElementsAre(HasSubstr("tcp_syncookies"), HasSubstr("backlog of 4096; `sysctl -w "
                                                                 "net.ipv4.tcp_max_syn_backlog=5461`")));
}

TEST(Advise, WarnsOfWhatCookiesForEveryHandshakeTakeAway) {
  net::KernelSettings settings = good();
  settings.tcp_syncookies = 2;
  EXPECT_THAT(texts(settings, {listener()}), IsEmpty());
  ListenerDemands deferring = listener();
  deferring.defers_accept = true;
  ListenerDemands fast = listener();
  fast.fast_open.value = 1;
  ListenerDemands both = fast;
  both.defers_accept = true;
  EXPECT_THAT(texts(settings, {deferring, fast, both}),
              ElementsAre(HasSubstr(": defer_accept does nothing"), HasSubstr(": fast_open does nothing"),
                          HasSubstr(": defer_accept and fast_open do nothing")));
  EXPECT_EQ(ask(settings, {both})[0].place.line, 3u);
  EXPECT_THAT(texts(settings, {both}), ElementsAre(HasSubstr("`sysctl -w net.ipv4.tcp_syncookies=1`")));
}

TEST(Advise, WarnsOfResetsUnderPressure) {
  net::KernelSettings settings = good();
  settings.tcp_abort_on_overflow = 1;
  EXPECT_THAT(texts(settings, {listener(), listener()}),
              ElementsAre(HasSubstr("`sysctl -w net.ipv4.tcp_abort_on_overflow=0`")));
}

TEST(Advise, WarnsOfHalfOpenConnectionsThatStayLong) {
  net::KernelSettings settings = good();
  settings.tcp_synack_retries = 5;
  EXPECT_THAT(texts(settings, {listener()}), IsEmpty());
  settings.tcp_synack_retries = 6;
  EXPECT_THAT(texts(settings, {listener()}),
              ElementsAre(HasSubstr("`sysctl -w net.ipv4.tcp_synack_retries=5`")));
}

TEST(Advise, TellsListenersWithoutTcpOfTheirBacklogOnly) {
  net::KernelSettings bad;
  bad.somaxconn = 128;
  bad.tcp_max_syn_backlog = 64;
  bad.tcp_syncookies = 0;
  bad.tcp_synack_retries = 9;
  bad.tcp_abort_on_overflow = 1;
  bad.tcp_fastopen = 0;
  ListenerDemands unix_only = listener(200);
  unix_only.has_tcp = false;
  EXPECT_THAT(texts(bad, {unix_only}), ElementsAre(HasSubstr("net.core.somaxconn=200")));
  EXPECT_THAT(texts(bad, {}), IsEmpty());
}

TEST(EffectiveBacklog, IsWhatIsAskedForAsFarAsTheKernelAllows) {
  EXPECT_EQ(effective_backlog(good(), std::nullopt), 4096u);
  EXPECT_EQ(effective_backlog(good(), 100), 100u);
  EXPECT_EQ(effective_backlog(good(), 10'000), 4096u);
  EXPECT_EQ(effective_backlog({}, 10'000), 4096u) << "what a kernel has that does not tell";
}

TEST(DescribeAcceptQueues, SaysThatSocketsMultiplyThem) {
  EXPECT_EQ(describe_accept_queues(4096, 2), "accept queue 4096 on each of 2 sockets, 8192 in all");
  EXPECT_EQ(describe_accept_queues(4096, 1), "accept queue 4096");
  EXPECT_EQ(describe_accept_queues(4'000'000'000, 256),
            "accept queue 4000000000 on each of 256 sockets, 1024000000000 in all");
}

}  // namespace
}  // namespace weir::server
