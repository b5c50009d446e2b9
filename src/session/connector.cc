#include "session/connector.h"

#include <algorithm>
#include <cerrno>

#include "base/host_name.h"
#include "session/backend_tls.h"
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

// Fallback pools of fallback pools that a session looks into for its last resort.
constexpr std::size_t kMostPools = 64;

// What both have told.
net::Ready merged(const net::Ready& a, const net::Ready& b) {
  return {a.read || b.read, a.write || b.write, a.ended || b.ended, a.read_on || b.read_on,
          a.failed || b.failed};
}

}  // namespace

void Connector::start(std::shared_ptr<pool::Pool> pool, const pool::ClientTraits& client,
                      const net::TcpOptions& options) {
  search_ = std::make_unique<Search>(services_.waker, static_cast<pool::Waiter::Owner&>(*this),
                                     std::move(pool), client, options);
  enter(search_->first_pool);
  go_on();
}

void Connector::enter(const std::shared_ptr<pool::Pool>& pool) {
  search_->pool = pool;
  has_fallen_back_ = pool != search_->first_pool;
  search_->settings = pool->settings();
  search_->key = pool::client_hash(search_->client, search_->settings->client_hash);
  search_->backend = nullptr;
  search_->tried = {};
  search_->has_waited_here = false;
  search_->waited_here = base::Micros(0);
}

void Connector::go_on() {
  for (;;) {
    if (!slot_ && !is_exhausted()) {
      pool::NoPick why_not = pool::NoPick::kNone;
      slot_ = search_->pool->pick(search_->seeker(), why_not, &search_->settings);
      if (why_not == pool::NoPick::kFull) {
        if (wait_for_place()) return;
        return end(CloseReason::kPoolFull);
      }
      if (!slot_ && attempts_ == 0 && search_->settings->transparent) note_out_of_reach();
    }
    // Asked for only when there is somebody to try.
    const bool is_retry = search_->is_last_resort ? attempts_ > 0 : !search_->tried.empty();
    if (slot_ && is_retry && !search_->pool->may_retry(base::coarse_now())) {
      was_retry_denied_ = true;
      slot_.release();
    }
    if (!slot_) {
      if (fall_back()) continue;
      return end(search_->reason);
    }
    if (connect()) return;
  }
}

bool Connector::is_exhausted() const {
  return search_->is_last_resort || search_->tried.size() > search_->settings->retries ||
         net::is_own_shortage(last_error_);
}

// No attempt is made, so none is counted.
void Connector::note_out_of_reach() {
  std::shared_ptr<pool::Backend> found = search_->pool->out_of_reach(*search_);
  if (found == nullptr) return;
  search_->backend = failed_ = std::move(found);
  last_error_ = EAFNOSUPPORT;
  search_->reason = CloseReason::kConnectUnreachable;
}

bool Connector::fall_back() {
  const std::shared_ptr<pool::Pool> fallback = search_->pool->fallback();
  if (fallback == nullptr || search_->is_last_resort || net::is_own_shortage(last_error_)) return false;
  search_->pool->counters().fallbacks.add();
  enter(fallback);
  return true;
}

bool Connector::take_last_resort(const pool::Pool* end) {
  if (search_->is_last_resort || net::is_own_shortage(last_error_)) return false;
  search_->is_last_resort = true;
  // They make no circle, but two of them may be changing places just now.
  std::size_t steps = 0;
  for (std::shared_ptr<pool::Pool> pool = search_->first_pool;
       pool != nullptr && pool.get() != end && steps < kMostPools; pool = pool->fallback(), ++steps) {
    std::shared_ptr<const pool::PoolSettings> settings;
    pool::Slot slot = pool->pick_passed_over(search_.get(), &settings);
    if (!slot) continue;
    enter(pool);
    search_->settings = std::move(settings);
    slot_ = std::move(slot);
    return true;
  }
  return false;
}

void Connector::end(CloseReason reason) {
  search_->reason = reason;
  // A pool that is full has something for its clients, and so have those behind it.
  const bool is_full = reason == CloseReason::kPoolFull || reason == CloseReason::kQueueTimeout;
  if (take_last_resort(is_full ? search_->pool.get() : nullptr)) return go_on();
  owner_.connector_failed(search_->reason);
}

void Connector::wait(base::Micros time) {
  search_->deadline = search_->begun + time;
  owner_.connector_waits();
}

bool Connector::wait_for_place() {
  const bool again = std::exchange(search_->has_waited_here, true);
  if (!search_->pool->wait(search_->waiter, search_->seeker(), again)) return false;
  search_->begun = base::precise_now();
  wait(search_->settings->queue_timeout - search_->waited_here);
  return true;
}

void Connector::note_wait() {
  const auto waited = std::chrono::duration_cast<base::Micros>(base::precise_now() - search_->begun);
  queue_time_ = std::max(queue_time_, base::Micros(0)) + waited;
  search_->waited_here += waited;
  search_->pool->counters().queue_microseconds.add(static_cast<std::uint64_t>(waited.count()));
}

void Connector::wait_ended() {
  note_wait();
  slot_ = search_->waiter.take();
  go_on_after_wait();
}

void Connector::go_on_after_wait() {
  if (slot_) search_->settings = search_->waiter.settings();
  if (slot_ && !slot_.is_still_usable()) {
    // The backend has gone since. Those who were told to leave it have left already.
    slot_.release();
    return go_on();
  }
  if (slot_ || fall_back()) return go_on();
  end(search_->reason);
}

bool Connector::connect() {
  search_->backend = slot_.backend();
  search_->tried.add(slot_.index());
  ++attempts_;
  search_->backend->counters().attempts.add();
  if (!take_warm()) return connect_anew();
  if (search_->settings->tls) return begin_tls();
  connect_time_ = base::Micros(0);
  search_->tls_fault.clear();
  slot_.took_warm(search_->warm_took);
  owner_.connector_connected({});
  search_.reset();
  return true;
}

bool Connector::connect_anew() {
  search_->begun = base::precise_now();
  auto [connecting, port] = start_outgoing(*search_->backend, search_->client.address, {});
  peer_.fd = std::move(connecting.fd);
  peer_.is_tcp = search_->backend->identity().address.is_ip();
  port_ = std::move(port);
  if (connecting.error == EINPROGRESS) {
    peer_.watch.bind<&Connector::on_ready>(services_.loop, peer_.fd.get(), this);
    if (peer_.watch.want_edges(net::Interest::kBoth)) {
      wait(search_->settings->connect_timeout);
      return true;
    }
    connecting.error = ENOMEM;
  }
  return settle(connecting.error, connecting.step);
}

bool Connector::take_warm() {
  WarmConnection taken =
      services_.warm == nullptr ? WarmConnection() : services_.warm->take(*search_->backend);
  if (!taken) return false;
  if (search_->backend->identity().address.is_ip() &&
      net::change_tcp_options(taken.fd.get(), *search_->options) != 0) {
    return false;
  }
  peer_.fd = std::move(taken.fd);
  peer_.is_tcp = search_->backend->identity().address.is_ip();
  port_ = std::move(taken.port);
  was_warm_ = true;
  search_->begun = base::precise_now();
  search_->warm_took = taken.took;
  return true;
}

// A connect that failed shows more than that there is room to write.
void Connector::on_ready(net::Ready ready) {
  search_->told = merged(search_->told, ready);
  if (search_->stream != nullptr) {
    if (!go_on_with_tls()) go_on();
    return;
  }
  const int error = ready.read_on ? net::take_error(peer_.fd.get()) : 0;
  if (!settle(error, net::ConnectStep::kConnect, ready)) go_on();
}

void Connector::timed_out() {
  if (is_queued()) {
    note_wait();
    slot_ = search_->waiter.leave();
    // The wait may have ended in time, and the word of it be on its way.
    if (slot_ || search_->waiter.why_not() != pool::NoPick::kNone) return go_on_after_wait();
    search_->pool->counters().queue_timeouts.add();
    return end(CloseReason::kQueueTimeout);
  }
  if (search_->stream != nullptr) {
    if (!go_on_with_tls()) return go_on();
    if (search_ == nullptr || search_->is_over) return;
    // In place of a warm connection that had stood for too long a new one may have begun, with its own time.
    if (base::precise_now() < search_->deadline) return;
    fail(ETIMEDOUT);
    return go_on();
  }
  // What its watch has to tell, an end perhaps, it will tell the relay.
  if (net::is_ready(peer_.fd.get(), net::Interest::kWrite)) return on_ready({.write = true, .read_on = true});
  fail(ETIMEDOUT);
  go_on();
}

void Connector::client_left() {
  search_->pool->counters().queue_left.add();
  stop();
}

void Connector::abandon(CloseReason reason) {
  if (is_queued() || !slot_) return;
  search_->reason = reason;
  drop_connection();
  slot_.release();
  go_on();
}

void Connector::end_wait() {
  if (is_queued()) note_wait();
  if (search_ != nullptr) static_cast<void>(search_->waiter.leave());
}

void Connector::stop() {
  end_wait();
  port_.release();
  slot_.release();
}

bool Connector::settle(int error, net::ConnectStep step, net::Ready ready) {
  if (error == 0 && search_->backend->way().may_self_connect && net::connected_to_itself(peer_.fd.get())) {
    error = ECONNREFUSED;
  }
  // A reset can only follow bytes on a connection that stood.
  const bool spoke_and_reset = error == ECONNRESET && net::unread_bytes(peer_.fd.get()) > 0;
  const bool has_tls = static_cast<bool>(search_->settings->tls);
  if (error != 0 && (has_tls || !spoke_and_reset)) {
    fail(error, step);
    return false;
  }
  if (has_tls) return begin_tls();
  note_connected();
  if (spoke_and_reset) {
    owner_.connector_connected_and_reset();
  } else {
    owner_.connector_connected(ready);
  }
  search_.reset();
  return true;
}

void Connector::note_connected() {
  const base::TimePoint now = base::precise_now();
  connect_time_ = std::chrono::duration_cast<base::Micros>(now - search_->begun);
  search_->tls_fault.clear();
  if (was_warm_) search_->backend->counters().warm_used.add();
  slot_.connected(now, connect_time_ + search_->warm_took);
}

bool Connector::has_name_of_client() const {
  return search_->settings->tls.takes_name_of_client && !search_->client.server_name.empty();
}

bool Connector::begin_tls() {
  if (has_name_of_client() && !base::is_host_name(search_->client.server_name)) {
    return tls_failed("the client has asked for something that is not a host name");
  }
  search_->stream =
      make_backend_stream(search_->settings->tls, *search_->backend, search_->client.server_name,
                          peer_.fd.get(), owner_.connector_header());
  bool is_watched = search_->stream != nullptr;
  if (is_watched && peer_.watch.interest() == net::Interest::kNone) {
    peer_.watch.bind<&Connector::on_ready>(services_.loop, peer_.fd.get(), this);
    is_watched = peer_.watch.want_edges(net::Interest::kBoth);
    wait(search_->settings->connect_timeout);
  }
  if (is_watched) return go_on_with_tls();
  fail(ENOMEM);
  return false;
}

bool Connector::go_on_with_tls() {
  switch (search_->stream->shake_hands()) {
    case tls::TlsStream::Step::kWantsRead:
      if (search_->stream->gave_up()) peer_.watch.call_again();
      return true;
    case tls::TlsStream::Step::kWantsWrite:
      return true;
    case tls::TlsStream::Step::kDone: {
      peer_.stream = std::move(search_->stream);
      note_connected();
      // Bytes may have come with the end of the handshake, and even the end of the stream, of which the
      // socket tells nothing any more.
      net::Ready ready = search_->told;
      ready.read = true;
      owner_.connector_connected(ready);
      search_.reset();
      return true;
    }
    case tls::TlsStream::Step::kEnded:
    case tls::TlsStream::Step::kReset:
      return tls_left();
    case tls::TlsStream::Step::kFailed:
      return tls_failed(search_->stream->fault());
  }
  return false;
}

// A warm one may have stood for too long: that says nothing of the backend, and it is asked for a new one.
bool Connector::tls_left() {
  if (was_warm_) {
    drop_connection();
    return connect_anew();
  }
  fail(EPROTO, CloseReason::kConnectTls, true);
  search_->tls_fault = "the backend has left in the middle";
  return false;
}

// Other backends would not be for a name that the client has made up either, and this one is not to blame.
bool Connector::tls_failed(std::string fault) {
  const bool is_clients = has_name_of_client();
  fail(EPROTO, CloseReason::kConnectTls, !is_clients);
  search_->tls_fault = std::move(fault);
  if (!is_clients) return false;
  search_->is_over = true;
  owner_.connector_failed(CloseReason::kConnectTls);
  return true;
}

void Connector::drop_connection() {
  search_->stream.reset();
  search_->told = {};
  search_->warm_took = base::Micros(0);
  was_warm_ = false;
  peer_.abort();
  port_.give_back();
}

void Connector::fail(int error, net::ConnectStep step) {
  fail(error, reason_of(error), is_backends_fault(error, step));
}

void Connector::fail(int error, CloseReason reason, bool is_backends_fault) {
  last_error_ = error;
  search_->reason = reason;
  search_->tls_fault.clear();
  failed_ = search_->backend;
  drop_connection();
  if (is_backends_fault) {
    slot_.connect_failed(base::coarse_now(), word(reason));
  } else {
    search_->backend->counters().failed_attempts.add();
  }
  slot_.release();
}

}  // namespace weir::session
