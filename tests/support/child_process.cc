#include "support/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

extern char** environ;

namespace weir::test {

std::string Exit::to_string() const {
  if (status) return "exit status " + std::to_string(*status);
  return "killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
}

namespace {

// The environment with the options' variables in front: getenv takes the first.
std::vector<std::string> environment_of(const ChildOptions& options) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string variable = *at;
    bool replaced = false;
    for (const auto& [name, value] : options.environment) replaced |= variable.starts_with(name + "=");
    if (!replaced) variables.push_back(variable);
  }
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec.
void limit(__rlimit_resource resource, const std::optional<rlim_t>& most) {
  if (!most) return;
  const rlimit limits{*most, *most};
  if (::setrlimit(resource, &limits) != 0) ::_exit(126);
}

// Between fork and exec: only calls that are safe after the fork of a threaded process.
[[noreturn]] void become_program(const ChildOptions& options, int output, pid_t parent, char** arguments,
                                 char** variables) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  limit(RLIMIT_NOFILE, options.descriptors);
  limit(RLIMIT_NPROC, options.processes);
  limit(RLIMIT_AS, options.memory);
  // What is outside of the bounding set, root does not get at the exec either.
  for (const int right : options.without_rights) {
    if (::prctl(PR_CAPBSET_DROP, right, 0, 0, 0) != 0) ::_exit(126);
  }
  if (options.user) {
    const auto [uid, gid] = *options.user;
    if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0 || ::setresuid(uid, uid, uid) != 0) {
      ::_exit(126);
    }
  }
  ::execve(arguments[0], arguments, variables);
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, const ChildOptions& options)
    : wake_(::eventfd(0, EFD_CLOEXEC)) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe failed");
  output_ = base::UniqueFd(ends[0]);
  const base::UniqueFd write_end(ends[1]);
  std::vector<std::string> words = arguments;
  std::vector<std::string> variables = environment_of(options);
  std::vector<char*> word_pointers = pointers_to(words);
  std::vector<char*> variable_pointers = pointers_to(variables);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    become_program(options, write_end.get(), parent, word_pointers.data(), variable_pointers.data());
  }
  reader_ = std::thread([this] { read_output(); });
}

ChildProcess::~ChildProcess() {
  if (running()) {
    signal(SIGKILL);
    wait();
  }
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  reader_.join();
}

void ChildProcess::signal(int number) const { ::kill(pid_, number); }

void ChildProcess::freeze() const {
  is_frozen_ = true;
  signal(SIGSTOP);
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WNOWAIT) != 0) {
    throw std::runtime_error("the process did not stop");
  }
}

// A process that ends stops itself for the leak sanitizer, and would wait for ever for a stop that a SIGCONT
// has taken back.
void ChildProcess::go_on() const {
  if (is_frozen_.exchange(false)) signal(SIGCONT);
}

bool ChildProcess::running() { return !wait(Millis(0)); }

std::optional<Exit> ChildProcess::wait(Millis patience) {
  if (exit_) return exit_;
  int status = 0;
  const bool over = eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }, patience);
  if (!over) return std::nullopt;
  exit_.emplace();
  if (WIFEXITED(status)) {
    exit_->status = WEXITSTATUS(status);
  } else {
    exit_->signal = WTERMSIG(status);
  }
  // All that it printed is to be seen once it is over.
  std::unique_lock lock(mutex_);
  if (!paused_) changed_.wait_for(lock, Millis(2'000), [&] { return ended_; });
  return exit_;
}

std::vector<std::string> ChildProcess::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

std::vector<std::string> ChildProcess::take_lines() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lines_, {});
}

std::string ChildProcess::output() const {
  std::string all;
  for (const std::string& line : lines()) all += line + "\n";
  const std::lock_guard lock(mutex_);
  return all + partial_;
}

std::optional<std::string> ChildProcess::wait_for_line(const std::function<bool(const std::string&)>& wanted,
                                                       Millis patience) const {
  const auto deadline = Clock::now() + patience;
  std::size_t at = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    for (; at < lines_.size(); ++at) {
      if (wanted(lines_[at])) return lines_[at];
    }
    if (ended_) return std::nullopt;
    const auto more = [&] { return at < lines_.size() || ended_; };
    if (!changed_.wait_until(lock, deadline, more)) return std::nullopt;
  }
}

void ChildProcess::pause_reading() {
  const std::lock_guard lock(mutex_);
  paused_ = true;
}

void ChildProcess::resume_reading() {
  {
    const std::lock_guard lock(mutex_);
    paused_ = false;
  }
  ::eventfd_write(wake_.get(), 1);
}

void ChildProcess::read_output() {
  std::string chunk(64 * 1024, '\0');
  while (true) {
    bool paused = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      paused = paused_;
    }
    pollfd waiting[] = {{wake_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}};
    ::poll(waiting, paused ? 1 : 2, -1);
    if (waiting[0].revents != 0) {
      eventfd_t ignored = 0;
      ::eventfd_read(wake_.get(), &ignored);
      continue;
    }
    if (paused || waiting[1].revents == 0) continue;
    {
      const std::lock_guard lock(mutex_);
      if (paused_) continue;
    }
    const ssize_t n = ::read(output_.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    const std::lock_guard lock(mutex_);
    if (n <= 0) {
      ended_ = true;
      if (!partial_.empty()) lines_.push_back(std::exchange(partial_, ""));
      changed_.notify_all();
      return;
    }
    partial_.append(chunk, 0, static_cast<std::size_t>(n));
    std::size_t start = 0;
    for (std::size_t end = 0; (end = partial_.find('\n', start)) != std::string::npos; start = end + 1) {
      lines_.push_back(partial_.substr(start, end - start));
    }
    partial_.erase(0, start);
    changed_.notify_all();
  }
}

}  // namespace weir::test
