// Who may come in, how many, and how fast: against the real binary, over loopback's many addresses.
#include <gtest/gtest.h>

#include <future>

#include "support/backend.h"
#include "support/clients.h"
#include "support/parallel.h"
#include "support/process_facts.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

Configuration configuration_for(const Backend& backend, const std::string& tables) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.rest = tables;
  return configuration;
}

TEST(AccessList, TheLongestNetworkDecides) {
  Backend backend(echo());
  const WeirProcess weir(
      configuration_for(backend,
                        "[listeners.web.access]\n"
                        "allow = [\"127.1.0.0/16\", \"127.1.2.3\"]\ndeny = [\"127.1.2.0/24\"]\n"));
  EXPECT_TRUE(is_served(weir, "127.1.1.1"));
  EXPECT_FALSE(is_served(weir, "127.1.2.1"));
  EXPECT_TRUE(is_served(weir, "127.1.2.3"));
  EXPECT_FALSE(is_served(weir, "127.0.0.1")) << "who is on no list is denied when there is an allow";
  EXPECT_EQ(refused(weir, "denied"), 2u);
}

TEST(AccessList, AFileWithAMistakeIsAnErrorAtStartThatNamesItsLine) {
  const TemporaryDirectory directory;
  const std::string list = directory.write("deny.txt", "# our own\n127.0.0.0/8\n\n127.0.0.0/33\n");
  Backend backend(echo());
  const Configuration configuration =
      configuration_for(backend, "[listeners.web.access]\ndeny_files = [\"" + list + "\"]\n");
  const WeirRun run = run_weir_on(configuration.to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_NE(run.output.find(list + ":4:1: error:"), std::string::npos) << run.output;
}

TEST(Limits, EachClientHoldsAsManyConnectionsAsItMay) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend, "[listeners.web.limits]\nclient_max_connections = 3\n"));
  std::vector<Socket> held;
  for (const std::string host : {"127.0.0.2", "127.0.0.3"}) {
    for (int i = 0; i < 3; ++i) {
      held.push_back(weir.connect(from(host)));
      held.back().send_all("x");
      EXPECT_EQ(held.back().receive_exactly(1), "x");
    }
    Socket fourth = weir.connect(from(host));
    EXPECT_EQ(fourth.receive_until_end().ended, Ended::kReset);
  }
  EXPECT_EQ(refused(weir, "client_connections"), 2u);
  held.clear();
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
  EXPECT_TRUE(is_served(weir, "127.0.0.2"));
}

TEST(Limits, AClientThatFloodsTakesNothingFromOthers) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend,
                                           "[listeners.web.limits]\nconnection_rate = \"1/h\"\n"
                                           "connection_burst = 60\nclient_connection_rate = \"1/h\"\n"
                                           "client_connection_burst = 10\n"));
  in_parallel(4, 500, [&](std::size_t) {
    Socket client = weir.connect(from("127.0.0.2"));
    client.receive(1, Millis(0));
  });
  EXPECT_TRUE(eventually([&] { return refused(weir, "client_rate") == 490; }))
      << refused(weir, "client_rate");
  for (int host = 3; host < 8; ++host) {
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(is_served(weir, "127.0.0." + std::to_string(host))) << host << ", " << i;
    }
  }
  EXPECT_EQ(weir.admin().sum("weir_connections_accepted_total"), 60u);
  EXPECT_FALSE(is_served(weir, "127.0.0.9"));
  EXPECT_EQ(refused(weir, "rate"), 1u);
}

TEST(Limits, TwoListenersThatShareThemKeepOneSet) {
  Backend backend(echo());
  const WeirProcess weir(
      configuration_for(backend,
                        "[listeners.web.limits]\nshared = \"all\"\n[listeners.other]\n"
                        "bind = \"127.0.0.1:0\"\npool = \"web\"\n[listeners.other.limits]\n"
                        "shared = \"all\"\n[limits.all]\nmax_connections = 2\n"));
  std::vector<Socket> held;
  for (const std::string listener : {"web", "other"}) {
    held.push_back(Socket::connect(weir.address(listener)));
    held.back().send_all("x");
    EXPECT_EQ(held.back().receive_exactly(1), "x");
  }
  for (const std::string listener : {"web", "other"}) {
    Socket third = Socket::connect(weir.address(listener));
    EXPECT_EQ(third.receive_until_end().ended, Ended::kReset);
  }
  EXPECT_EQ(refused(weir, "listener_connections"), 2u);
}

TEST(Limits, TheProcessHasARateOfItsOwn) {
  Backend backend(echo());
  const WeirProcess weir(
      configuration_for(backend, "[process.limits]\nconnection_rate = \"1/h\"\nconnection_burst = 3\n"));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_served(weir, "127.0.0.1"));
  EXPECT_FALSE(is_served(weir, "127.0.0.1"));
  EXPECT_EQ(refused(weir, "process_rate"), 1u);
}

TEST(Limits, ADryRunCountsAndServes) {
  Backend backend(echo());
  WeirProcess weir(configuration_for(
      backend, "[listeners.web.limits]\nconnection_rate = \"1/h\"\nconnection_burst = 2\ndry_run = true\n"));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(is_served(weir, "127.0.0.1"));
  EXPECT_EQ(refused(weir, "rate"), 0u);
  EXPECT_EQ(weir.admin().sum("weir_connections_would_be_refused_total", {{"reason", "rate"}}), 3u);
  EXPECT_EQ(weir.stop(), kClean);
  ASSERT_EQ(weir.events("would_refuse").size(), 1u);
  EXPECT_EQ(weir.events("would_refuse")[0].number("count"), 3u);
}

TEST(Limits, WhatTheyTakeAndWhatTheKernelMakesOfThemIsPrintedAtStart) {
  Backend backend(echo());
  Configuration configuration = configuration_for(
      backend, "[listeners.web.limits]\nclient_max_connections = 5\nclient_table_size = 1000\n");
  configuration.listener = "defer_accept = \"2s\"\nbacklog = 64\n";
  const WeirProcess weir(configuration);
  std::string all;
  for (const LogLine& line : weir.events("limits")) {
    all += line.text("msg") + " " + (line.has("memory") ? line.text("memory") : "") + "\n";
  }
  EXPECT_NE(
      all.find("accept queue 64 on each of 2 sockets, 128 in all, defer_accept as the kernel rounds it 3s"),
      std::string::npos)
      << all;
  EXPECT_NE(all.find("a table of clients"), std::string::npos) << all;
  EXPECT_NE(all.find(" KiB"), std::string::npos) << all;
}

TEST(Refusal, IsTracedInOneLineForAllOfAKindAndInSamplesForTheOperator) {
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, "[listeners.web.access]\ndeny = [\"127.0.0.2\"]\n"));
  in_parallel(4, 100, [&](std::size_t) {
    Socket client = weir.connect(from("127.0.0.2"));
    client.receive_until_end();
  });
  ASSERT_TRUE(eventually([&] { return refused(weir, "denied") == 100; }));
  const std::string samples = weir.admin().get("/v1/refusals").body;
  EXPECT_NE(samples.find("\"client\": \"127.0.0.2:"), std::string::npos) << samples;
  EXPECT_NE(samples.find("\"reason\": \"denied\""), std::string::npos) << samples;
  EXPECT_EQ(weir.stop(), kClean);
  std::uint64_t told = 0;
  const auto lines = weir.events("refused");
  EXPECT_LE(lines.size(), 3u) << "a line for an interval, not for a connection";
  for (const LogLine& line : lines) {
    told += line.number("count");
    EXPECT_EQ(line.text("listener"), "web");
    EXPECT_EQ(line.text("reason"), "denied");
    EXPECT_TRUE(line.text("client").starts_with("127.0.0.2:")) << line.text("client");
  }
  EXPECT_EQ(told, 100u);
}

TEST(Refusal, ThatClosesShowsAnEndOfStreamAlsoToThoseWhoHaveSentSomething) {
  Backend backend(echo());
  WeirProcess weir(configuration_for(
      backend,
      "[listeners.web.access]\ndeny = [\"127.0.0.2\"]\n[listeners.web.limits]\nwhen_exceeded = \"close\"\n"));
  weir.child().freeze();
  Socket silent = weir.connect(from("127.0.0.2"));
  Socket talking = weir.connect(from("127.0.0.2"));
  talking.send_all("GET / HTTP/1.1\r\n\r\n");
  weir.child().go_on();
  EXPECT_EQ(silent.receive_until_end().ended, Ended::kEndOfStream);
  EXPECT_EQ(talking.receive_until_end().ended, Ended::kEndOfStream);
}

TEST(Refusal, ThatTarpitsHoldsAFewForATimeAndStarvesNobody) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend,
                                           "[listeners.web.access]\ndeny = [\"127.0.0.2\"]\n"
                                           "[listeners.web.limits]\nwhen_exceeded = \"tarpit\"\n"
                                           "tarpit_time = \"1s\"\ntarpit_max = 10\n"));
  const auto began = Clock::now();
  std::vector<Socket> stuck;
  for (int i = 0; i < 10; ++i) stuck.push_back(weir.connect(from("127.0.0.2")));
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_clients_tarpitted") == 10; }));
  Socket surplus = weir.connect(from("127.0.0.2"));
  EXPECT_EQ(surplus.receive_until_end().ended, Ended::kReset);
  EXPECT_TRUE(is_served(weir, "127.0.0.3"));
  for (Socket& client : stuck) EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_GE(Clock::now() - began, Millis(1'000));
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_clients_tarpitted") == 0; }));
}

constexpr std::uint64_t kBytesPerSecond = 2 * 1024 * 1024;

// What came in five seconds, as a part of what the rate allows. `receive` takes some bytes and says how many.
template <class Receive>
double share_of_rate(Receive receive) {
  std::uint64_t received = 0;
  const auto began = Clock::now();
  while (Clock::now() - began < std::chrono::seconds(5)) received += receive();
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  const double share = static_cast<double>(received) / (static_cast<double>(kBytesPerSecond) * seconds);
  std::printf("%.1f %% of the rate over %.2f s\n", 100 * share, seconds);
  return share;
}

TEST(Bandwidth, OfADownloadIsKeptWithinFivePerCent) {
  const std::string much = pattern(64 * 1024 * 1024);
  Backend backend([&](Socket& socket) { socket.try_send(much, Millis(60'000)); });
  const WeirProcess weir(configuration_for(backend, "[listeners.web.limits]\ndownload_rate = \"2MiB/s\"\n"));
  Socket client = weir.connect();
  const double share = share_of_rate([&] { return client.receive_some(256 * 1024).bytes.size(); });
  EXPECT_LT(share, 1.05);
  EXPECT_GT(share, 0.95);
}

TEST(Bandwidth, OfAnUploadIsKeptWithinFivePerCent) {
  const std::string much = pattern(64 * 1024 * 1024);
  std::promise<double> share;
  Backend backend([&](Socket& socket) {
    share.set_value(share_of_rate([&] { return socket.receive_some(256 * 1024).bytes.size(); }));
  });
  const WeirProcess weir(configuration_for(backend, "[listeners.web.limits]\nupload_rate = \"2MiB/s\"\n"));
  Socket client = weir.connect();
  const Background sending([&] { client.try_send(much, Millis(60'000)); });
  const double measured = share.get_future().get();
  client.shut();
  EXPECT_LT(measured, 1.05);
  EXPECT_GT(measured, 0.95);
}

}  // namespace
}  // namespace weir::test
