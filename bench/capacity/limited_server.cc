#include "capacity/limited_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/unique_fd.h"

namespace weir::capacity {
namespace {

base::UniqueFd listen_somewhere() {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto any = base::parse_address("127.0.0.1:0");
  sockaddr_storage storage;
  const socklen_t length = any->to_sockaddr(storage);
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0) {
    fd.reset();
  }
  return fd;
}

unsigned port_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return base::Address::from_sockaddr(storage, length).port();
}

void limit_descriptors(int descriptors) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = descriptors > 0 ? static_cast<rlim_t>(descriptors) : limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void greet(int fd) { ::send(fd, &kGreeting, 1, MSG_NOSIGNAL); }

// The whole life of a connection in a thread that has nothing else to do.
void hold(base::UniqueFd client) {
  greet(client.get());
  char byte = 0;
  while (::recv(client.get(), &byte, 1, 0) > 0) {
  }
}

base::UniqueFd reserve() { return base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

// Out of descriptors: the reserved one is spent on telling the client so.
void turn_away(int listener, base::UniqueFd& spare) {
  spare.reset();
  base::UniqueFd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)).reset();
  spare = reserve();
}

}  // namespace

int serve(int descriptors) {
  limit_descriptors(descriptors);
  const base::UniqueFd listener = listen_somewhere();
  if (!listener) return 1;
  say(std::to_string(port_of(listener.get())));
  bool full = false;
  base::UniqueFd spare = reserve();
  std::vector<base::UniqueFd> held;
  for (;;) {
    base::UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client && (errno == EMFILE || errno == ENFILE)) {
      if (!std::exchange(full, true)) say("full");
      turn_away(listener.get(), spare);
    } else if (client && descriptors > 0) {
      std::thread(hold, std::move(client)).detach();
    } else if (client) {
      greet(client.get());
      held.push_back(std::move(client));
    }
  }
}

}  // namespace weir::capacity
