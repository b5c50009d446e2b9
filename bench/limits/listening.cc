#include "limits/listening.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

namespace weir::limits {

base::Result<Listening> listen_at(const base::Address& address) {
  Listening made;
  made.socket = base::UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  made.epoll = base::UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);
  // Accepted sockets inherit it.
  const linger at_once{1, 0};
  const int fd = made.socket.get();
  if (::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) != 0 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0 || ::listen(fd, SOMAXCONN) != 0 ||
      !watch(made.epoll, fd)) {
    return base::failure(base::system_error("listen on " + address.to_string(), errno));
  }
  return made;
}

bool watch(const base::UniqueFd& epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  return ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace weir::limits
