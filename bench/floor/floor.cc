// The floor: a TCP proxy with nothing to it, one thread, one epoll, one buffer. It has no timeouts, no
// limits, no log and no second try, and knows nothing of its backends: what a proxy in user space costs at
// the least. usage: floor WORKERS IPV4:PORT BACKEND...
//   Relays each connection to one of the backends, in turn, until it is ended by a signal.
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/unique_fd.h"

namespace {

using weir::base::Address;
using weir::base::UniqueFd;

struct Side {
  UniqueFd fd;
  bool has_ended = false;     // nothing more comes from it
  std::uint32_t watched = 0;  // what epoll tells of it
  std::string owed;           // what it could not take yet; meanwhile the other side is not read
};

struct Session {
  Side sides[2];  // the client's, the backend's
};

class Floor {
 public:
  Floor(UniqueFd listening, std::vector<Address> backends)
      : listening_(std::move(listening)), backends_(std::move(backends)) {
    epoll_event event{EPOLLIN, {nullptr}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listening_.get(), &event);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        // The lowest bit of a session's address tells the side.
        const auto word = events[static_cast<std::size_t>(i)].data.u64;
        auto* session = reinterpret_cast<Session*>(word & ~std::uint64_t{1});
        if (session == nullptr) {
          accept();
        } else if (session->sides[0].fd) {
          on_ready(*session, word & 1, events[static_cast<std::size_t>(i)].events);
        }
      }
      over_.clear();
    }
  }

 private:
  void accept() {
    UniqueFd client(::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK));
    UniqueFd backend(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    sockaddr_storage to{};
    const socklen_t length = backends_[next_++ % backends_.size()].to_sockaddr(to);
    if (!client || !backend) return;
    if (::connect(backend.get(), reinterpret_cast<sockaddr*>(&to), length) != 0 && errno != EINPROGRESS)
      return;
    auto* session = new Session;
    session->sides[0].fd = std::move(client);
    session->sides[1].fd = std::move(backend);
    watch(*session, 0, EPOLL_CTL_ADD);
    watch(*session, 1, EPOLL_CTL_ADD);
  }

  void on_ready(Session& session, std::size_t at, std::uint32_t events) {
    Side& side = session.sides[at];
    if ((events & EPOLLOUT) != 0) give(session, at, std::exchange(side.owed, {}));
    // While the other one cannot take it, nothing is read. An error that comes meanwhile ends both.
    if (!side.fd || events == EPOLLOUT) return;
    if (session.sides[1 - at].owed.empty()) return take(session, at);
    if ((events & EPOLLERR) != 0) end(session);
  }

  void take(Session& session, std::size_t from) {
    Side& side = session.sides[from];
    const ssize_t got = ::recv(side.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (got > 0) return give(session, 1 - from, {buffer_.data(), static_cast<std::size_t>(got)});
    if (got < 0 && errno == EAGAIN) return;
    side.has_ended = true;
    if (got < 0 || session.sides[1 - from].has_ended) return end(session);
    ::shutdown(session.sides[1 - from].fd.get(), SHUT_WR);
    watch(session, from);
  }

  void give(Session& session, std::size_t to, std::string_view data) {
    Side& side = session.sides[to];
    const ssize_t sent = ::send(side.fd.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return end(session);
    data.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    if (!data.empty()) side.owed = data;
    watch(session, to);
    watch(session, 1 - to);
  }

  void watch(Session& session, std::size_t at, int operation = EPOLL_CTL_MOD) {
    Side& side = session.sides[at];
    const bool is_read = !side.has_ended && session.sides[1 - at].owed.empty();
    const std::uint32_t wanted = (is_read ? EPOLLIN : 0u) | (side.owed.empty() ? 0u : EPOLLOUT);
    if (operation == EPOLL_CTL_MOD && wanted == side.watched) return;
    side.watched = wanted;
    epoll_event event{wanted, {.u64 = reinterpret_cast<std::uint64_t>(&session) | at}};
    ::epoll_ctl(epoll_.get(), operation, side.fd.get(), &event);
  }

  // This turn's events may still speak of it.
  void end(Session& session) {
    for (Side& side : session.sides) side.fd.reset();
    over_.emplace_back(&session);
  }

  const UniqueFd epoll_{::epoll_create1(0)};
  const UniqueFd listening_;
  const std::vector<Address> backends_;
  std::size_t next_ = 0;
  std::vector<std::unique_ptr<Session>> over_;
  std::array<char, 1 << 16> buffer_;
};

UniqueFd listen_at(const Address& address) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
  sockaddr_storage at{};
  const socklen_t length = address.to_sockaddr(at);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&at), length) != 0 || ::listen(fd.get(), 4096) != 0)
    fd.reset();
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Address> addresses;
  for (int i = 2; i < argc; ++i) {
    const auto address = weir::base::parse_address(argv[i]);
    if (address && address->family() == AF_INET) addresses.push_back(*address);
  }
  const int workers = argc > 1 ? std::atoi(argv[1]) : 0;
  if (workers < 1 || workers > 64 || addresses.size() < 2 ||
      addresses.size() + 2 != static_cast<std::size_t>(argc)) {
    std::fprintf(stderr, "usage: floor WORKERS IPV4:PORT BACKEND...\n");
    return 2;
  }
  for (int i = 1; i < workers; ++i) {
    if (::fork() != 0) continue;
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    break;
  }
  UniqueFd listening = listen_at(addresses.front());
  if (!listening) {
    std::perror("floor: cannot listen");
    return 1;
  }
  Floor(std::move(listening), {addresses.begin() + 1, addresses.end()}).run();
}
