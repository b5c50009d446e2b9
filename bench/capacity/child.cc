#include "capacity/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace weir::capacity {
namespace {

constexpr int kEndingTries = 300;  // of 10 ms each

// Between fork and exec: only calls that are safe there (signal-safety(7)).
[[noreturn]] void become(char* const* arguments, int output, int stream, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  ::dup2(output, stream);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

}  // namespace

base::Result<Child> Child::start(const std::vector<std::string>& arguments, int stream) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return base::failure(base::system_error("pipe", errno));
  base::UniqueFd output(ends[0]);
  const base::UniqueFd input(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return base::failure(base::system_error("fork", errno));
  if (pid == 0) become(pointers.data(), input.get(), stream, parent);
  return Child(pid, std::move(output));
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::move(other.output_)),
      buffered_(std::move(other.buffered_)) {}

Child::~Child() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  for (int i = 0; i < kEndingTries; ++i) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return;
    const timespec pause{0, 10'000'000};
    ::nanosleep(&pause, nullptr);
  }
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

base::Result<std::string> Child::read_line(base::Millis patience) {
  const auto deadline = base::precise_now() + patience;
  for (;;) {
    if (const auto end = buffered_.find('\n'); end != std::string::npos) {
      std::string line = buffered_.substr(0, end);
      buffered_.erase(0, end + 1);
      return line;
    }
    const auto left = std::chrono::duration_cast<base::Millis>(deadline - base::precise_now()).count();
    pollfd watched{output_.get(), POLLIN, 0};
    if (left <= 0 || ::poll(&watched, 1, static_cast<int>(left)) == 0) {
      return base::failure({base::ErrorSide::kSystem, "a process that was started says nothing"});
    }
    std::array<char, 4096> piece{};
    const ssize_t n = ::read(output_.get(), piece.data(), piece.size());
    if (n == 0) return base::failure({base::ErrorSide::kSystem, "a process that was started ended"});
    if (n > 0) buffered_.append(piece.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace weir::capacity
