#include "server/log_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "unit/support.h"

namespace weir::server {
namespace {

using testing::MatchesRegex;

config::LogConfig to_file(const std::string& path, config::LogFormat format = config::LogFormat::kText) {
  config::LogConfig config;
  config.output.value = path;
  config.format = format;
  return config;
}

std::unique_ptr<LogWriter> open(const config::LogConfig& config) {
  auto log = LogWriter::open(config);
  EXPECT_TRUE(log.has_value()) << log.error().message();
  return std::move(*log);
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

session::SessionRecord record(std::uint64_t id) {
  static const auto settings = std::make_shared<const session::SessionSettings>();
  static const auto pool =
      std::make_shared<pool::Pool>(pool::PoolSettings{}, std::vector<std::shared_ptr<pool::Backend>>{});
  session::SessionRecord record;
  record.id = id;
  record.settings = settings;
  record.pool = pool;
  record.closed_at = std::chrono::system_clock::time_point(base::Millis(1'767'604'364'031));
  return record;
}

// Waits for what another thread does.
template <class Condition>
bool comes_true(Condition condition) {
  const base::TimePoint deadline = base::precise_now() + test::kPatience;
  while (!condition()) {
    if (base::precise_now() >= deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// A pipe whose writing end the log opens by its name.
struct Pipe {
  Pipe() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    reading = base::UniqueFd(fds[0]);
    writing = base::UniqueFd(fds[1]);
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(writing.get()); }
  base::UniqueFd reading;
  base::UniqueFd writing;
};

TEST(LogWriter, WritesEventsAndSessionsAsTextLines) {
  const test::TempFolder folder;
  const auto log = open(to_file(folder.file("log")));
  session::RecordSink& worker = log->add_worker();
  base::LogFields fields;
  fields.number("sessions", 3).text("why", "two words");
  log->event(LogLevel::kWarning, "draining", "accepting no more", fields);
  log->event(LogLevel::kInfo, "ready", "");
  ASSERT_TRUE(worker.write(record(0x2a)));
  ASSERT_TRUE(log->start());  // events are written before the sessions that wait beside them
  log->stop();
  const auto lines = lines_of(folder.file("log"));
  ASSERT_EQ(lines.size(), 3u);
  const std::string stamp = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z ";
  EXPECT_THAT(
      lines[0],
      MatchesRegex(stamp + "warning draining msg=\"accepting no more\" sessions=3 why=\"two words\""));
  EXPECT_THAT(lines[1], MatchesRegex(stamp + "info ready"));
  EXPECT_EQ(
      lines[2],
      "2026-01-05T09:12:44.031Z info session id=000000000000002a listener=\"\" client=none pool=\"\" "
      "backend=- "
      "address=- attempts=0 state=connect reason=client_end upload=0 download=0 connect_us=- duration_us=0");
  EXPECT_EQ(log->lost(), 0u);
}

TEST(LogWriter, WritesJsonLinesWithTheSameKeys) {
  const test::TempFolder folder;
  const auto log = open(to_file(folder.file("log"), config::LogFormat::kJson));
  session::RecordSink& worker = log->add_worker();
  base::LogFields fields;
  fields.text("what", "a\nb\xff");
  log->event(LogLevel::kError, "odd", "say \"x\"", fields);
  ASSERT_TRUE(worker.write(record(1)));
  ASSERT_TRUE(log->start());  // events are written before the sessions that wait beside them
  log->stop();
  const auto lines = lines_of(folder.file("log"));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], testing::EndsWith("\"level\":\"error\",\"event\":\"odd\",\"msg\":\"say \\\"x\\\"\","
                                          "\"what\":\"a\\u000ab\xef\xbf\xbd\"}"));
  EXPECT_THAT(lines[1], testing::StartsWith(
                            "{\"time\":\"2026-01-05T09:12:44.031Z\",\"level\":\"info\",\"event\":\"session\","
                            "\"id\":\"0000000000000001\",\"listener\":\"\","));
  EXPECT_THAT(lines[1], testing::EndsWith("\"duration_us\":0}"));
}

TEST(LogWriter, LeavesOutWhatIsBelowItsLevel) {
  const test::TempFolder folder;
  config::LogConfig config = to_file(folder.file("log"));
  config.level = LogLevel::kWarning;
  const auto log = open(config);
  ASSERT_TRUE(log->start());
  log->event(LogLevel::kInfo, "quiet", "");
  log->event(LogLevel::kWarning, "loud", "");
  log->event(LogLevel::kError, "louder", "");
  log->stop();
  EXPECT_EQ(lines_of(folder.file("log")).size(), 2u);
  EXPECT_EQ(log->lost(), 0u) << "what is not wanted is not lost";
}

TEST(LogWriter, AppendsToAFileAndMakesItWithItsMode) {
  const test::TempFolder folder;
  const mode_t before = ::umask(0);
  for (int i = 0; i < 2; ++i) {
    const auto log = open(to_file(folder.file("log")));
    ASSERT_TRUE(log->start());
    log->event(LogLevel::kInfo, "x", "");
  }
  ::umask(before);
  EXPECT_EQ(lines_of(folder.file("log")).size(), 2u);
  struct stat status {};
  ASSERT_EQ(::stat(folder.file("log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(LogWriter, SaysWhichFileItCannotOpen) {
  const test::TempFolder folder;
  const auto log = LogWriter::open(to_file(folder.file("no/log")));
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().message(), "open the log " + folder.file("no/log") + ": No such file or directory");
}

TEST(LogWriter, WritesWhatComesWhileItSleepsWithoutBeingStopped) {
  const test::TempFolder folder;
  const auto log = open(to_file(folder.file("log")));
  session::RecordSink& worker = log->add_worker();
  ASSERT_TRUE(log->start());
  // One at a time, each waited for: a lost wake-up would leave a line behind.
  for (std::size_t i = 1; i <= 30; ++i) {
    if (i % 2 == 0) {
      log->event(LogLevel::kInfo, "x", "");
    } else {
      ASSERT_TRUE(worker.write(record(i)));
    }
    ASSERT_TRUE(comes_true([&] { return lines_of(folder.file("log")).size() == i; })) << "line " << i;
  }
}

TEST(LogWriter, WritesOrCountsEveryLineOfManyThreads) {
  const test::TempFolder folder;
  const auto log = open(to_file(folder.file("log")));
  constexpr int kThreads = 3;
  constexpr std::uint64_t kEach = 8'000;
  std::vector<session::RecordSink*> sinks;
  for (int t = 0; t < kThreads; ++t) sinks.push_back(&log->add_worker());
  ASSERT_TRUE(log->start());
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> refused{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        if (!sinks[static_cast<std::size_t>(t)]->write(record(i))) refused.fetch_add(1);
        if (i % 100 == 0) log->event(LogLevel::kInfo, "x", "");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  log->stop();
  std::uint64_t sessions = 0;
  std::uint64_t events = 0;
  for (const std::string& line : lines_of(folder.file("log"))) {
    if (line.find(" session ") != std::string::npos) ++sessions;
    if (line.ends_with(" info x")) ++events;
  }
  EXPECT_EQ(sessions + refused.load(), kThreads * kEach);
  EXPECT_EQ(events, kThreads * kEach / 100);
  EXPECT_EQ(log->lost(), refused.load());
}

// As an old process and a new one do after an upgrade.
TEST(LogWriter, WritesWholeLinesThoughAnotherOneWritesToTheSamePipe) {
  constexpr std::uint64_t kLines = 4'000;
  Pipe pipe;
  std::vector<std::unique_ptr<LogWriter>> logs;
  for (std::uint64_t i = 0; i < 2; ++i) {
    logs.push_back(open(to_file(pipe.path())));
    session::RecordSink& worker = logs.back()->add_worker();
    for (std::uint64_t k = 0; k < kLines; ++k) ASSERT_TRUE(worker.write(record(i << 32 | k)));
  }
  for (const auto& log : logs) ASSERT_TRUE(log->start());
  std::string text;
  std::size_t lines = 0;
  while (lines < 2 * kLines) {
    char buffer[1024];
    const ssize_t n = ::read(pipe.reading.get(), buffer, sizeof(buffer));
    ASSERT_GT(n, 0);
    text.append(buffer, static_cast<std::size_t>(n));
    lines += static_cast<std::size_t>(std::count(buffer, buffer + n, '\n'));
  }
  std::istringstream stream(text);
  std::size_t whole = 0;
  for (std::string line; std::getline(stream, line);) {
    const bool is_whole = line.starts_with("2026-01-05T") && line.ends_with(" duration_us=0") &&
                          line.find("2026", 1) == std::string::npos;
    EXPECT_TRUE(is_whole) << line;
    whole += is_whole ? 1 : 0;
    if (!is_whole) break;
  }
  EXPECT_EQ(whole, 2 * kLines);
}

TEST(LogWriter, CountsWhatAFullDiskDoesNotTake) {
  const auto log = open(to_file("/dev/full"));
  session::RecordSink& worker = log->add_worker();
  ASSERT_TRUE(log->start());
  for (int i = 0; i < 10; ++i) log->event(LogLevel::kInfo, "x", "");
  for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(worker.write(record(i)));
  EXPECT_TRUE(comes_true([&] { return log->lost() == 15; })) << log->lost();
  log->stop();
  EXPECT_EQ(log->lost(), 15u);
}

TEST(LogWriter, DropsAndCountsWhatARingCannotHoldWhileThePipeIsNotRead) {
  Pipe pipe;
  auto log = open(to_file(pipe.path()));
  session::RecordSink& worker = log->add_worker();
  ASSERT_TRUE(log->start());
  // The writer blocks on the pipe, then the ring fills.
  std::uint64_t taken = 0;
  std::uint64_t refused = 0;
  while (refused < 100 && taken < 100'000) worker.write(record(taken)) ? ++taken : ++refused;
  EXPECT_EQ(refused, 100u);
  EXPECT_EQ(log->lost(), 100u);
  // The reader comes back: everything that was taken arrives, and what was lost is said.
  std::string got;
  std::thread reader([&] {
    char buffer[64 * 1024];
    for (ssize_t n = 0; (n = ::read(pipe.reading.get(), buffer, sizeof(buffer))) > 0;)
      got.append(buffer, static_cast<std::size_t>(n));
  });
  ASSERT_TRUE(comes_true([&] { return worker.write(record(0)) ? ++taken > 0 : (++refused, false); }));
  log->stop();
  pipe.writing.reset();
  // The log's own descriptor keeps the pipe open until the writer is gone.
  const std::uint64_t lost = log->lost();
  log.reset();
  reader.join();
  std::uint64_t sessions = 0;
  std::istringstream lines(got);
  for (std::string line; std::getline(lines, line);)
    sessions += line.find(" session ") != std::string::npos ? 1 : 0;
  EXPECT_EQ(sessions, taken);
  EXPECT_EQ(lost, refused);
  EXPECT_NE(got.find(" warning log_lost msg=\"lines were dropped because the log could not keep up\" lines="),
            std::string::npos);
}

TEST(LogWriter, StopsInBoundedTimeThoughThePipeIsNeverRead) {
  Pipe pipe;
  const auto log = open(to_file(pipe.path()));
  session::RecordSink& worker = log->add_worker();
  ASSERT_TRUE(log->start());
  std::uint64_t given = 0;
  while (worker.write(record(given))) ++given;
  for (int i = 0; i < 100; ++i) log->event(LogLevel::kInfo, "x", "");
  const base::TimePoint begun = base::precise_now();
  log->stop();
  EXPECT_LE(base::precise_now() - begun, base::Millis(6'000));
  // What the pipe took is not lost, the rest is: together they are all.
  std::uint64_t written = 0;
  pipe.writing.reset();
  std::string got;
  char buffer[64 * 1024];
  ASSERT_EQ(::fcntl(pipe.reading.get(), F_SETFL, O_NONBLOCK), 0);
  for (ssize_t n = 0; (n = ::read(pipe.reading.get(), buffer, sizeof(buffer))) > 0;)
    written += static_cast<std::uint64_t>(std::count(buffer, buffer + n, '\n'));
  EXPECT_EQ(written + log->lost(), given + 1 + 100);
}

// A full disk takes a part of a line: the next line does not run into it.
TEST(LogWriter, BeginsANewLineAfterOneThatWasCut) {
  const test::TempFolder folder;
  const auto log = open(to_file(folder.file("log")));
  ASSERT_TRUE(log->start());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{10, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  log->event(LogLevel::kInfo, "cut", "");
  ASSERT_TRUE(comes_true([&] { return log->lost() == 1; }));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  log->event(LogLevel::kInfo, "whole", "");
  log->stop();
  EXPECT_EQ(log->lost(), 1u);
  const auto lines = lines_of(folder.file("log"));
  ASSERT_GE(lines.size(), 2u);
  EXPECT_EQ(lines[0].size(), 10u);
  EXPECT_NE(lines[1].find(" info whole"), std::string::npos) << lines[1];
}

TEST(LogWriter, SurvivesAReaderThatIsGone) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  const auto log = open(to_file(pipe.path()));
  pipe.reading.reset();
  ASSERT_TRUE(log->start());
  log->event(LogLevel::kInfo, "x", "");
  EXPECT_TRUE(comes_true([&] { return log->lost() == 1; }));
  log->stop();
}

TEST(LogWriter, TakesEventsBeforeItStartsAndDropsThoseBeyondItsBound) {
  const test::TempFolder folder;
  const auto log = open(to_file(folder.file("log")));
  for (int i = 0; i < 4100; ++i) log->event(LogLevel::kInfo, "x", "");
  EXPECT_EQ(log->lost(), 4u);
  ASSERT_TRUE(log->start());
  log->stop();
  EXPECT_GE(lines_of(folder.file("log")).size(), 4096u);
}

TEST(LogWriter, OpensItsFileAnewForWhoHasMovedItAway) {
  const test::TempFolder folder;
  const std::string path = folder.file("log");
  const std::string moved = folder.file("log.1");
  const auto log = open(to_file(path));
  ASSERT_TRUE(log->start());
  log->event(LogLevel::kInfo, "before", "");
  ASSERT_TRUE(comes_true([&] { return lines_of(path).size() == 1; }));
  ASSERT_EQ(std::rename(path.c_str(), moved.c_str()), 0);
  log->event(LogLevel::kInfo, "between", "");
  log->reopen();
  ASSERT_TRUE(comes_true([&] { return !lines_of(path).empty(); }));
  log->event(LogLevel::kInfo, "after", "");
  log->stop();
  const auto old = lines_of(moved);
  ASSERT_EQ(old.size(), 2u);
  EXPECT_THAT(old[1], testing::HasSubstr(" between"));
  const auto now = lines_of(path);
  ASSERT_EQ(now.size(), 2u);
  EXPECT_THAT(now[0], testing::HasSubstr("info log msg=\"opened again\" file=" + path));
  EXPECT_THAT(now[1], testing::HasSubstr(" after"));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0640u);
}

TEST(LogWriter, LosesNoLineAndWritesNoneTwiceWhileItsFileIsMovedAgainAndAgain) {
  const test::TempFolder folder;
  const std::string path = folder.file("log");
  const auto log = open(to_file(path));
  session::RecordSink& worker = log->add_worker();
  ASSERT_TRUE(log->start());
  constexpr int kMoves = 20;
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> written{0};
  std::thread writes([&] {
    while (!done) {
      if (worker.write(record(written + 1))) ++written;
    }
  });
  const auto moved = [&](int i) { return folder.file("log." + std::to_string(i)); };
  for (int i = 0; i < kMoves; ++i) {
    ASSERT_TRUE(comes_true([&] { return std::rename(path.c_str(), moved(i).c_str()) == 0; }));
    log->reopen();
    // Lines come all the while, on a busy machine too.
    const std::uint64_t before = written;
    ASSERT_TRUE(comes_true([&] { return written > before; }));
  }
  ASSERT_TRUE(comes_true([&] { return !lines_of(path).empty(); }));
  done = true;
  writes.join();
  log->stop();
  std::multiset<std::string> ids;
  for (int i = 0; i <= kMoves; ++i) {
    for (const std::string& line : lines_of(i < kMoves ? moved(i) : path)) {
      const std::size_t at = line.find(" session id=");
      if (at != std::string::npos) ids.insert(line.substr(at + 12, 16));
    }
  }
  EXPECT_EQ(ids.size(), written);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), written);
}

TEST(LogWriter, GoesOnInTheOldFileWhenItCannotBeOpenedAnew) {
  const test::TempFolder folder;
  const std::string inner = folder.file("inner");
  ASSERT_EQ(::mkdir(inner.c_str(), 0755), 0);
  const auto log = open(to_file(inner + "/log"));
  ASSERT_TRUE(log->start());
  const std::string gone = folder.file("gone");
  ASSERT_EQ(std::rename(inner.c_str(), gone.c_str()), 0);
  log->reopen();
  ASSERT_TRUE(comes_true([&] { return !lines_of(gone + "/log").empty(); }));
  log->event(LogLevel::kInfo, "after", "");
  log->stop();
  const auto lines = lines_of(gone + "/log");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], testing::HasSubstr("it goes on in the old file"));
  EXPECT_THAT(lines[0], testing::HasSubstr("No such file or directory"));
  EXPECT_THAT(lines[1], testing::HasSubstr(" after"));
}

TEST(LogWriter, HasNothingToOpenAnewOnAStandardStream) {
  config::LogConfig config;
  config.output.value = "stderr";
  const auto log = open(config);
  EXPECT_FALSE(log->is_file());
  ASSERT_TRUE(log->start());
  log->reopen();
  log->stop();
}

}  // namespace
}  // namespace weir::server
