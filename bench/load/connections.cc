#include "load/connections.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

namespace weir::load {
namespace {

constexpr std::size_t kBuffer = 256 << 10;
constexpr std::uint32_t kResponder = ~std::uint32_t{0};  // in an event, instead of a connection
// At each tick it is looked who has waited too long, and who may read on.
constexpr base::Millis kTick{1000 / kTicksPerSecond};
constexpr base::Millis kEnding{5'000};

timespec to_timespec(std::chrono::nanoseconds time) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  return {seconds.count(), (time - seconds).count()};
}

}  // namespace

base::Result<Connections> Connections::create(const Clients& clients) {
  base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return base::failure(base::system_error("epoll_create1", errno));
  std::unique_ptr<TlsClient> tls;
  if (clients.tls) {
    auto made = TlsClient::create(*clients.tls);
    if (!made) return base::failure(made.error());
    tls = std::move(*made);
  }
  return Connections(clients, std::move(epoll), std::move(tls));
}

Connections::Connections(const Clients& clients, base::UniqueFd epoll, std::unique_ptr<TlsClient> tls)
    : clients_(clients),
      request_(fmt::format("GET {} HTTP/1.1\r\nHost: bench\r\n{}\r\n", clients.path,
                           clients.is_one_request_each ? "Connection: close\r\n" : "")),
      again_(request_.size()),
      epoll_(std::move(epoll)),
      tls_(std::move(tls)),
      connections_(clients.connections),
      buffer_(kBuffer) {
  if (clients.says_hello) request_.insert(0, client_hello());
  for (std::uint32_t at = 0; at < clients.connections; ++at) free_.push_back(at);
}

base::Result<void> Connections::answer_by(Responder& responder) {
  responder_ = &responder;
  epoll_event event{EPOLLIN, {.u32 = kResponder}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, responder.fd(), &event) != 0)
    return base::failure(base::system_error("epoll_ctl", errno));
  return {};
}

void Connections::ask(base::TimePoint due) {
  if (free_.empty()) return waiting_.push_back(due);
  const std::uint32_t at = free_.front();
  free_.pop_front();
  begin(at, due);
}

void Connections::begin(std::uint32_t at, base::TimePoint due) {
  Connection& connection = connections_[at];
  connection.due = due;
  connection.asked = base::precise_now();
  connection.answer.begin_anew();
  connection.is_answered = false;
  connection.is_busy = true;
  connection.to_send = connection.fd ? again_ : request_.size();
  connection.waits_to_send = false;
  if (!connection.fd && !open(at)) return fail(at, tally_.connect_errors);
  send(at);
}

bool Connections::open(std::uint32_t at) {
  base::UniqueFd& fd = connections_[at].fd;
  fd = base::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (clients_.addresses > 0) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(ntohl(clients_.first_address.ipv4_host().s_addr) + next_address_);
    next_address_ = (next_address_ + 1) % clients_.addresses;
    // The port is chosen by the connect, when the whole pair of addresses is known, ip(7).
    ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof(from)) != 0) return false;
  }
  sockaddr_storage to{};
  const socklen_t length = clients_.target.to_sockaddr(to);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), length) != 0 && errno != EINPROGRESS)
    return false;
  if (tls_ != nullptr) {
    connections_[at].resumes = tls_->resumes();
    connections_[at].ssl = tls_->connect(fd.get());
    if (!connections_[at].ssl) return false;
  }
  watch(at, EPOLLIN, EPOLL_CTL_ADD);
  return true;
}

ssize_t Connections::write(Connection& connection) {
  const char* data = request_.data() + (request_.size() - connection.to_send);
  if (connection.ssl) return write_tls(connection.ssl.get(), data, connection.to_send);
  return ::send(connection.fd.get(), data, connection.to_send, MSG_NOSIGNAL);
}

// On loopback a connect has mostly come to its end when it returns, so that there is nothing to wait for.
void Connections::send(std::uint32_t at) {
  Connection& connection = connections_[at];
  const ssize_t sent = write(connection);
  if (sent < 0 && errno != EAGAIN) return fail(at, tally_.connect_errors);
  if (sent > 0 && connection.resumes && SSL_session_reused(connection.ssl.get()) != 1)
    return fail(at, tally_.read_errors);
  connection.to_send -= static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
  const bool waits = connection.to_send > 0 && !(connection.ssl && SSL_want_read(connection.ssl.get()));
  if (waits == connection.waits_to_send) return;
  connection.waits_to_send = waits;
  watch(at, waits ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

void Connections::wait(std::chrono::nanoseconds most) {
  std::array<epoll_event, 512> events;
  const timespec time =
      to_timespec(std::clamp<std::chrono::nanoseconds>(most, std::chrono::nanoseconds(0), kTick));
  const int count =
      ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &time, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.u32 == kResponder) {
      responder_->answer(base::Millis(0));
      continue;
    }
    if (connections_[event.data.u32].waits_to_send && (event.events & EPOLLOUT) != 0) send(event.data.u32);
    if (event.events != EPOLLOUT) on_ready(event.data.u32);
  }
  on_tick();
  while (!waiting_.empty() && !free_.empty()) {
    const base::TimePoint due = waiting_.front();
    waiting_.pop_front();
    ask(due);
  }
}

void Connections::drain() {
  count(false);
  tally_.unanswered += waiting_.size();
  waiting_.clear();
  const base::TimePoint latest = base::precise_now() + kEnding;
  while (unanswered() > 0 && base::precise_now() < latest) wait(kTick);
  tally_.unanswered += unanswered();
}

void Connections::watch_received() {
  for (Connection& one : connections_) one.received = 0;
  ticks_ = 0;
}

void Connections::count_starved() {
  // What the last tick allows has not been read yet.
  const std::size_t offered = ticks_ > 0 ? (ticks_ - 1) * clients_.bytes_per_tick : 0;
  for (const Connection& one : connections_) {
    if (one.received < offered / 2) ++tally_.unanswered;
  }
}

void Connections::close() {
  const base::TimePoint latest = base::precise_now() + kEnding;
  for (Connection& connection : connections_) end(connection);
  resting_.clear();
  while (responder_ != nullptr && responder_->open() > 0 && base::precise_now() < latest) {
    responder_->answer(base::Millis(1));
  }
}

std::size_t Connections::lost() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(connections_, [](const Connection& one) { return !one.fd; }));
}

void Connections::on_ready(std::uint32_t at) {
  Connection& connection = connections_[at];
  // The handshake goes on with what has come.
  if (connection.ssl && connection.to_send > 0) send(at);
  // What TLS has read ahead makes no socket readable.
  while (connection.fd && read(at) && connection.ssl && connection.is_busy) continue;
}

bool Connections::read(std::uint32_t at) {
  Connection& connection = connections_[at];
  const std::uint64_t unseen = clients_.discards && !connection.ssl ? connection.answer.missing() : 0;
  const std::size_t most = clients_.bytes_per_tick > 0 ? clients_.bytes_per_tick - connection.read_in_tick
                                                       : std::numeric_limits<std::size_t>::max();
  if (most == 0) return rest(at), false;
  const std::size_t room = std::min(buffer_.size(), most);
  const ssize_t got =
      connection.ssl ? read_tls(connection.ssl.get(), buffer_.data(), room)
      : unseen > 0   ? ::recv(connection.fd.get(), nullptr, std::min<std::uint64_t>(unseen, most), MSG_TRUNC)
                     : ::recv(connection.fd.get(), buffer_.data(), room, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  // A connection that nobody uses may end, and say nothing.
  if (!connection.is_busy) {
    if (got > 0) ++tally_.read_errors;
    return end(connection), false;
  }
  if (got <= 0) {
    if (connection.is_answered && got == 0) return done(at), false;
    return fail(at, connection.to_send > 0 ? tally_.connect_errors : tally_.read_errors), false;
  }
  const auto bytes = static_cast<std::size_t>(got);
  if (counts_bytes_) tally_.bytes += bytes;
  connection.received += bytes;
  connection.read_in_tick += bytes;
  switch (unseen > 0 ? connection.answer.skip(bytes) : connection.answer.take({buffer_.data(), bytes})) {
    case Answer::Is::kPart:
      break;
    case Answer::Is::kWhole:
      on_answer(at);
      break;
    case Answer::Is::kFaulty:
      fail(at, tally_.read_errors);
      break;
  }
  return true;
}

void Connections::on_answer(std::uint32_t at) {
  Connection& connection = connections_[at];
  if (connection.answer.status() != 200) return fail(at, tally_.status_errors);
  if (counts(connection)) {
    ++tally_.requests;
    tally_.latency.record(base::precise_now() - connection.due);
  }
  if (!clients_.is_one_request_each) return done(at);
  // It is whole only when its end has come too.
  connection.is_answered = true;
}

void Connections::fail(std::uint32_t at, std::uint64_t& count) {
  ++count;
  end(connections_[at]);
  done(at);
}

void Connections::done(std::uint32_t at) {
  Connection& connection = connections_[at];
  connection.is_busy = false;
  if (clients_.is_one_request_each) end(connection);
  free_.push_back(at);
}

void Connections::end(Connection& connection) {
  // Where the handshake is over the server is told, as clients do.
  if (connection.ssl && SSL_is_init_finished(connection.ssl.get()) == 1) SSL_shutdown(connection.ssl.get());
  connection.ssl.reset();
  connection.fd.reset();
}

void Connections::watch(std::uint32_t at, std::uint32_t events, int operation) {
  epoll_event event{events, {.u32 = at}};
  ::epoll_ctl(epoll_.get(), operation, connections_[at].fd.get(), &event);
}

void Connections::rest(std::uint32_t at) {
  watch(at, 0, EPOLL_CTL_MOD);
  resting_.push_back(at);
}

void Connections::on_tick() {
  const base::TimePoint now = base::coarse_now();
  if (now < next_tick_) return;
  next_tick_ = now + kTick;
  ++ticks_;
  for (std::uint32_t at = 0; at < connections_.size(); ++at) {
    connections_[at].read_in_tick = 0;
    if (connections_[at].is_busy && now > connections_[at].asked + clients_.patience)
      fail(at, tally_.timeouts);
  }
  for (const std::uint32_t at : std::exchange(resting_, {}))
    watch(at, connections_[at].waits_to_send ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

}  // namespace weir::load
