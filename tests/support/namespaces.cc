#include "support/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace weir::test {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

base::UniqueFd current_namespace() {
  base::UniqueFd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) fail("open this thread's network namespace");
  return fd;
}

void enter(int fd) {
  if (::setns(fd, CLONE_NEWNET) != 0) fail("enter a network namespace");
}

// Runs a command where the calling thread is.
void run_command(const std::string& command) {
  FILE* output = ::popen((command + " 2>&1").c_str(), "re");
  if (output == nullptr) fail(command);
  std::string words;
  char part[256];
  while (std::fgets(part, sizeof(part), output) != nullptr) words += part;
  const int status = ::pclose(output);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error(command + ": " + words);
}

void add_addresses(const LinkEnd& end, const std::string& interface) {
  std::string lines;
  for (const std::string& address : end.addresses) {
    const bool is_v6 = address.find(':') != std::string::npos;
    lines += "address add " + address + " dev " + interface + (is_v6 ? " nodad" : "") + "\\n";
  }
  end.where.run([&] { run_command("printf '" + lines + "' | ip -batch -"); });
}

}  // namespace

std::optional<std::string> why_no_namespaces() {
  try {
    const NetworkNamespace tried;
    return std::nullopt;
  } catch (const std::runtime_error& error) {
    return "network namespaces need root and iproute2: " + std::string(error.what());
  }
}

NetworkNamespace::NetworkNamespace() {
  const base::UniqueFd before = current_namespace();
  if (::unshare(CLONE_NEWNET) != 0) fail("make a network namespace");
  fd_ = base::UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  const int error = errno;
  enter(before.get());
  errno = error;
  if (!fd_) fail("open the new network namespace");
  ip("link set lo up");
}

NetworkNamespace::Inside::Inside(const NetworkNamespace& where) : before_(current_namespace()) {
  enter(where.fd());
}

NetworkNamespace::Inside::~Inside() {
  // A thread that cannot go back would do the rest of the tests in the wrong place.
  if (::setns(before_.get(), CLONE_NEWNET) != 0) std::terminate();
}

void NetworkNamespace::ip(const std::string& arguments) const {
  run([&] { run_command("ip " + arguments); });
}

void NetworkNamespace::set(const std::string& sysctl, const std::string& value) const {
  std::string path = "/proc/sys/" + sysctl;
  for (char& c : path) c = c == '.' ? '/' : c;
  run([&] {
    std::ofstream file(path);
    file << value << std::flush;
    if (!file) fail("set " + sysctl);
  });
}

std::string link(const LinkEnd& a, const LinkEnd& b) {
  static std::atomic<unsigned> links{0};
  const std::string name = "weir" + std::to_string(links++);
  const std::string other = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(b.where.fd());
  a.where.ip("link add " + name + " type veth peer name " + name + " netns " + other);
  a.where.ip("link set " + name + " up");
  b.where.ip("link set " + name + " up");
  // Only now the addresses: IPv6 ones that are there before the link is up let the other side's first
  // neighbour solicitation go by, and a connection takes a second.
  add_addresses(a, name);
  add_addresses(b, name);
  return name;
}

}  // namespace weir::test
