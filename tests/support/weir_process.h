// The real binary under test: `weir run` on a configuration of the test's. Waits for the `ready` line, knows
// the real addresses, reads the log. However a test ends, the destructor stops Weir and fails the test when
// Weir crashed, hung or a sanitizer found something.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/admin_door.h"
#include "support/child_process.h"
#include "support/configuration.h"
#include "support/log_line.h"
#include "support/temporary_directory.h"

namespace weir::test {

// What Weir is started with by default: the test's environment with sanitizers told to use an exit status
// that Weir never uses itself.
ChildOptions weir_options();
// The same for a Weir that is told to change its user by the test itself, not by WEIR_TEST_USER.
ChildOptions weir_options_for_user();

// Runs `weir` with `arguments` to its end; for starts that are expected to fail and for other commands.
struct WeirRun {
  Exit exit;
  std::string output;
};
WeirRun run_weir(const std::vector<std::string>& arguments, const ChildOptions& options = weir_options());

// The same for `weir run` on a file that holds `toml`.
WeirRun run_weir_on(const std::string& toml, const ChildOptions& options = weir_options());

// Exit statuses of `weir run`.
inline constexpr int kClean = 0;
inline constexpr int kNotStarted = 1;
inline constexpr int kForced = 3;

class WeirProcess {
 public:
  explicit WeirProcess(const std::string& toml, const ChildOptions& options = weir_options());
  explicit WeirProcess(const Configuration& configuration, const ChildOptions& options = weir_options())
      : WeirProcess(configuration.to_toml(), options) {}
  // Runs on a file that exists.
  struct File {
    std::string path;
    std::string program{};  // empty: the one under test
  };
  explicit WeirProcess(const File& file, const ChildOptions& options = weir_options());
  ~WeirProcess();
  WeirProcess(const WeirProcess&) = delete;
  WeirProcess& operator=(const WeirProcess&) = delete;

  // The real addresses of a listener, and the first of them.
  const std::vector<base::Address>& addresses(const std::string& listener = "web") const;
  const base::Address& address(const std::string& listener = "web") const;
  const AdminDoor& admin() const;
  const LogLine& ready() const { return ready_; }
  pid_t pid() const { return child_->pid(); }
  ChildProcess& child() { return *child_; }
  const std::string& config_path() const { return config_path_; }

  Socket connect(const Socket::Options& options = Socket::Options{}) const {
    return Socket::connect(address(), options);
  }

  void terminate() const;  // SIGTERM
  void kill();             // SIGKILL, and that is how it is to have ended
  // How it ended. Nothing, and a failed test, when it did not.
  std::optional<Exit> wait(Millis patience = kPatience);
  // SIGTERM and `wait`; the exit status, -1 when it was killed or did not end.
  int stop(Millis patience = kPatience);

  // Lines of the log so far that name `event`.
  std::vector<LogLine> events(const std::string& event) const;
  std::vector<LogLine> sessions() const { return events("session"); }

  // Waits until `count` sessions have been logged and returns all of them. Fails the test at the deadline.
  std::vector<LogLine> wait_for_sessions(std::size_t count, Millis patience = kPatience) const;
  // The same for one; it must be the only one.
  LogLine wait_for_session(Millis patience = kPatience) const;
  // The session of the client at that address.
  LogLine wait_for_session_of(const base::Address& client, Millis patience = kPatience) const;
  // Waits for an event.
  std::optional<LogLine> wait_for_event(const std::string& event, Millis patience = kPatience) const;

 private:
  void start(const ChildOptions& options);

  TemporaryDirectory directory_;
  std::string config_path_;
  std::string program_;
  std::unique_ptr<ChildProcess> child_;
  bool is_killed_ = false;
  LogLine ready_;
  std::map<std::string, std::vector<base::Address>> addresses_;
  std::optional<AdminDoor> admin_;
};

}  // namespace weir::test
