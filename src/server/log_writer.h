// The one thread that writes the log. Workers give it records through a ring each and never wait: what does
// not fit is dropped and counted. Events (start, stop, warnings) come from any thread through a bounded
// queue. What cannot be written (a full disk, a reader that has stopped) is counted as lost too, and said
// when writing works again.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log_text.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "config/model.h"
#include "session/session_table.h"

namespace weir::server {

using config::LogLevel;

class LogWriter {
 public:
  // Opens the output: "stderr", "stdout" or a file that is appended to and made with mode 0640.
  static base::Result<std::unique_ptr<LogWriter>> open(const config::LogConfig& config);
  ~LogWriter();  // stops
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  // A ring for one worker's sessions. Before `start` only; valid as long as the writer.
  session::RecordSink& add_worker();

  base::Result<void> start();

  // Writes what has been given so far, for at most a second if the output takes nothing, and ends the thread.
  void stop();

  // One line: "<time> <level> <name> msg="<message>" key=value ...". Any thread; dropped and counted when
  // 4096 wait.
  void event(LogLevel level, std::string_view name, std::string_view message,
             const base::LogFields& fields = {});

  // Opens the file anew by its name, for who has moved it away (logrotate(8)): what has been given so far
  // still goes to the old one. One that cannot be opened is told of there, and stays in use. Nothing happens
  // where the log goes to a standard stream. Any thread.
  void reopen();
  bool is_file() const { return !path_.empty(); }

  // Lines that were given and not written, whatever the reason.
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  class WorkerSink;
  enum class Pace { kWait, kLast };

  LogWriter(const config::LogConfig& config, base::UniqueFd file, int fd, base::UniqueFd wake);

  void run();
  void open_anew();
  // Formats what waits into `text_`; false when nothing did.
  bool collect();
  void collect_events();
  void collect_records(session::SessionLogRing& ring);
  void append_line(std::chrono::system_clock::time_point time, LogLevel level, std::string_view text,
                   std::string_view json);
  void write_out(Pace pace);
  void wake();
  void forget_wakes();
  void count_lost(std::uint64_t lines) { lost_.fetch_add(lines, std::memory_order_relaxed); }

  struct Event {
    std::chrono::system_clock::time_point time;
    LogLevel level;
    std::string text;
    std::string json;
  };

  const LogLevel level_;
  const config::LogFormat format_;
  const std::string path_;  // empty when the output is a standard stream
  // The log thread's.
  base::UniqueFd file_;
  int fd_;
  std::size_t chunk_;
  const base::UniqueFd wake_;
  std::vector<std::unique_ptr<WorkerSink>> sinks_;
  std::mutex mutex_;
  std::vector<Event> events_;  // guarded by mutex_
  std::atomic<std::uint64_t> lost_{0};
  std::uint64_t lost_said_ = 0;
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> reopen_wanted_{false};
  std::string text_;
  bool mid_line_ = false;  // what was written last is the beginning of a line whose rest was lost
  std::thread thread_;
};

}  // namespace weir::server
