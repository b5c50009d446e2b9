// The one thread that writes the log. Workers give it records through a ring each and never wait: what does
// not fit is dropped and counted. Events (start, stop, warnings) come from any thread through a bounded
// queue. What cannot be written (a full disk, a reader that has stopped) is counted as lost too, and said
// when writing works again.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
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

  // A ring for one worker's sessions, valid until it is removed. Any thread.
  session::RecordSink& add_worker();
  // Nothing comes by it any more; what has come is written all the same. Any thread.
  void remove_worker(session::RecordSink& sink);

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
  bool is_file() const;

  // Where it writes.
  class Output {
   public:
    // Of `log.output`: opens it, or is one of the standard streams.
    static base::Result<Output> open(const std::string& output);

   private:
    friend class LogWriter;
    std::string path_;  // empty: a standard stream
    base::UniqueFd file_;
    int fd_ = -1;
  };

  // Level and format at once, and another output where there is one: what has been given so far still goes
  // to the old one. Any thread.
  void change(const config::LogConfig& config, std::optional<Output> output);

  // Until the configuration itself says something else. Any thread.
  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  LogLevel level() const { return level_.load(std::memory_order_relaxed); }

  // Lines that were given and not written, whatever the reason.
  std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  class WorkerSink;
  enum class Pace { kWait, kLast };

  LogWriter(const config::LogConfig& config, Output output, base::UniqueFd wake);

  struct Event {
    std::chrono::system_clock::time_point time;
    LogLevel level;
    std::string text;
    std::string json;
  };

  // What is wanted of the output between two rounds, so that a line is whole in one of two files.
  struct OutputChange {
    std::optional<Output> next;
    std::vector<Event> before;  // that are for the one before it
    bool opens_anew = false;
  };

  void run();
  OutputChange take_output_change();
  // Precondition: there is a next one, which is taken then.
  void write_last_of_old(OutputChange change, Pace pace);
  void open_anew();
  void take(Output output);
  // Formats what waits into `text_`; false when nothing did.
  bool collect();
  void collect_events();
  void append_events(const std::vector<Event>& events);
  void collect_all_records();
  void collect_records(session::SessionLogRing& ring);
  bool writes_json() const { return format_.load(std::memory_order_relaxed) == config::LogFormat::kJson; }
  void append_line(std::chrono::system_clock::time_point time, LogLevel level, std::string_view text,
                   bool is_json);
  void write_out(Pace pace);
  void wake();
  void forget_wakes();
  void count_lost(std::uint64_t lines) { lost_.fetch_add(lines, std::memory_order_relaxed); }

  std::atomic<LogLevel> level_;
  LogLevel configured_level_;  // whoever calls `change` has it
  std::atomic<config::LogFormat> format_;
  // The log thread's.
  Output output_;
  std::size_t chunk_;
  std::vector<WorkerSink*> looked_at_;
  const base::UniqueFd wake_;
  mutable std::mutex mutex_;
  // These are guarded by mutex_.
  bool is_file_;
  std::vector<std::unique_ptr<WorkerSink>> sinks_;
  std::vector<Event> events_;
  std::optional<Output> next_output_;
  std::vector<Event> events_before_;  // of the time before it was wanted
  std::atomic<std::uint64_t> lost_{0};
  std::uint64_t lost_said_ = 0;
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> reopen_wanted_{false};
  std::atomic<bool> output_wanted_{false};  // there is a next one
  std::string text_;
  bool mid_line_ = false;  // what was written last is the beginning of a line whose rest was lost
  std::thread thread_;
};

}  // namespace weir::server
