#include "load/responder.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

namespace weir::load {
namespace {

constexpr int kBacklog = 4096;
constexpr std::string_view kLoopback = "lo";
constexpr std::string_view kEndOfRequest = "\r\n\r\n";
constexpr std::string_view kAsksToClose = "\r\nConnection: close\r\n";
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n";
constexpr std::string_view kLastAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

// This thread is in another network namespace while it lives; sockets stay where they were made.
class Elsewhere {
 public:
  explicit Elsewhere(const std::string& path) {
    if (path.empty()) return;
    home_ = base::UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    const base::UniqueFd there(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!home_ || !there || ::setns(there.get(), CLONE_NEWNET) != 0) error_ = errno;
  }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;
  ~Elsewhere() {
    if (home_) ::setns(home_.get(), CLONE_NEWNET);
  }
  int error() const { return error_; }

 private:
  base::UniqueFd home_;
  int error_ = 0;
};

}  // namespace

base::Result<Responder> Responder::create(const std::vector<base::Address>& addresses,
                                          const std::string& network_namespace) {
  base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return base::failure(base::system_error("epoll_create1", errno));
  Responder responder(std::move(epoll));
  const Elsewhere elsewhere(network_namespace);
  if (elsewhere.error() != 0)
    return base::failure(base::system_error("cannot enter " + network_namespace, elsewhere.error()));
  for (const base::Address& address : addresses) {
    if (auto listening = responder.listen_at(address); !listening) return base::failure(listening.error());
  }
  return responder;
}

base::Result<void> Responder::listen_at(const base::Address& address) {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_storage at{};
  const socklen_t length = address.to_sockaddr(at);
  const int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      (address.ipv4_host().s_addr == INADDR_ANY &&
       ::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, kLoopback.data(), kLoopback.size()) != 0) ||
      ::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), length) != 0 || ::listen(fd.get(), kBacklog) != 0 ||
      !watch(fd.get()))
    return base::failure(base::system_error("cannot answer at " + address.to_string(), errno));
  listening_.push_back(std::move(fd));
  return {};
}

bool Responder::watch(int fd) {
  epoll_event event{EPOLLIN, {.fd = fd}};
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool Responder::is_listening(int fd) const {
  return std::any_of(listening_.begin(), listening_.end(),
                     [fd](const base::UniqueFd& one) { return one.get() == fd; });
}

void Responder::answer(base::Millis most) {
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(most.count()));
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    if (is_listening(fd)) {
      accept(fd);
    } else {
      read(fd);
    }
  }
}

void Responder::accept(int listening) {
  // As many as wait: a queue that overflows here would be the proxy's loss.
  for (;;) {
    base::UniqueFd client(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client || !watch(client.get())) return;
    const auto at = static_cast<std::size_t>(client.release());
    ++open_;
    if (parts_.size() <= at) parts_.resize(at + 1);
  }
}

void Responder::read(int fd) {
  const ssize_t got = ::recv(fd, buffer_.data(), buffer_.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return close(fd);
  std::string& part = parts_[static_cast<std::size_t>(fd)];
  std::string_view request(buffer_.data(), static_cast<std::size_t>(got));
  // Nearly every request comes in one piece.
  if (!part.empty()) request = part.append(request);
  if (!request.ends_with(kEndOfRequest)) {
    if (part.empty()) part = request;
    return;
  }
  const bool is_last = request.find(kAsksToClose) != std::string_view::npos;
  const std::string_view answer = is_last ? kLastAnswer : kAnswer;
  part.clear();
  if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0 || is_last) close(fd);
}

void Responder::close(int fd) {
  parts_[static_cast<std::size_t>(fd)].clear();
  --open_;
  ::close(fd);
}

}  // namespace weir::load
