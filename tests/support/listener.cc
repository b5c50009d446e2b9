#include "support/listener.h"

#include <poll.h>

#include <cerrno>

#include "support/test_user.h"

namespace weir::test {
namespace {

base::UniqueFd bound_socket(const base::Address& address) {
  base::UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Bound to an address whose last server's connections are still in TIME_WAIT, or to that of a dead port.
  const int yes = 1;
  if (address.is_ip()) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
    throw SocketError("bind " + address.to_string(), errno);
  }
  if (address.is_unix()) give_to_test_user(address.path());
  return fd;
}

base::Address real_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return base::Address::from_sockaddr(storage, length);
}

}  // namespace

Listener::Listener(const base::Address& address, int backlog) : fd_(bound_socket(address)) {
  address_ = real_address(fd_.get());
  listen(backlog);
}

void Listener::listen(int backlog) {
  if (::listen(fd_.get(), backlog) != 0) throw SocketError("listen", errno);
}

void Listener::shrink_windows(int bytes) {
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

Socket Listener::accept(Millis patience) {
  const auto deadline = Clock::now() + patience;
  while (true) {
    base::UniqueFd client(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) return Socket(std::move(client));
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) throw SocketError("accept", errno);
    const auto left = std::chrono::ceil<Millis>(deadline - Clock::now()).count();
    if (left <= 0) throw SocketError("nobody connected to " + address_.to_string(), 0);
    pollfd waiting{fd_.get(), POLLIN, 0};
    ::poll(&waiting, 1, static_cast<int>(left));
  }
}

DeadPort::DeadPort(const base::Address& address)
    : fd_(bound_socket(address)), address_(real_address(fd_.get())) {}

DeafListener::DeafListener() : listener_(address_of("127.0.0.1:0"), 0) {
  // A queue of length 0 holds one connection, and every later SYN is dropped.
  fillers_.push_back(Socket::connect(listener_.address()));
}

Listener& DeafListener::open() {
  listener_.listen(4096);
  for (std::size_t i = 0; i < fillers_.size(); ++i) listener_.accept().close();
  fillers_.clear();
  return listener_;
}

}  // namespace weir::test
