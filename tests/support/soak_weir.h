// The Weir of the soak and all that is done to it: reloads, reloads and upgrades that must be refused, and
// upgrades. It takes the log as it comes, so that it does not fill the test's memory in a long run, and holds
// each process to its books: a line for each session that it has counted, with the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "support/soak_conversation.h"
#include "support/soak_journal.h"
#include "support/soak_world.h"
#include "support/upgraded.h"

namespace weir::test::soak {

class SoakWeir {
 public:
  // Both outlive it.
  SoakWeir(const SoakWorld& world, Journal& journal);

  // The same ones through all changes.
  const Entrances& entrances() const { return entrances_; }
  // The process that serves.
  pid_t pid() const { return weir_.pid(); }

  // Reads a configuration that is to be in force then, or is to be refused.
  void reload(std::size_t variant);
  void reload_badly(std::size_t variant);
  // A new process is to take over with that configuration; or to fail, and change nothing.
  void upgrade(std::size_t variant);
  void upgrade_badly(std::size_t variant);

  // Takes what was logged, and looks which of the processes from before have ended.
  void look();
  // The lines on sessions so far.
  const std::vector<std::string>& sessions() const { return sessions_; }
  std::vector<std::string> take_sessions();

  // Nobody is there: so many sessions are logged since they were taken, all that was opened is closed, the
  // processes from before have ended, and the one that serves has counted what it has logged.
  void expect_rest(std::size_t sessions);

  // Ends it; the exit status, -1 where there is none.
  int stop();

  std::string to_string() const;

 private:
  // What the process that serves has logged.
  struct Books {
    std::uint64_t sessions = 0;
    std::uint64_t upload = 0;
    std::uint64_t download = 0;
    bool operator==(const Books&) const = default;
  };

  const AdminDoor& admin() const { return weir_->admin(); }
  void take_log();
  void take_session(const LogLine& line, std::string text);
  // The first line of that event with `part` in it since the signal was sent.
  std::optional<LogLine> word_after(int signal, const std::string& event, const std::string& part);
  std::size_t workers() const;
  std::size_t descriptors_but_pipes() const;
  void expect_workers(std::size_t count) const;
  void expect_ended();
  void expect_books() const;

  const SoakWorld& world_;
  Journal& journal_;
  Upgraded weir_;
  const Entrances entrances_;
  std::vector<pid_t> before_;  // processes that have sessions of before
  std::vector<std::string> sessions_;
  std::set<std::uint64_t> ids_;   // of these
  std::vector<LogLine> words_;    // of reloads and upgrades, since the last signal
  bool may_print_ = false;        // what is no line of the log: why a start has failed
  std::uint64_t last_run_ = 0;    // of what has been logged (server/worker_set)
  std::uint64_t run_before_ = 0;  // the last one of the processes from before
  Books books_;
  std::size_t at_rest_ = 0;  // descriptors
  std::size_t reloads_ = 0;
  std::size_t refused_ = 0;
  std::size_t upgrades_ = 0;
};

}  // namespace weir::test::soak
