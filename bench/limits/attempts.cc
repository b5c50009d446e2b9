#include "limits/attempts.h"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace weir::limits {
namespace {

constexpr std::size_t kMostDescriptors = 1u << 20;

// A close that sends a reset and leaves nothing behind, socket(7).
void reset_when_closed(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

bool is_connected(int fd) {
  tcp_info info{};
  socklen_t length = sizeof(info);
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 && info.tcpi_state == TCP_ESTABLISHED;
}

}  // namespace

base::Result<Attempts> Attempts::create(const base::Address& target, const Clients& clients,
                                        base::Millis patience) {
  base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return base::failure(base::system_error("epoll_create1", errno));
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return Attempts(target, clients, patience, std::move(epoll),
                  std::min<std::size_t>(limit.rlim_cur, kMostDescriptors));
}

Attempts::Attempts(const base::Address& target, const Clients& clients, base::Millis patience,
                   base::UniqueFd epoll, std::size_t descriptors)
    : target_length_(target.to_sockaddr(target_)),
      patience_(patience),
      epoll_(std::move(epoll)),
      connections_(descriptors) {
  const std::uint32_t first = ntohl(clients.first.ipv4_host().s_addr);
  for (int i = 0; i < clients.count; ++i) {
    sockaddr_in client{};
    client.sin_family = AF_INET;
    client.sin_addr.s_addr = htonl(first + static_cast<std::uint32_t>(i));
    clients_.push_back(client);
  }
  tally_.kept.resize(clients_.size());
  tally_.most_kept.resize(clients_.size());
  count_anew();
}

Attempts::~Attempts() {
  for (std::size_t fd = 0; fd < connections_.size(); ++fd) {
    if (connections_[fd].state != State::kNone) close(static_cast<int>(fd), connections_[fd]);
  }
}

void Attempts::count_anew() {
  Tally fresh;
  fresh.kept = tally_.kept;
  fresh.most_kept = tally_.kept;
  tally_ = std::move(fresh);
  counted_since_ = base::precise_now();
}

// An empty descriptor when it could not be begun.
base::UniqueFd Attempts::connect_from_next() {
  ++tally_.offered;
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr_in& client = clients_[next_client_];
  const int on = 1;
  // The port is chosen by the connect, when the whole pair of addresses is known, ip(7).
  const bool begun = fd &&
                     ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) == 0 &&
                     ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&client), sizeof(client)) == 0 &&
                     (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&target_), target_length_) == 0 ||
                      errno == EINPROGRESS);
  if (begun) return fd;
  ++tally_.failed;
  return {};
}

void Attempts::begin() {
  base::UniqueFd fd = connect_from_next();
  const std::uint32_t client = next_client_;
  next_client_ = (next_client_ + 1) % static_cast<std::uint32_t>(clients_.size());
  if (!fd) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd.get();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
    ++tally_.failed;
    return;
  }
  ++under_way_;
  ++number_;
  deadlines_.push_back({base::precise_now() + patience_, fd.get(), number_});
  connections_[static_cast<std::size_t>(fd.get())] = {State::kUnderWay, client, number_};
  static_cast<void>(fd.release());
}

void Attempts::begin_and_abandon() {
  const base::UniqueFd fd = connect_from_next();
  next_client_ = (next_client_ + 1) % static_cast<std::uint32_t>(clients_.size());
  if (fd) ++tally_.abandoned;
}

void Attempts::wait(base::Millis most) {
  std::array<epoll_event, 256> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(most.count()));
  for (int i = 0; i < count; ++i) on_ready(events[static_cast<std::size_t>(i)].data.fd);
  expire();
}

void Attempts::finish() {
  while (under_way_ > 0) wait(base::Millis(10));
}

void Attempts::on_ready(int fd) {
  Connection& connection = connections_[static_cast<std::size_t>(fd)];
  char byte = 0;
  const ssize_t n = ::recv(fd, &byte, 1, 0);
  const int error = n < 0 ? errno : 0;
  if (error == EAGAIN || error == EINTR) return;
  if (connection.state == State::kKept) {
    if (n <= 0) on_end(fd, connection, tally_.lost);
  } else if (n > 0) {
    on_byte(fd, connection);
  } else if (n == 0) {
    on_end(fd, connection, tally_.closed);
  } else {
    on_end(fd, connection, error == ECONNREFUSED ? tally_.failed : tally_.reset);
  }
}

void Attempts::on_byte(int fd, Connection& connection) {
  ++tally_.served;
  const auto slice = static_cast<std::size_t>((base::precise_now() - counted_since_) / Tally::kSlice);
  if (slice >= tally_.served_in.size()) tally_.served_in.resize(slice + 1);
  ++tally_.served_in[slice];
  if (when_served_ == Served::kClose) return close(fd, connection);
  --under_way_;
  connection.state = State::kKept;
  std::uint32_t& kept = tally_.kept[connection.client];
  ++kept;
  tally_.most_kept[connection.client] = std::max(tally_.most_kept[connection.client], kept);
}

void Attempts::on_end(int fd, Connection& connection, std::uint64_t& count) {
  ++count;
  close(fd, connection);
}

void Attempts::expire() {
  const base::TimePoint now = base::precise_now();
  for (; !deadlines_.empty() && deadlines_.front().at <= now; deadlines_.pop_front()) {
    const auto [at, fd, number] = deadlines_.front();
    Connection& connection = connections_[static_cast<std::size_t>(fd)];
    if (connection.state != State::kUnderWay || connection.number != number) continue;
    on_end(fd, connection, is_connected(fd) ? tally_.unserved : tally_.silent);
  }
}

void Attempts::close(int fd, Connection& connection) {
  if (connection.state == State::kKept) {
    --tally_.kept[connection.client];
  } else {
    --under_way_;
  }
  connection.state = State::kNone;
  reset_when_closed(fd);
  ::close(fd);
}

}  // namespace weir::limits
