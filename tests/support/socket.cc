#include "support/socket.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace weir::test {

SocketError::SocketError(const std::string& what, int error)
    : std::runtime_error(error == 0 ? what : what + ": " + std::strerror(error)), error_(error) {}

std::string_view word(Ended ended) {
  switch (ended) {
    case Ended::kNot:
      return "not ended";
    case Ended::kEndOfStream:
      return "end of stream";
    case Ended::kReset:
      return "reset";
    case Ended::kTimedOut:
      return "timed out";
  }
  return "?";
}

int Socket::try_connect(const base::Address& target, Socket& socket, const Options& options) {
  base::UniqueFd fd(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return errno;
  if (options.receive_buffer) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &*options.receive_buffer, sizeof(int));
  }
  if (options.send_buffer) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &*options.send_buffer, sizeof(int));
  }
  sockaddr_storage storage;
  if (options.source) {
    const int yes = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    const socklen_t length = options.source->to_sockaddr(storage);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) return errno;
  }
  const socklen_t length = target.to_sockaddr(storage);
  socket.fd_ = std::move(fd);
  int error = ::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&storage), length) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    error = ETIMEDOUT;
    socklen_t size = sizeof(error);
    if (socket.wait_for(POLLOUT, Clock::now() + options.patience)) {
      ::getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
  }
  // A SYN that is answered with a reset is ECONNREFUSED, so this one came later.
  socket.was_reset_ = error == ECONNRESET;
  if (socket.was_reset_) return 0;
  if (error != 0) socket.close();
  return error;
}

Socket Socket::connect(const base::Address& target, const Options& options) {
  Socket socket;
  if (const int error = try_connect(target, socket, options)) {
    throw SocketError("connect to " + target.to_string(), error);
  }
  return socket;
}

base::Address Socket::local() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  ::getsockname(fd(), reinterpret_cast<sockaddr*>(&storage), &length);
  return base::Address::from_sockaddr(storage, length);
}

base::Address Socket::peer() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  ::getpeername(fd(), reinterpret_cast<sockaddr*>(&storage), &length);
  return base::Address::from_sockaddr(storage, length);
}

bool Socket::wait_for(short events, Clock::time_point deadline) const {
  while (true) {
    const auto left = std::chrono::ceil<Millis>(deadline - Clock::now()).count();
    pollfd waiting{fd(), events, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) return true;
    if (ready == 0 && left <= 0) return false;
  }
}

std::size_t Socket::try_send(std::string_view bytes, Millis patience) {
  const auto deadline = Clock::now() + patience;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t n = ::send(fd(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      at += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      if (!wait_for(POLLOUT, deadline)) {
        errno = ETIMEDOUT;
        break;
      }
    } else if (errno != EINTR) {
      // Told once: reading will show a plain end.
      if (errno == ECONNRESET) std::atomic_ref<bool>(was_reset_).store(true);
      break;
    }
  }
  return at;
}

void Socket::send_all(std::string_view bytes, Millis patience) {
  if (try_send(bytes, patience) < bytes.size()) throw SocketError("send", errno);
}

Received Socket::receive_some(std::size_t most, Millis patience) {
  const auto deadline = Clock::now() + patience;
  Received received;
  received.bytes.resize(most);
  while (true) {
    const ssize_t n = ::recv(fd(), received.bytes.data(), most, MSG_DONTWAIT);
    if (n > 0) {
      received.bytes.resize(static_cast<std::size_t>(n));
      return received;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN && wait_for(POLLIN, deadline)) continue;
    received.bytes.clear();
    if (n == 0) {
      received.ended = std::atomic_ref<bool>(was_reset_).load() ? Ended::kReset : Ended::kEndOfStream;
    } else if (errno == EAGAIN) {
      received.ended = Ended::kTimedOut;
    } else if (errno == ECONNRESET || errno == EPIPE) {
      received.ended = Ended::kReset;
    } else {
      throw SocketError("receive", errno);
    }
    return received;
  }
}

Received Socket::receive(std::size_t size, Millis patience) {
  const auto deadline = Clock::now() + patience;
  Received all;
  while (all.bytes.size() < size) {
    const auto left = std::max(std::chrono::ceil<Millis>(deadline - Clock::now()), Millis(0));
    Received more = receive_some(std::min<std::size_t>(size - all.bytes.size(), 256 * 1024), left);
    if (more.ended != Ended::kNot) {
      all.ended = more.ended;
      break;
    }
    all.bytes += more.bytes;
  }
  return all;
}

std::string Socket::receive_exactly(std::size_t size, Millis patience) {
  Received received = receive(size, patience);
  if (received.ended != Ended::kNot) {
    throw SocketError("expected " + std::to_string(size) + " bytes, got " +
                          std::to_string(received.bytes.size()) + " and " + std::string(word(received.ended)),
                      0);
  }
  return std::move(received.bytes);
}

Received Socket::receive_until_end(Millis patience) { return receive(SIZE_MAX, patience); }

bool Socket::readable_now() const { return wait_for(POLLIN, Clock::now()); }

void Socket::wait_until_delivered(Millis patience) const {
  const bool delivered = eventually(
      [&] {
        int bytes = 0;
        return ::ioctl(fd(), SIOCOUTQ, &bytes) != 0 || bytes == 0;
      },
      patience);
  if (!delivered) throw SocketError("the peer's host did not confirm what was sent", 0);
}

void Socket::end_stream() {
  if (::shutdown(fd(), SHUT_WR) != 0) throw SocketError("shutdown", errno);
}

void Socket::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close();
}

void Socket::shut() const { ::shutdown(fd(), SHUT_RDWR); }

base::Address address_of(std::string_view text) {
  const auto address = base::parse_address(text);
  if (!address) throw std::runtime_error("not an address: " + std::string(text));
  return *address;
}

}  // namespace weir::test
