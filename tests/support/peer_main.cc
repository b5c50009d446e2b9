// A server as a program of its own, for tests that need another process: one that runs out of its own
// descriptors, or one that holds more connections than the test could beside its own.
//   peer limited    echoes with one thread a connection and as many connections as its limit of descriptors
//                   allows; at the limit it leaves new ones in the queue. Prints "port N", and "full N" when
//                   it first had to stop at N connections.
//   peer many       echoes any number of connections from one thread. Prints "port N".
// A second word is the address that it listens at, "127.0.0.1" without.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <thread>

#include "support/listener.h"

namespace weir::test {
namespace {

void say(const char* what, std::size_t number) {
  std::printf("%s %zu\n", what, number);
  std::fflush(stdout);
}

std::atomic<std::size_t> connections{0};

void echo_until_end(int fd) {
  char bytes[4096];
  ssize_t n = 0;
  while ((n = ::recv(fd, bytes, sizeof(bytes), 0)) > 0) {
    if (::send(fd, bytes, static_cast<std::size_t>(n), MSG_NOSIGNAL) != n) break;
  }
  --connections;
  ::close(fd);
}

[[noreturn]] void serve_limited(int listening) {
  bool said = false;
  while (true) {
    pollfd waiting{listening, POLLIN, 0};
    ::poll(&waiting, 1, -1);
    const int fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      ++connections;
      std::thread([fd] { echo_until_end(fd); }).detach();
      continue;
    }
    if (errno != EMFILE) continue;
    if (!std::exchange(said, true)) say("full", connections);
    std::this_thread::sleep_for(Millis(20));
  }
}

[[noreturn]] void serve_many(int listening) {
  const int poller = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{EPOLLIN, {.fd = listening}};
  ::epoll_ctl(poller, EPOLL_CTL_ADD, listening, &event);
  while (true) {
    epoll_event events[256];
    const int ready = ::epoll_wait(poller, events, 256, -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      if (fd == listening) {
        const int client = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
        epoll_event added{EPOLLIN, {.fd = client}};
        if (client >= 0) ::epoll_ctl(poller, EPOLL_CTL_ADD, client, &added);
        continue;
      }
      char bytes[4096];
      const ssize_t n = ::recv(fd, bytes, sizeof(bytes), 0);
      if (n <= 0 || ::send(fd, bytes, static_cast<std::size_t>(n), MSG_NOSIGNAL) != n) ::close(fd);
    }
  }
}

}  // namespace
}  // namespace weir::test

int main(int argc, char** argv) {
  const std::string_view mode = argc == 2 || argc == 3 ? argv[1] : "";
  if (mode != "limited" && mode != "many") {
    std::fputs("usage: peer limited|many [ADDRESS]\n", stderr);
    return 2;
  }
  const std::string host = argc == 3 ? argv[2] : "127.0.0.1";
  const weir::test::Listener listener(weir::test::address_of(host + ":0"));
  weir::test::say("port", listener.address().port());
  if (mode == "limited") weir::test::serve_limited(listener.fd());
  weir::test::serve_many(listener.fd());
}
