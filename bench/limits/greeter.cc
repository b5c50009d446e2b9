#include "limits/greeter.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "limits/listening.h"

namespace weir::limits {
namespace {

constexpr char kGreeting = '+';

void accept_all(const Listening& at) {
  for (;;) {
    base::UniqueFd client(::accept4(at.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client) return;
    ::send(client.get(), &kGreeting, 1, MSG_NOSIGNAL);
    if (watch(at.epoll, client.get())) static_cast<void>(client.release());
  }
}

void close_if_ended(int fd) {
  char away = 0;
  const ssize_t n = ::recv(fd, &away, 1, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN)) ::close(fd);
}

}  // namespace

base::Result<void> greet(const base::Address& address) {
  const auto at = listen_at(address);
  if (!at) return base::failure(at.error());
  std::array<epoll_event, 256> events;
  for (;;) {
    const int count = ::epoll_wait(at->epoll.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == at->socket.get()) {
        accept_all(*at);
      } else {
        close_if_ended(fd);
      }
    }
  }
}

}  // namespace weir::limits
