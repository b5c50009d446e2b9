#include "server/acceptor.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "net/socket.h"

namespace weir::server {
namespace {

using admission::Refusal;

// Connections taken in one turn of the loop at most; the rest waits in the kernel's queue while sessions are
// served.
constexpr int kBatch = 64;
// After so many batches that have not emptied the queue they are doubled. Before that it may well have been
// the next one who came, and to ask for more than there are costs a call.
constexpr int kPatience = 4;
// It is asked how long the queue is when a batch is of this size, and when it is the largest.
constexpr int kAsksFrom = 8;
// The same while the queue threatens to overflow: what is lost there costs the client a second or more.
constexpr int kLargeBatch = 1024;
// What can have been waiting when accepting ends, on any kernel's usual settings; more are newcomers.
constexpr int kMostQueued = 65536;

// How long to wait for descriptors or memory to come back.
constexpr base::Millis kShortagePause{100};

}  // namespace

Acceptor::Acceptor(net::EventLoop& loop, Owner& owner, Rules rules, Door& door,
                   std::shared_ptr<ListeningSocket> socket)
    : loop_(loop), owner_(owner), rules_(rules), door_(&door), socket_(std::move(socket)) {
  watch_.bind<&Acceptor::on_ready>(loop, socket_->fd(), this);
  retry_.bind<&Acceptor::resume>(loop, this);
}

void Acceptor::resume() {
  if (!socket_->is_open()) return;
  is_paused_ = false;
  retry_.stop();
  if (!watch_.want(net::Interest::kRead)) retry_.start(kShortagePause);
}

void Acceptor::drain() {
  draining_ = true;
  const bool is_ours = socket_->is_open() && !socket_->is_anothers();
  for (int i = 0; is_ours && i < kMostQueued && accept_one() == Step::kAgain; ++i) {
  }
  watch_.stop();
  retry_.stop();
  socket_->close();
}

// Had more been waiting than the last batch took, the loop would have called again by the turn after it.
void Acceptor::note_turn() {
  const bool was_emptied = loop_.turn() > last_turn_ + 1;
  last_turn_ = loop_.turn();
  if (was_emptied) begin_small();
}

void Acceptor::begin_small() {
  batch_ = 1;
  full_batches_ = 0;
}

void Acceptor::on_ready(net::Ready) {
  note_turn();
  for (int i = 0; i < batch_; ++i) {
    if (accept_one() == Step::kDone) return begin_small();
  }
  if (full_batches_ < kPatience) ++full_batches_;
  if (full_batches_ < kPatience) return;
  // It is not newcomers only: is it a queue that is about to overflow?
  if ((batch_ == kAsksFrom || batch_ == kBatch) && many_wait()) return take_large_batch();
  batch_ = std::min(2 * batch_, kBatch);
}

void Acceptor::take_large_batch() {
  door_->counters().large_batches.add();
  for (int i = batch_; i < kLargeBatch; ++i) {
    if (accept_one() == Step::kDone) return;
  }
  batch_ = kBatch;
}

// Whether the queue was more than three quarters full before a batch was taken off it.
bool Acceptor::many_wait() const {
  const auto queue = socket_->queue();
  if (!queue) return false;
  // Of a queue that is shorter than that the batch itself says nothing.
  const unsigned taken = queue->limit > 2 * kBatch ? static_cast<unsigned>(batch_) : 0;
  return (std::uint64_t{queue->depth} + taken) * 4 > std::uint64_t{queue->limit} * 3;
}

Acceptor::Step Acceptor::accept_one() {
  const bool waits = rules_.when_full == config::WhenFull::kWait && !draining_;
  admission::Permit permit;
  if (waits && !(permit = rules_.slots.acquire_or_ask())) return out_of_permits();
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  base::UniqueFd client(
      ::accept4(socket_->fd(), reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!client) return accept_failed(errno);
  // Not before there is a client: another worker's would be refused meanwhile.
  if (!waits) permit = rules_.slots.try_acquire();
  if (socket_->was_filtered()) net::PacketFilter::detach_accepted(client.get());
  const base::Address address = base::Address::from_sockaddr(storage, length).unmapped();
  if (!permit) {
    door_->note_refused(address, Refusal::kProcessConnections);
    net::abort_connection(client);
    return Step::kAgain;
  }
  admission::LimitPermits limits;
  const admission::Decision decision = door_->admit_peer(address, limits);
  if (decision.refused) {
    permit.release();
    door_->refuse(std::move(client));
    return Step::kAgain;
  }
  owner_.accepted({std::move(client), address, std::move(permit), std::move(limits), decision.is_proxy},
                  *door_);
  return Step::kAgain;
}

// Whoever gives a permit back wakes every worker that waits for one, and the worker calls `resume`.
Acceptor::Step Acceptor::out_of_permits() {
  pause(Refusal::kProcessConnections);
  is_paused_ = true;
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
    // Faults of the one connection that was to be taken, accept(2): it is gone, the next may be sound.
    case ECONNABORTED:
    case EINTR:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ETIMEDOUT:
      return Step::kAgain;
    // Of the socket itself: whatever it is, not to be asked again and again.
    default:
      watch_.stop();
      retry_.start(kShortagePause);
      return Step::kDone;
  }
}

void Acceptor::pause(Refusal reason) {
  watch_.stop();
  door_->counters().paused[static_cast<std::size_t>(reason)].add();
}

}  // namespace weir::server
