// A Weir that is asked to let a new process take over. Its successors are children of the test, since each is
// a sibling of the one before (net/own_program), and write to the same pipe: their log lines are among those
// of the first. However a test ends, they are ended and each must have ended well.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/weir_process.h"

namespace weir::test {

class Upgraded {
 public:
  explicit Upgraded(const Configuration& configuration, const ChildOptions& options = weir_options())
      : weir_(configuration, options), current_(weir_.pid()) {}
  explicit Upgraded(const WeirProcess::File& file, const ChildOptions& options = weir_options())
      : weir_(file, options), current_(weir_.pid()) {}
  ~Upgraded();
  Upgraded(const Upgraded&) = delete;
  Upgraded& operator=(const Upgraded&) = delete;

  // The first one; its log has everybody's lines.
  WeirProcess& operator*() { return weir_; }
  WeirProcess* operator->() { return &weir_; }
  const WeirProcess* operator->() const { return &weir_; }

  // The one that serves.
  pid_t pid() const { return current_; }
  void signal(int number) const { ::kill(current_, number); }

  // Writes the configuration that the next one reads.
  void write(const std::string& toml) const;

  // Asks the one that serves (SIGUSR2) and waits until the new one has taken over: its process.
  pid_t well();
  // The same for one that must fail: the line that says so.
  LogLine badly();

  // The children of this test that are neither its first Weir nor known here before: successors that have
  // just been started. Waits for one.
  pid_t next_child();

  // The two parts of these, for a test that takes the log's lines away itself: the new process that has taken
  // over, by its line, serves from now on; and what had been started to do so and failed is to have ended.
  pid_t follow(const LogLine& taken_over);
  void expect_failed_to_end();

  // How a successor has ended; nothing when it does not.
  std::optional<Exit> wait(pid_t successor, Millis patience = kPatience);

  // The lines of event "upgrade" whose message has that in it.
  std::vector<LogLine> told(const std::string& part) const;

 private:
  WeirProcess weir_;
  pid_t current_;
  std::set<pid_t> successors_;  // that have not been waited for
};

// The children of this process.
std::set<pid_t> children();

}  // namespace weir::test
