#include "session/connector.h"

#include <cerrno>

#include "session/outgoing.h"

namespace weir::session {
namespace {

CloseReason reason_of(int error) {
  switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ENOENT:  // a unix socket that is not there
    case EAGAIN:  // a unix socket whose backlog is full
      return CloseReason::kConnectRefused;
    case ETIMEDOUT:
      return CloseReason::kConnectTimeout;
    case EADDRNOTAVAIL:
      return CloseReason::kNoSourcePort;
    case EMFILE:
    case ENFILE:
      return CloseReason::kNoDescriptors;
    case ENOBUFS:
    case ENOMEM:
      return CloseReason::kNoMemory;
    default:
      return CloseReason::kConnectUnreachable;
  }
}

// Where a connection was to come from is this host's business, and so is what it is short of.
bool is_backends_fault(int error, net::ConnectStep step) {
  return step == net::ConnectStep::kConnect && !net::is_own_shortage(error) && error != EADDRNOTAVAIL;
}

}  // namespace

void Connector::start(std::shared_ptr<pool::Pool> pool, const base::Address& client,
                      const net::TcpOptions& options) {
  first_pool_ = std::move(pool);
  client_ = &client;
  options_ = &options;
  enter(first_pool_);
  go_on();
}

void Connector::enter(const std::shared_ptr<pool::Pool>& pool) {
  pool_ = pool;
  key_ = pool_->key_of(*client_);
  backend_ = nullptr;
  tried_ = {};
  unfit_ = 0;
  has_waited_here_ = false;
  waited_here_ = base::Micros(0);
}

void Connector::go_on() {
  for (;;) {
    if (!slot_ && !is_exhausted()) {
      pool::NoPick why_not = pool::NoPick::kNone;
      slot_ = pool_->pick({key_, tried_}, why_not);
      if (why_not == pool::NoPick::kFull) {
        if (wait_for_place()) return;
        return end(CloseReason::kPoolFull);
      }
    }
    if (slot_ && !is_within_reach(*slot_.backend(), *client_)) {
      pass_by();
      continue;
    }
    // Asked for only when there is somebody to try.
    const bool is_retry = is_last_resort_ ? attempts_ > 0 : tried_.size() > unfit_;
    if (slot_ && is_retry && !pool_->may_retry(base::coarse_now())) {
      was_retry_denied_ = true;
      slot_.release();
    }
    if (!slot_) {
      if (fall_back()) continue;
      return end(reason_);
    }
    if (connect()) return;
  }
}

bool Connector::is_exhausted() const {
  return is_last_resort_ || tried_.size() - unfit_ > pool_->settings().retries ||
         tried_.size() == balance::Tried::kMost || net::is_own_shortage(last_error_);
}

// No attempt is made, so none is counted.
void Connector::pass_by() {
  if (attempts_ == 0) {
    backend_ = failed_ = slot_.backend();
    last_error_ = EAFNOSUPPORT;
    reason_ = CloseReason::kConnectUnreachable;
  }
  tried_.add(slot_.index());
  ++unfit_;
  slot_.release();
}

bool Connector::fall_back() {
  if (pool_->fallback() == nullptr || is_last_resort_ || net::is_own_shortage(last_error_)) return false;
  pool_->counters().fallbacks.add();
  enter(pool_->fallback());
  return true;
}

bool Connector::take_last_resort() {
  if (is_last_resort_ || net::is_own_shortage(last_error_)) return false;
  is_last_resort_ = true;
  for (std::shared_ptr<pool::Pool> pool = first_pool_; pool != nullptr; pool = pool->fallback()) {
    pool::Slot slot = pool->pick_left_out();
    if (!slot) continue;
    enter(pool);
    slot_ = std::move(slot);
    return true;
  }
  return false;
}

void Connector::end(CloseReason reason) {
  reason_ = reason;
  if (take_last_resort()) return go_on();
  owner_.connector_failed(reason_);
}

bool Connector::wait_for_place() {
  const bool again = std::exchange(has_waited_here_, true);
  if (!pool_->wait(waiter_, {key_, tried_}, again)) return false;
  begun_ = base::precise_now();
  owner_.connector_waits(begun_ + pool_->settings().queue_timeout - waited_here_);
  return true;
}

void Connector::note_wait() {
  const auto waited = std::chrono::duration_cast<base::Micros>(base::precise_now() - begun_);
  queue_time_ = queue_time_.value_or(base::Micros(0)) + waited;
  waited_here_ += waited;
  pool_->counters().queue_microseconds.add(static_cast<std::uint64_t>(waited.count()));
}

void Connector::wait_ended() {
  note_wait();
  slot_ = waiter_.take();
  go_on_after_wait();
}

void Connector::go_on_after_wait() {
  if (slot_ && !slot_.is_still_usable()) {
    // The backend has gone since. Those who were told to leave it have left already.
    slot_.release();
    return go_on();
  }
  if (slot_ || fall_back()) return go_on();
  end(reason_);
}

bool Connector::connect() {
  backend_ = slot_.backend();
  tried_.add(slot_.index());
  ++attempts_;
  backend_->counters().attempts.add();
  if (take_warm()) return true;
  begun_ = base::precise_now();
  auto [connecting, port] = start_outgoing(*backend_, *client_, {});
  peer_.fd = std::move(connecting.fd);
  peer_.is_tcp = backend_->identity().address.is_ip();
  port_ = std::move(port);
  if (connecting.error == EINPROGRESS) {
    peer_.watch.bind<&Connector::on_ready>(loop_, peer_.fd.get(), this);
    if (peer_.watch.want_edges(net::Interest::kBoth)) {
      owner_.connector_waits(begun_ + pool_->settings().connect_timeout);
      return true;
    }
    connecting.error = ENOMEM;
  }
  return settle(connecting.error, connecting.step);
}

bool Connector::take_warm() {
  WarmConnection taken = warm_ == nullptr ? WarmConnection() : warm_->take(*backend_);
  if (!taken) return false;
  if (backend_->identity().address.is_ip() && net::change_tcp_options(taken.fd.get(), *options_) != 0) {
    return false;
  }
  peer_.fd = std::move(taken.fd);
  peer_.is_tcp = backend_->identity().address.is_ip();
  port_ = std::move(taken.port);
  was_warm_ = true;
  connect_time_ = base::Micros(0);
  slot_.took_warm(taken.took);
  owner_.connector_connected({});
  return true;
}

// A connect that failed shows more than that there is room to write.
void Connector::on_ready(net::Ready ready) {
  const int error = ready.read_on ? net::take_error(peer_.fd.get()) : 0;
  if (!settle(error, net::ConnectStep::kConnect, ready)) go_on();
}

void Connector::timed_out() {
  if (is_queued()) {
    note_wait();
    slot_ = waiter_.leave();
    // The wait may have ended in time, and the word of it be on its way.
    if (slot_ || waiter_.why_not() != pool::NoPick::kNone) return go_on_after_wait();
    pool_->counters().queue_timeouts.add();
    return end(CloseReason::kQueueTimeout);
  }
  // What its watch has to tell, an end perhaps, it will tell the relay.
  if (net::is_ready(peer_.fd.get(), net::Interest::kWrite)) return on_ready({.write = true, .read_on = true});
  fail(ETIMEDOUT);
  go_on();
}

void Connector::client_left() {
  pool_->counters().queue_left.add();
  stop();
}

void Connector::abandon(CloseReason reason) {
  if (is_queued() || !slot_) return;
  reason_ = reason;
  peer_.abort();
  port_.give_back();
  slot_.release();
  go_on();
}

void Connector::stop() {
  if (is_queued()) note_wait();
  static_cast<void>(waiter_.leave());
  port_.release();
  slot_.release();
}

bool Connector::settle(int error, net::ConnectStep step, net::Ready ready) {
  if (error == 0 && backend_->identity().may_self_connect && net::connected_to_itself(peer_.fd.get())) {
    error = ECONNREFUSED;
  }
  // A reset can only follow bytes on a connection that stood.
  const bool spoke_and_reset = error == ECONNRESET && net::unread_bytes(peer_.fd.get()) > 0;
  if (error != 0 && !spoke_and_reset) {
    fail(error, step);
    return false;
  }
  const base::TimePoint now = base::precise_now();
  connect_time_ = std::chrono::duration_cast<base::Micros>(now - begun_);
  slot_.connected(now, *connect_time_);
  if (spoke_and_reset) {
    owner_.connector_connected_and_reset();
  } else {
    owner_.connector_connected(ready);
  }
  return true;
}

void Connector::fail(int error, net::ConnectStep step) {
  last_error_ = error;
  reason_ = reason_of(error);
  failed_ = backend_;
  peer_.abort();
  port_.give_back();
  if (is_backends_fault(error, step)) {
    slot_.connect_failed(base::coarse_now(), word(reason_of(error)));
  } else {
    backend_->counters().failed_attempts.add();
  }
  slot_.release();
}

}  // namespace weir::session
