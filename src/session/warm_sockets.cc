#include "session/warm_sockets.h"

#include <algorithm>

#include "session/outgoing.h"

namespace weir::session {
namespace {

// While nobody uses a connection: a host that has vanished, or a firewall on the way that has forgotten it,
// should show before a client is given it. A probe after two seconds without a word and then one a second; a
// connection is lost when three in a row have no answer.
constexpr base::Millis kKeepalive{2'000};
constexpr base::Millis kLostAfter{5'000};
// By then an answer to the first probe has come, or will not.
constexpr base::Millis kHeardWithin{3'000};

template <class List>
auto find(List& list, const void* warm) {
  return std::find_if(list.begin(), list.end(), [&](const auto& one) { return one.get() == warm; });
}

}  // namespace

bool WarmSockets::Warm::watch(net::EventLoop& loop, net::Interest interest) {
  watch_.bind<&Warm::on_ready>(loop, fd(), this);
  return watch_.want(interest);
}

WarmConnection WarmSockets::Warm::release() {
  watch_.stop();
  return std::move(connection_);
}

void WarmSockets::Warm::stands_since(base::TimePoint now) {
  since_ = now;
  connection_.took = std::chrono::duration_cast<base::Micros>(base::precise_now() - begun_);
}

// With an end of stream: a server that meets a reset without a word may take it for a fault.
void WarmSockets::Warm::close() {
  watch_.stop();
  net::end_connection(connection_.fd);
  connection_.port.release();
}

WarmSockets::WarmSockets(net::EventLoop& loop, std::shared_ptr<pool::Backend> backend,
                         base::Millis connect_timeout, Lost lost)
    : loop_(loop),
      backend_(std::move(backend)),
      connect_timeout_(connect_timeout),
      lost_(std::move(lost)),
      // The user timeout ends connects too, and those have a limit of their own.
      options_{kKeepalive, std::max(kLostAfter, connect_timeout)} {}

WarmSockets::~WarmSockets() { keep(0); }

void WarmSockets::keep(std::size_t count) {
  wanted_ = count;
  while (size() > wanted_ && !connecting_.empty()) {
    connecting_.back()->close();
    bury(*connecting_.back());
  }
  while (size() > wanted_) {
    backend_->counters().warm.leave();
    ready_.front()->close();
    bury(*ready_.front());
  }
}

void WarmSockets::refill(base::TimePoint now) {
  buried_.clear();
  // Those that were begun first are in front.
  while (!connecting_.empty() && now >= connecting_.front()->since() + connect_timeout_) {
    Warm& late = *connecting_.front();
    // The loop may be late, and not the backend.
    settle(late, net::is_ready(late.fd(), net::Interest::kWrite) ? net::take_error(late.fd()) : ETIMEDOUT,
           now);
  }
  while (size() < wanted_ && pace_.may_connect(now)) connect(now);
}

void WarmSockets::connect(base::TimePoint now) {
  auto [begun, port] = start_outgoing(*backend_, {}, options_);
  connecting_.push_back(
      std::make_unique<Warm>(*this, WarmConnection{std::move(begun.fd), std::move(port)}, now));
  Warm& warm = *connecting_.back();
  if (begun.error == EINPROGRESS && warm.watch(loop_, net::Interest::kWrite)) return;
  settle(warm, begun.error == EINPROGRESS ? ENOMEM : begun.error, now);
}

void WarmSockets::on_ready(Warm& warm, net::Ready ready) {
  const base::TimePoint now = base::coarse_now();
  if (ready.write) return settle(warm, net::take_error(warm.fd()), now);
  ended(warm, net::take_error(warm.fd()), now);
}

void WarmSockets::settle(Warm& warm, int error, base::TimePoint now) {
  if (error == 0 && backend_->way().may_self_connect && net::connected_to_itself(warm.fd())) {
    error = ECONNREFUSED;
  }
  if (error == 0 && !warm.watch(loop_, net::Interest::kRead)) error = ENOMEM;
  if (error != 0) {
    backend_->counters().warm_failed.add();
    pace_.failed(now);
    warm.close();
    return bury(warm);
  }
  warm.stands_since(now);
  const auto at = find(connecting_, &warm);
  ready_.push_back(std::move(*at));
  connecting_.erase(at);
  backend_->counters().warm.enter();
}

WarmConnection WarmSockets::take(base::TimePoint now) {
  for (std::size_t i = 0; i < ready_.size();) {
    Warm& oldest = *ready_[i];
    // The error first: looking for bytes takes it away.
    const int error = net::take_error(oldest.fd());
    if (error != 0 || !net::is_silent(oldest.fd())) {
      ended(oldest, error, now);
      continue;
    }
    if (net::silence_of(oldest.fd()) > kHeardWithin) {
      ++i;
      continue;
    }
    WarmConnection taken = oldest.release();
    backend_->counters().warm.leave();
    bury(oldest);
    pace_.used();
    return taken;
  }
  return {};
}

void WarmSockets::ended(Warm& warm, int error, base::TimePoint now) {
  give_up(warm, now);
  if (!net::means_no_answer(error)) return;
  // The others go the same way, and it is one failure.
  while (!ready_.empty()) give_up(*ready_.front(), now);
  lost_(now);
}

void WarmSockets::give_up(Warm& warm, base::TimePoint now) {
  backend_->counters().warm.leave();
  backend_->counters().warm_given_up.add();
  pace_.given_up(now, std::chrono::duration_cast<base::Micros>(now - warm.since()));
  warm.close();
  bury(warm);
}

void WarmSockets::bury(Warm& warm) {
  for (auto* list : {&connecting_, &ready_}) {
    const auto at = find(*list, &warm);
    if (at == list->end()) continue;
    buried_.push_back(std::move(*at));
    list->erase(at);
    return;
  }
}

}  // namespace weir::session
