// A program that runs beside the test, with what it prints collected line by line. A thread of its own reads
// the pipe, so that the child never waits for the test, unless the test stops the reading on purpose.
// The destructor kills what still runs.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>
#include <atomic>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "support/eventually.h"

namespace weir::test {

// How a process ended.
struct Exit {
  std::optional<int> status;  // of exit(2)
  int signal = 0;             // that killed it
  std::string to_string() const;
};

struct ChildOptions {
  std::optional<rlim_t> descriptors;                             // RLIMIT_NOFILE, soft and hard
  std::optional<rlim_t> processes;                               // RLIMIT_NPROC: the user's threads
  std::optional<rlim_t> memory;                                  // RLIMIT_AS, bytes
  std::vector<std::pair<std::string, std::string>> environment;  // besides the test's own
  std::optional<std::pair<uid_t, gid_t>> user;                   // becomes it before the program starts
  std::vector<int> without_rights;                               // capabilities it cannot have, root or not
};

class ChildProcess {
 public:
  // Runs `arguments[0]`. Its standard output and error are collected together.
  ChildProcess(const std::vector<std::string>& arguments, const ChildOptions& options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;

  // Stops it with SIGSTOP and comes back when it stands still; `go_on` is SIGCONT, if it does.
  void freeze() const;
  void go_on() const;

  bool running();
  // How it ended, or nothing when it did not before the deadline.
  std::optional<Exit> wait(Millis patience = kPatience);

  // The lines so far.
  std::vector<std::string> lines() const;
  std::string output() const;
  // The lines so far, which are kept no longer: for a child that prints for hours.
  std::vector<std::string> take_lines();

  // The first line, from number `from` on, for which `wanted` holds; nothing at the deadline or when the
  // output has ended.
  std::optional<std::string> wait_for_line(const std::function<bool(const std::string&)>& wanted,
                                           Millis patience = kPatience) const;

  // Leaves what the child prints in the pipe, so that it fills up; and reads on.
  void pause_reading();
  void resume_reading();

 private:
  void read_output();

  pid_t pid_ = -1;
  std::optional<Exit> exit_;
  mutable std::atomic<bool> is_frozen_{false};
  base::UniqueFd output_;
  base::UniqueFd wake_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<std::string> lines_;  // guarded by mutex_
  std::string partial_;             // guarded by mutex_
  bool ended_ = false;              // guarded by mutex_
  bool paused_ = false;             // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::thread reader_;
};

}  // namespace weir::test
