// `weir demo` on a terminal of its own.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include <string>

#include "base/unique_fd.h"
#include "support/eventually.h"

namespace weir::test {
namespace {

// The demonstration with a pseudo terminal as its controlling one. What is left of it at the end is killed.
class DemoOnTerminal {
 public:
  DemoOnTerminal() {
    int master = -1;
    int slave = -1;
    if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0)
      throw std::runtime_error("openpty failed");
    master_ = base::UniqueFd(master);
    const base::UniqueFd terminal(slave);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(master);
    if (::login_tty(slave) != 0) ::_exit(126);
    ::execl(WEIR_BINARY, WEIR_BINARY, "demo", nullptr);
    ::_exit(127);
  }
  ~DemoOnTerminal() {
    if (ended(Millis(0))) return;
    ::kill(pid_, SIGKILL);
    ended(kPatience);
  }
  DemoOnTerminal(const DemoOnTerminal&) = delete;
  DemoOnTerminal& operator=(const DemoOnTerminal&) = delete;

  // Reads what it shows until `wanted` has been there `times` times; says whether that came.
  bool shows(const std::string& wanted, std::size_t times) {
    const auto deadline = Clock::now() + kPatience;
    while (count(wanted) < times) {
      if (Clock::now() >= deadline) return false;
      pollfd waiting{master_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, 100) <= 0) continue;
      char bytes[4096];
      const ssize_t n = ::read(master_.get(), bytes, sizeof(bytes));
      if (n <= 0) return false;
      shown_.append(bytes, static_cast<std::size_t>(n));
    }
    return true;
  }
  const std::string& shown() const { return shown_; }

  void close_terminal() { master_.reset(); }

  bool ended(Millis patience) {
    if (!ended_) ended_ = eventually([&] { return ::waitpid(pid_, &status_, WNOHANG) == pid_; }, patience);
    return ended_;
  }
  int status() const { return status_; }

 private:
  std::size_t count(const std::string& wanted) const {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = shown_.find(wanted, at)) != std::string::npos; at += wanted.size())
      ++found;
    return found;
  }

  base::UniqueFd master_;
  pid_t pid_ = -1;
  std::string shown_;
  bool ended_ = false;
  int status_ = 0;
};

constexpr Millis kSoon{kSanitized ? 20'000 : 8'000};

TEST(Demo, EndsWhenItsTerminalGoesAway) {
  DemoOnTerminal demo;
  // Its line is drawn again and again once it runs.
  ASSERT_TRUE(demo.shows("\r\x1b[K", 2)) << demo.shown();
  demo.close_terminal();
  ASSERT_TRUE(demo.ended(kSoon)) << "it runs on without a terminal";
  if (WIFSIGNALED(demo.status())) {
    EXPECT_EQ(WTERMSIG(demo.status()), SIGHUP) << "it crashed";
  }
}

}  // namespace
}  // namespace weir::test
