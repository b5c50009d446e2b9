// The log tells of each closed session exactly once, and never holds up the sessions.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
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

// A Weir whose log is a file, asked for by a unix socket.
class LogFile : public testing::Test {
 protected:
  // Starts it and waits until it is ready.
  void start(const std::string& format = "text") {
    Configuration configuration;
    configuration.backends = {entry(backend_.address())};
    configuration.admin = "off";
    configuration.bind = "unix:" + directory_.file("web.sock");
    configuration.log = "output = \"" + path_ + "\"\nformat = \"" + format + "\"\n";
    bind_ = configuration.bind;
    weir_.emplace(
        std::vector<std::string>{WEIR_BINARY, "run", directory_.write("weir.toml", configuration.to_toml())},
        weir_options());
    ASSERT_TRUE(eventually([&] { return count(path_, "ready") == 1; })) << weir_->output();
  }
  void make_session() {
    Socket client = Socket::connect(address_of(bind_));
    client.send_all("x");
    EXPECT_EQ(client.receive_exactly(1), "x");
    client.close();
  }
  void stop() {
    weir_->signal(SIGTERM);
    const auto exit = weir_->wait();
    ASSERT_TRUE(exit.has_value());
    EXPECT_EQ(exit->status, kClean);
  }
  static std::vector<std::string> lines(const std::string& path) {
    std::vector<std::string> all;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }
  static std::size_t count(const std::string& path, const std::string& event) {
    std::size_t found = 0;
    for (const std::string& line : lines(path)) {
      const auto parsed = parse_log_line(line);
      found += parsed && parsed->event == event ? 1 : 0;
    }
    return found;
  }

  // The process that has taken over; 0 while none has.
  pid_t taken_over_by() const {
    for (const std::string& line : lines(path_)) {
      const auto parsed = parse_log_line(line);
      if (parsed && parsed->text("msg") == "this process has taken over") {
        return static_cast<pid_t>(parsed->number("pid"));
      }
    }
    return 0;
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.write("weir.log", "before\n");
  Backend backend_{echo()};
  std::string bind_;
  std::optional<ChildProcess> weir_;
};

TEST_F(LogFile, IsAppendedToAndHoldsTheWholeRun) {
  start();
  make_session();
  stop();
  EXPECT_EQ(lines(path_).front(), "before");
  EXPECT_EQ(count(path_, "session"), 1u);
}

// As logrotate(8) does it.
TEST_F(LogFile, ThatWasMovedAwayIsOpenedAgainOnASignal) {
  start();
  make_session();
  ASSERT_TRUE(eventually([&] { return count(path_, "session") == 1; }));
  const std::string moved = directory_.file("weir.log.1");
  ASSERT_EQ(std::rename(path_.c_str(), moved.c_str()), 0);
  make_session();
  ASSERT_TRUE(eventually([&] { return count(moved, "session") == 2; })) << "it is the same file still";
  weir_->signal(SIGUSR1);
  ASSERT_TRUE(eventually([&] { return count(path_, "log") == 1; }));
  make_session();
  stop();
  EXPECT_EQ(count(moved, "session"), 2u);
  EXPECT_EQ(count(path_, "session"), 1u);
  EXPECT_EQ(count(path_, "stopped"), 1u);
}

// A process that has taken over from one of this test's, and so is a child of it too; ended however the test
// does.
class Successor {
 public:
  explicit Successor(pid_t pid) : pid_(pid) {}
  ~Successor() {
    if (has_ended_) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Successor(const Successor&) = delete;
  Successor& operator=(const Successor&) = delete;

  pid_t pid() const { return pid_; }
  // Its exit status; -1 when it was killed or does not end.
  int stop() {
    ::kill(pid_, SIGTERM);
    int status = -1;
    has_ended_ = eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    return has_ended_ && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  const pid_t pid_;
  bool has_ended_ = false;
};

// A log that is moved away again and again while clients come.
class RotatedLog : public LogFile, public testing::WithParamInterface<const char*> {
 protected:
  // No more than a ring of the log holds, so that no line is dropped however slow the machine is.
  static constexpr std::size_t kSessions = kSanitized ? 600 : 3'000;
  static constexpr std::size_t kTimes = 12;

  // Moves it away, and waits until each of the processes writes to the new one: all at once, or one has
  // written there before the next one opens it.
  void rotate(const std::vector<pid_t>& processes) {
    const bool is_in_turn = files_.size() % 2 == 1;
    files_.push_back(directory_.file("weir.log." + std::to_string(files_.size())));
    ASSERT_EQ(std::rename(path_.c_str(), files_.back().c_str()), 0);
    std::size_t opened = 0;
    for (const pid_t pid : processes) {
      ::kill(pid, SIGUSR1);
      ++opened;
      if (!is_in_turn && opened < processes.size()) continue;
      ASSERT_TRUE(eventually([&] { return count(path_, "log") == opened; }));
    }
  }
  // The clients, and between them the log's moves. `come` is one client.
  template <class Come>
  void rotate_under_load(const std::vector<pid_t>& processes, Come come) {
    std::atomic<std::size_t> made{0};
    Background clients([&] {
      in_parallel(3, kSessions, [&](std::size_t i) {
        come(i);
        ++made;
      });
    });
    for (std::size_t i = 1; i <= kTimes; ++i) {
      ASSERT_TRUE(eventually([&] { return made >= i * kSessions / (kTimes + 1); }));
      ASSERT_NO_FATAL_FAILURE(rotate(processes));
    }
  }
  // In all of the files together: every line is whole, and each session has one.
  void expect_whole(std::size_t sessions) {
    files_.push_back(path_);
    std::set<std::string> ids;
    std::size_t found = 0;
    for (const std::string& file : files_) {
      for (const std::string& text : lines(file)) {
        if (text == "before") continue;
        const auto line = parse_log_line(text);
        ASSERT_TRUE(line.has_value()) << file << ": " << text;
        EXPECT_EQ(text.starts_with('{'), std::string(GetParam()) == "json") << text;
        EXPECT_NE(line->event, "log_lost") << text;
        if (line->event != "session") continue;
        ids.insert(line->text("id"));
        ++found;
      }
    }
    EXPECT_EQ(found, sessions);
    EXPECT_EQ(ids.size(), sessions);
  }

 private:
  std::vector<std::string> files_;
};

TEST_P(RotatedLog, LosesAndTearsNoLine) {
  start(GetParam());
  rotate_under_load({weir_->pid()}, [&](std::size_t) { make_session(); });
  stop();
  expect_whole(kSessions);
}

TEST_P(RotatedLog, OfTwoProcessesLosesAndTearsNoLine) {
  constexpr std::size_t kHeld = 100;
  start(GetParam());
  std::vector<Socket> held;
  for (std::size_t i = 0; i < kHeld; ++i) {
    held.push_back(Socket::connect(address_of(bind_)));
    held.back().send_all("x");
    EXPECT_EQ(held.back().receive_exactly(1), "x");
  }
  weir_->signal(SIGUSR2);
  ASSERT_TRUE(eventually([&] { return taken_over_by() != 0; })) << weir_->output();
  Successor successor(taken_over_by());
  // The one before has a line to write now and then, too.
  rotate_under_load({weir_->pid(), successor.pid()}, [&](std::size_t i) {
    make_session();
    if (i % (kSessions / kHeld) == 0 && i > 0) held[i / (kSessions / kHeld)].close();
  });
  held.clear();
  const auto exit = weir_->wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean);
  EXPECT_EQ(successor.stop(), kClean);
  expect_whole(kSessions + kHeld);
}

INSTANTIATE_TEST_SUITE_P(Formats, RotatedLog, testing::Values("text", "json"),
                         [](const auto& test) { return std::string(test.param); });

TEST(LogStream, HasNothingToOpenAgain) {
  Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  WeirProcess weir(configuration);
  weir.child().signal(SIGUSR1);
  const auto told = weir.wait_for_event("signal");
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->text("name"), "SIGUSR1");
  EXPECT_EQ(weir.stop(), kClean);
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
