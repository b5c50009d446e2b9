#include "net/socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <functional>
#include <limits>
#include <utility>

#include "base/assert.h"

namespace weir::net {

using base::Address;
using base::failure;
using base::Result;
using base::UniqueFd;

namespace {

bool set_option(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

// Zero when all took.
int set_tcp_options(int fd, const TcpOptions& options) {
  if (!set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) || !set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1))
    return errno;
  return set_liveness(fd, options);
}

int defer_seconds(const ListenOptions& options) {
  return options.defer_accept ? std::max(1, static_cast<int>(options.defer_accept->count())) : 0;
}

// The kernel cuts it to somaxconn; more than an int holds is more than that.
int fast_open_length(const ListenOptions& options) {
  const unsigned most = std::numeric_limits<int>::max();
  return static_cast<int>(std::min(options.fast_open, most));
}

// Of a socket that will listen. Zero when all took.
int set_listen_options(int fd, const ListenOptions& options) {
  const int seconds = defer_seconds(options);
  if (seconds > 0 && !set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, seconds)) return errno;
  const int length = fast_open_length(options);
  if (length > 0 && !set_option(fd, IPPROTO_TCP, TCP_FASTOPEN, length)) return errno;
  return set_tcp_options(fd, options.tcp);
}

// Of one that listens, with whatever options. Zero when all took.
int change_listen_options(int fd, const ListenOptions& options) {
  if (!set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, defer_seconds(options))) return errno;
  if (!set_option(fd, IPPROTO_TCP, TCP_FASTOPEN, fast_open_length(options))) return errno;
  if (options.shared && !set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return errno;
  return change_tcp_options(fd, options.tcp);
}

UniqueFd new_socket(int family) {
  return UniqueFd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

int bind_to(int fd, const Address& address) {
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) == 0 ? 0 : errno;
}

tl::unexpected<base::Error> bind_failure(const Address& address, int error) {
  if (error == EADDRINUSE) {
    return failure(
        {base::ErrorSide::kSystem,
         "bind " + address.to_string() +
             ": address already in use. Another process listens there; `ss -ltnp` (`ss -lxp` for unix "
             "sockets) names it"});
  }
  if (error == EACCES && address.is_ip()) {
    return failure(
        {base::ErrorSide::kSystem, "bind " + address.to_string() +
                                       ": permission denied. Ports below net.ipv4.ip_unprivileged_port_start "
                                       "need CAP_NET_BIND_SERVICE: "
                                       "start as root with `user` set, or use a higher port"});
  }
  if (error == EADDRNOTAVAIL) {
    return failure(
        {base::ErrorSide::kSystem, "bind " + address.to_string() + ": this host has no such address"});
  }
  return failure(base::system_error("bind " + address.to_string(), error));
}

// A unix socket that nobody answers on is a leftover of a process that died. Anything else stays.
Result<void> remove_stale_socket(const Address& address) {
  struct stat status {};
  if (::lstat(address.path().c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return failure(
        {base::ErrorSide::kSystem, "bind " + address.to_string() +
                                       ": a file that is not a socket is in the way; move it or choose "
                                       "another path"});
  }
  const Connecting probe = start_connect(address, {});
  if (probe.error == ENOENT) return {};  // it has gone meanwhile
  if (probe.error == EACCES || probe.error == EPERM || is_own_shortage(probe.error)) {
    return failure(
        base::system_error("ask whether the socket " + address.path() + " is in use", probe.error));
  }
  if (probe.error != ECONNREFUSED) return bind_failure(address, EADDRINUSE);
  if (::unlink(address.path().c_str()) != 0) {
    return failure(base::system_error("remove the stale socket " + address.path(), errno));
  }
  return {};
}

// Held while a unix socket is put in its place: two processes that start at once must not take each other's
// socket, which nobody answers on between bind(2) and listen(2), for a stale one. A name in the abstract
// namespace goes with the process and leaves no file, unix(7).
Result<UniqueFd> lock_path(const std::string& path) {
  UniqueFd lock = new_socket(AF_UNIX);
  if (!lock) return failure(base::system_error("socket", errno));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string text = fmt::format("weir-bind-{:016x}", std::hash<std::string>{}(path));
  text.copy(name.sun_path + 1, sizeof(name.sun_path) - 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  if (::bind(lock.get(), reinterpret_cast<const sockaddr*>(&name), length) != 0) {
    return failure(
        {base::ErrorSide::kSystem, "bind unix:" + path + ": another process is opening it right now"});
  }
  return lock;
}

Result<UniqueFd> listen_unix(const Address& address, const ListenOptions& options) {
  const auto lock = lock_path(address.path());
  if (!lock) return failure(lock.error());
  if (auto removed = remove_stale_socket(address); !removed) return failure(std::move(removed.error()));
  UniqueFd fd = new_socket(AF_UNIX);
  if (!fd) return failure(base::system_error("socket", errno));
  if (const int error = bind_to(fd.get(), address)) return bind_failure(address, error);
  // Nobody can connect before listen(2), so the mode is right from the first client on.
  const bool has_mode = !options.socket_mode || ::chmod(address.path().c_str(), *options.socket_mode) == 0;
  if (has_mode && ::listen(fd.get(), options.backlog) == 0) return fd;
  base::Error error = base::system_error((has_mode ? "listen on " : "chmod ") + address.path(), errno);
  ::unlink(address.path().c_str());
  return failure(std::move(error));
}

enum class Sharing { kFirst, kJoin, kBindOnly };

Result<UniqueFd> listen_tcp(const Address& address, const ListenOptions& options, Sharing sharing) {
  UniqueFd fd = new_socket(address.family());
  if (!fd) return failure(base::system_error("socket", errno));
  const bool ready = set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1) &&
                     (address.family() != AF_INET6 ||
                      set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.v6only ? 1 : 0)) &&
                     (sharing == Sharing::kFirst || set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1));
  if (!ready) return failure(base::system_error("socket options for " + address.to_string(), errno));
  if (const int error = set_listen_options(fd.get(), options)) {
    return failure(base::system_error("socket options for " + address.to_string(), error));
  }
  if (const int error = bind_to(fd.get(), address)) return bind_failure(address, error);
  if (sharing == Sharing::kFirst && options.shared && !set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) {
    return failure(base::system_error("SO_REUSEPORT on " + address.to_string(), errno));
  }
  if (sharing != Sharing::kBindOnly && ::listen(fd.get(), options.backlog) != 0) {
    return bind_failure(address, errno);
  }
  return fd;
}

}  // namespace

Result<UniqueFd> listen_on(const Address& address, const ListenOptions& options) {
  return address.is_unix() ? listen_unix(address, options) : listen_tcp(address, options, Sharing::kFirst);
}

Result<UniqueFd> join(const Address& address, const ListenOptions& options) {
  WEIR_ASSERT(address.is_ip() && address.port() != 0);
  return listen_tcp(address, options, Sharing::kJoin);
}

Result<UniqueFd> bind_beside(const Address& address, const ListenOptions& options) {
  WEIR_ASSERT(address.is_ip() && address.port() != 0);
  return listen_tcp(address, options, Sharing::kBindOnly);
}

Result<void> change_listening(int fd, const Address& address, const ListenOptions& options) {
  if (address.is_unix() && options.socket_mode &&
      ::chmod(address.path().c_str(), *options.socket_mode) != 0) {
    return failure(base::system_error("chmod " + address.path(), errno));
  }
  if (const int error = address.is_unix() ? 0 : change_listen_options(fd, options)) {
    return failure(base::system_error("socket options for " + address.to_string(), error));
  }
  // Once more: this is how the length of the queue is changed, listen(2).
  if (::listen(fd, options.backlog) != 0) {
    return failure(base::system_error("listen on " + address.to_string(), errno));
  }
  return {};
}

Result<void> share_port(int fd) {
  if (set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return {};
  return failure(base::system_error("SO_REUSEPORT", errno));
}

std::chrono::seconds effective_defer_accept(int fd) {
  int seconds = 0;
  socklen_t length = sizeof(seconds);
  const bool told = ::getsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, &length) == 0;
  return std::chrono::seconds(told ? seconds : 0);
}

Result<Address> local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    return failure(base::system_error("getsockname", errno));
  }
  return Address::from_sockaddr(storage, length);
}

namespace {

// The kernel would cut a name that is too long and take another interface, socket(7).
int bind_to_interface(int fd, const std::string& name) {
  if (name.size() >= IFNAMSIZ) return ENODEV;
  const auto length = static_cast<socklen_t>(name.size());
  return ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.data(), length) == 0 ? 0 : errno;
}

int bind_to_source(int fd, const Address& source, bool transparent) {
  const bool v6 = source.family() == AF_INET6;
  if (transparent && !(v6 ? set_option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
                          : set_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1))) {
    return errno;
  }
  // Sockets of IPv6 too know the former as an option of IPv4.
  const bool ready = source.port() == 0 ? set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                                        : set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  return ready ? bind_to(fd, source) : errno;
}

// Sets where `fd` comes from. The step that failed, and its errno.
std::optional<std::pair<ConnectStep, int>> set_origin(int fd, const ConnectFrom& from) {
  if (!from.interface.empty()) {
    if (const int error = bind_to_interface(fd, from.interface)) {
      return std::pair(ConnectStep::kInterface, error);
    }
  }
  if (from.source) {
    if (const int error = bind_to_source(fd, *from.source, from.transparent)) {
      return std::pair(ConnectStep::kSource, error);
    }
  }
  return std::nullopt;
}

}  // namespace

Connecting start_connect(const Address& address, const TcpOptions& options, const ConnectFrom& from) {
  UniqueFd fd = new_socket(address.family());
  if (!fd) return {UniqueFd(), errno, ConnectStep::kOpen};
  if (address.is_ip()) {
    if (const int error = set_tcp_options(fd.get(), options)) return {UniqueFd(), error, ConnectStep::kOpen};
    if (const auto failed = set_origin(fd.get(), from)) return {UniqueFd(), failed->second, failed->first};
  }
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);
  const int result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length);
  const int error = result == 0 ? 0 : errno;
  // An interrupted connect goes on in the background, connect(2).
  return {std::move(fd), error == EINTR ? EINPROGRESS : error};
}

int set_liveness(int fd, const TcpOptions& options) {
  if (options.keepalive) {
    const int idle = std::max(1, static_cast<int>(options.keepalive->count() / 1000));
    if (!set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) || !set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle) ||
        !set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, idle / 3))) {
      return errno;
    }
  }
  if (options.user_timeout &&
      !set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(options.user_timeout->count()))) {
    return errno;
  }
  return 0;
}

int change_tcp_options(int fd, const TcpOptions& options) {
  if (!options.keepalive && !set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 0)) return errno;
  if (!options.user_timeout && !set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 0)) return errno;
  return set_tcp_options(fd, options);
}

bool is_silent(int fd) {
  char first = 0;
  return ::recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

int take_error(int fd) {
  int error = 0;
  socklen_t length = sizeof(error);
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

bool connected_to_itself(int fd) {
  sockaddr_storage peer{};
  socklen_t length = sizeof(peer);
  const auto own = local_address(fd);
  return own && ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0 &&
         Address::from_sockaddr(peer, length) == *own;
}

namespace {

// The connection's state, the first byte of tcp_info, is "closed". False for other sockets.
bool is_closed(int fd) {
  std::uint8_t state = 0;
  socklen_t length = sizeof(state);
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length) == 0 && state == TCP_CLOSE;
}

}  // namespace

int unacknowledged_bytes(int fd) {
  int bytes = 0;
  if (::ioctl(fd, SIOCOUTQ, &bytes) != 0 || bytes == 0) return 0;
  // Of a connection that was reset TCP goes on telling what will never be acknowledged any more.
  return is_closed(fd) ? 0 : bytes;
}

int unread_bytes(int fd) {
  int bytes = 0;
  return ::ioctl(fd, SIOCINQ, &bytes) == 0 ? bytes : 0;
}

base::Millis silence_of(int fd) {
  tcp_info info{};
  socklen_t length = sizeof(info);
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return base::Millis(0);
  return base::Millis(std::min(info.tcpi_last_ack_recv, info.tcpi_last_data_recv));
}

bool means_no_answer(int error) {
  // EPROTO: an ICMP message was about a bad packet, and then no answer came any more (icmp(7)).
  return error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH || error == EPROTO;
}

bool is_own_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

bool has_hung_up(int fd) {
  pollfd asked{fd, 0, 0};
  return ::poll(&asked, 1, 0) > 0;
}

bool is_ready(int fd, Interest interest) {
  if (interest == Interest::kNone) return false;
  pollfd asked{
      fd, static_cast<short>((asks_to_read(interest) ? POLLIN : 0) | (asks_to_write(interest) ? POLLOUT : 0)),
      0};
  return ::poll(&asked, 1, 0) > 0;
}

void abort_connection(UniqueFd& fd) {
  if (!fd) return;
  const linger at_once{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  fd.reset();
}

void end_connection(UniqueFd& fd) {
  if (!fd) return;
  char away[4096];
  for (int i = 0; i < 16 && ::recv(fd.get(), away, sizeof(away), MSG_DONTWAIT) == sizeof(away); ++i) {
  }
  fd.reset();
}

int somaxconn() {
  std::ifstream file("/proc/sys/net/core/somaxconn");
  int value = 0;
  return file >> value && value > 0 ? value : 4096;
}

}  // namespace weir::net
