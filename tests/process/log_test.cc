// The log tells of each closed session exactly once, and never holds up the sessions.
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "support/backend.h"
#include "support/parallel.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

void exchange(const WeirProcess& weir) {
  Socket client = weir.connect();
  client.send_all("x");
  EXPECT_EQ(client.receive_exactly(1), "x");
  client.end_stream();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kEndOfStream);
}

class LogFormat : public testing::TestWithParam<const char*> {};

TEST_P(LogFormat, EverySessionHasExactlyOneWholeLine) {
  constexpr std::size_t kSessions = 200;
  Backend backend(echo());
  Configuration configuration;
  configuration.workers = 4;
  configuration.backends = {entry(backend.address(), "name")};
  configuration.log = std::string("format = \"") + GetParam() + "\"\n";
  WeirProcess weir(configuration);
  in_parallel(8, kSessions, [&](std::size_t) { exchange(weir); });
  EXPECT_EQ(weir.stop(), kClean);

  for (const std::string& line : weir.child().lines()) {
    EXPECT_TRUE(parse_log_line(line).has_value()) << "not a line of the log: " << line;
    EXPECT_EQ(line.starts_with('{'), std::string(GetParam()) == "json") << line;
  }
  std::set<std::string> ids;
  std::set<std::string> clients;
  for (const LogLine& session : weir.sessions()) {
    ids.insert(session.text("id"));
    clients.insert(session.text("client"));
    EXPECT_EQ(session.text("listener"), "web");
    EXPECT_EQ(session.text("pool"), "web");
    EXPECT_EQ(session.text("backend"), "name");
    EXPECT_EQ(session.text("address"), backend.address().to_string());
    EXPECT_EQ(session.number("attempts"), 1u);
    EXPECT_EQ(session.text("reason"), "client_end");
    EXPECT_EQ(session.number("upload"), 1u);
    EXPECT_EQ(session.number("download"), 1u);
    EXPECT_GT(session.number("duration_us"), 0u);
    EXPECT_TRUE(session.has("connect_us"));
  }
  EXPECT_EQ(weir.sessions().size(), kSessions);
  EXPECT_EQ(ids.size(), kSessions) << "ids come twice";
  EXPECT_EQ(weir.events("limits").size(), 2u) << "of connections, and of the accept queues";
  EXPECT_EQ(weir.events("ready").size(), 1u);
  EXPECT_EQ(weir.events("stopped").size(), 1u);
}

TEST_P(LogFormat, NumbersAndNothingAreWrittenAsSuch) {
  const DeadPort dead;
  Configuration configuration;
  configuration.backends = {entry(dead.address())};
  configuration.log = std::string("format = \"") + GetParam() + "\"\n";
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  weir.wait_for_session();
  for (const std::string& line : const_cast<WeirProcess&>(weir).child().lines()) {
    if (line.find("connect_refused") == std::string::npos) continue;
    if (std::string(GetParam()) == "text") {
      EXPECT_NE(line.find(" connect_us=- "), std::string::npos) << line;
      return;
    }
    const auto object = nlohmann::json::parse(line);
    EXPECT_TRUE(object["connect_us"].is_null());
    EXPECT_TRUE(object["attempts"].is_number_unsigned());
    return;
  }
  FAIL() << "no line of the session";
}

INSTANTIATE_TEST_SUITE_P(Formats, LogFormat, testing::Values("text", "json"),
                         [](const auto& test) { return std::string(test.param); });

TEST(LogSessions, ErrorsLeavesOutTheCleanOnes) {
  std::atomic<int> turn{0};
  Backend backend([&](Socket& socket) {
    if (turn++ % 2 == 0) return echo()(socket);
    socket.receive_some(1);
    socket.reset();
  });
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.log = "sessions = \"errors\"\n";
  WeirProcess weir(configuration);
  for (int i = 0; i < 10; ++i) {
    Socket client = weir.connect();
    client.send_all("x");
    if (i % 2 == 0) client.end_stream();
    EXPECT_EQ(client.receive_until_end().ended, i % 2 == 0 ? Ended::kEndOfStream : Ended::kReset);
  }
  EXPECT_EQ(weir.stop(), kClean);
  EXPECT_EQ(weir.sessions().size(), 5u);
  for (const LogLine& session : weir.sessions()) EXPECT_EQ(session.text("reason"), "backend_reset");
}

TEST(LogSessions, NoneLeavesOutAll) {
  Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.log = "sessions = \"none\"\n";
  WeirProcess weir(configuration);
  for (int i = 0; i < 5; ++i) exchange(weir);
  EXPECT_EQ(weir.admin().sum("weir_connections_accepted_total"), 5u);
  EXPECT_EQ(weir.stop(), kClean);
  EXPECT_TRUE(weir.sessions().empty());
  EXPECT_EQ(weir.events("stopped").size(), 1u);
}

TEST(LogFile, IsAppendedToAndHoldsTheWholeRun) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("weir.log", "before\n");
  Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.admin = "off";
  configuration.bind = "unix:" + directory.file("web.sock");
  configuration.log = "output = \"" + path + "\"\n";
  ChildProcess weir({WEIR_BINARY, "run", directory.write("weir.toml", configuration.to_toml())},
                    weir_options());
  const auto lines = [&] {
    std::vector<std::string> all;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  };
  ASSERT_TRUE(eventually([&] { return lines().size() >= 3; })) << weir.output();
  Socket client = Socket::connect(address_of(configuration.bind));
  client.send_all("x");
  EXPECT_EQ(client.receive_exactly(1), "x");
  client.close();
  weir.signal(SIGTERM);
  const auto exit = weir.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean);
  EXPECT_EQ(lines().front(), "before");
  std::size_t sessions = 0;
  for (const std::string& line : lines()) {
    const auto parsed = parse_log_line(line);
    sessions += parsed && parsed->event == "session" ? 1 : 0;
  }
  EXPECT_EQ(sessions, 1u);
}

// Clients of a pool without a live backend: the cheapest sessions there are.
void make_sessions(const WeirProcess& weir, std::size_t count) {
  in_parallel(4, count, [&](std::size_t) {
    Socket client = weir.connect();
    client.receive_until_end();
  });
}

TEST(StuckLog, NeverHoldsUpTheSessionsAndCountsExactlyWhatIsLost) {
  constexpr std::size_t kSessions = 12'000;  // more than the pipe, a batch and the ring hold
  const DeadPort dead;
  Configuration configuration;
  configuration.backends = {entry(dead.address())};
  WeirProcess weir(configuration);
  weir.child().pause_reading();
  make_sessions(weir, kSessions);
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_closed_total") == kSessions; }));
  EXPECT_GT(weir.admin().sum("weir_log_lines_lost_total"), 0u);

  weir.child().resume_reading();
  EXPECT_TRUE(eventually([&] {
    return weir.sessions().size() + weir.admin().sum("weir_log_lines_lost_total") == kSessions;
  })) << weir.sessions().size()
      << " lines and " << weir.admin().sum("weir_log_lines_lost_total") << " lost";
  const auto said = weir.wait_for_event("log_lost");
  ASSERT_TRUE(said.has_value()) << "the log does not say that it lost lines";

  // Whole again.
  make_sessions(weir, 10);
  EXPECT_EQ(weir.stop(), kClean);
  std::uint64_t lost = 0;
  for (const LogLine& line : weir.events("log_lost")) lost += line.number("lines");
  EXPECT_EQ(weir.sessions().size() + lost, kSessions + 10);
}

TEST(StuckLog, DoesNotHoldUpTheEnd) {
  const DeadPort dead;
  Configuration configuration;
  configuration.backends = {entry(dead.address())};
  WeirProcess weir(configuration);
  weir.child().pause_reading();
  make_sessions(weir, 2'000);
  weir.terminate();
  const auto exit = weir.child().wait(Millis(kSanitized ? 20'000 : 8'000));
  ASSERT_TRUE(exit.has_value()) << "it waits for somebody to read the log";
  EXPECT_EQ(exit->status, kClean);
  weir.child().resume_reading();
}

}  // namespace
}  // namespace weir::test
