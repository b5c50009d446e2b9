#include "net/own_program.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

#if defined(__SANITIZE_THREAD__)
// ThreadSanitizer takes each clone(2) for a fork(2) and forgets, in memory that is still ours, what our
// threads have done: it must not see this one.
extern "C" int __clone(int (*)(void*), void*, int, void*, ...);
#define WEIR_CLONE ::__clone
#else
#define WEIR_CLONE ::clone
#endif

namespace weir::net {
namespace {

// For a function that calls execve(2) and little else.
constexpr std::size_t kStackBytes = std::size_t{64} << 10;

std::vector<std::string> arguments_of_this() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, '\0');) words.push_back(word);
  return words;
}

bool is_this_program(const std::string& path) {
  struct stat here {};
  struct stat there {};
  return ::stat("/proc/self/exe", &here) == 0 && ::stat(path.c_str(), &there) == 0 &&
         here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

std::string absolute_text(const std::filesystem::path& path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(path, error);
  return error ? "" : whole.string();
}

// By the name that it was called by: a link that leads elsewhere later is what an installation changes.
std::string path_of_this(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    if (std::string path = absolute_text(name); is_this_program(path)) return path;
  } else if (const char* places = std::getenv("PATH"); places != nullptr && !name.empty()) {
    std::istringstream stream{places};
    for (std::string place; std::getline(stream, place, ':');) {
      std::string path = absolute_text(std::filesystem::path(place.empty() ? "." : place) / name);
      if (is_this_program(path)) return path;
    }
  }
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "" : path.string();
}

std::vector<std::string> changed_environment(
    const std::vector<std::pair<std::string, std::string>>& changes) {
  std::vector<std::string> all;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string variable = *at;
    const bool is_changed = std::any_of(changes.begin(), changes.end(), [&](const auto& change) {
      const std::string& name = change.first;
      return variable.starts_with(name) && variable.substr(name.size()).starts_with('=');
    });
    if (!is_changed) all.push_back(variable);
  }
  for (const auto& [name, value] : changes) {
    if (!value.empty()) all.emplace_back(name).append("=").append(value);
  }
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

struct Start {
  const char* path;
  char** arguments;
  char** environment;
  int kept;
};

// In the new process, which has this one's memory until it executes the program, while the thread that made
// it stands still: only system calls.
int execute(void* from) {
  const auto* start = static_cast<const Start*>(from);
  // Weir has no handlers but as process 1, which starts no other, and ignores this one.
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(SIGPIPE, &standard, nullptr);
  ::fcntl(start->kept, F_SETFD, 0);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(start->path, start->arguments, start->environment);
  const char* why = ::strerrordesc_np(errno);
  char text[256] = "f";
  ::strncat(text, start->path, 150);
  ::strncat(text, ": ", 3);
  ::strncat(text, why != nullptr ? why : "cannot be executed", 90);
  static_cast<void>(!::write(start->kept, text, ::strlen(text)));
  ::_exit(127);
}

}  // namespace

OwnProgram own_program() {
  OwnProgram program;
  program.arguments = arguments_of_this();
  if (!program.arguments.empty()) program.path = path_of_this(program.arguments.front());
  return program;
}

base::Result<Sibling> start_sibling(const OwnProgram& program,
                                    const std::vector<std::pair<std::string, std::string>>& changes,
                                    int kept) {
  std::vector<std::string> words = program.arguments;
  std::vector<std::string> variables = changed_environment(changes);
  const std::vector<char*> arguments = pointers_to(words);
  const std::vector<char*> environment = pointers_to(variables);
  Start start{program.path.c_str(), const_cast<char**>(arguments.data()),
              const_cast<char**>(environment.data()), kept};
  const auto stack = std::make_unique<char[]>(kStackBytes);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int handle = -1;
  const int pid = WEIR_CLONE(&execute, stack.get() + kStackBytes,
                             CLONE_VM | CLONE_VFORK | CLONE_PARENT | CLONE_PIDFD | SIGCHLD, &start, &handle);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return base::failure(base::system_error("start " + program.path, error));
  return Sibling{pid, base::UniqueFd(handle)};
}

void signal_sibling(const Sibling& sibling, int signal) {
  ::syscall(SYS_pidfd_send_signal, sibling.handle.get(), signal, nullptr, 0);
}

}  // namespace weir::net
