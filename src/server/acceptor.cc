#include "server/acceptor.h"

#include <sys/socket.h>

#include <cerrno>

#include "net/socket.h"

namespace weir::server {
namespace {

using admission::Refusal;

// Connections taken in one turn of the loop; the rest waits in the kernel's queue while sessions are served.
constexpr int kBatch = 64;
// What can have been waiting when accepting ends, on any kernel's usual settings; more are newcomers.
constexpr int kMostQueued = 65536;

// How long to wait for descriptors or memory to come back.
constexpr base::Millis kShortagePause{100};

}  // namespace

Acceptor::Acceptor(net::EventLoop& loop, Owner& owner, Rules rules, base::UniqueFd fd, std::size_t listener,
                   session::ListenerCounters& counters)
    : owner_(owner), rules_(rules), fd_(std::move(fd)), listener_(listener), counters_(counters) {
  watch_.bind<&Acceptor::on_ready>(loop, fd_.get(), this);
  retry_.bind<&Acceptor::resume>(loop, this);
}

void Acceptor::resume() {
  if (!fd_) return;
  retry_.stop();
  if (!watch_.want(net::Interest::kRead)) retry_.start(kShortagePause);
}

void Acceptor::drain() {
  draining_ = true;
  for (int i = 0; fd_ && i < kMostQueued && accept_one() == Step::kAgain; ++i) {
  }
  watch_.stop();
  retry_.stop();
  fd_.reset();
}

void Acceptor::on_ready(net::Ready) {
  for (int i = 0; i < kBatch; ++i) {
    if (accept_one() == Step::kDone) return;
  }
}

Acceptor::Step Acceptor::accept_one() {
  const bool waits = rules_.when_full == config::WhenFull::kWait && !draining_;
  admission::Permit permit = waits ? rules_.slots.acquire_or_ask() : rules_.slots.try_acquire();
  if (!permit && waits) return out_of_permits();
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  base::UniqueFd client(
      ::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client) return accept_failed(errno);
  if (!permit) {
    counters_.refused[static_cast<std::size_t>(Refusal::kProcessConnections)].add();
    net::abort_connection(client);
    return Step::kAgain;
  }
  owner_.accepted(
      {std::move(client), base::Address::from_sockaddr(storage, length).unmapped(), std::move(permit)},
      listener_);
  return Step::kAgain;
}

// Whoever gives a permit back wakes every worker that waits for one, and the worker calls `resume`.
Acceptor::Step Acceptor::out_of_permits() {
  pause(Refusal::kProcessConnections);
  return Step::kDone;
}

Acceptor::Step Acceptor::accept_failed(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      pause(Refusal::kNoDescriptors);
      retry_.start(kShortagePause);
      return Step::kDone;
    case EAGAIN:
      return Step::kDone;
    // The rest are faults of the one connection that was to be taken, accept(2): it is gone, the next may be
    // sound.
    default:
      return Step::kAgain;
  }
}

void Acceptor::pause(Refusal reason) {
  watch_.stop();
  counters_.paused[static_cast<std::size_t>(reason)].add();
}

}  // namespace weir::server
