#include "session/connector.h"

#include <cerrno>

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

// These are this host's own shortages: another backend would meet them too.
bool is_own_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

void Connector::start(std::shared_ptr<pool::Pool> pool, const net::TcpOptions& options) {
  pool_ = std::move(pool);
  options_ = &options;
  attempt();
}

void Connector::attempt() {
  while (tried_.size() <= pool_->settings().retries && !is_own_shortage(last_error_)) {
    const std::shared_ptr<pool::Backend>* picked = pool_->pick(tried_);
    if (picked == nullptr) break;
    leave();
    backend_ = *picked;
    backend_->counters().attempts.add();
    backend_->counters().in_flight.enter();
    in_flight_ = true;
    begun_ = base::precise_now();
    net::Connecting connecting = net::start_connect(backend_->identity().address, *options_);
    peer_.fd = std::move(connecting.fd);
    if (connecting.error == EINPROGRESS) {
      peer_.watch.bind<&Connector::on_ready>(loop_, peer_.fd.get(), this);
      if (peer_.watch.want(net::Interest::kWrite)) {
        return owner_.connector_waits(begun_ + pool_->settings().connect_timeout);
      }
      connecting.error = ENOMEM;
    }
    if (settle(connecting.error)) return;
  }
  owner_.connector_failed(last_error_ == 0 ? CloseReason::kNoBackend : reason_of(last_error_));
}

void Connector::on_ready(net::Ready) {
  peer_.watch.stop();
  if (!settle(net::take_error(peer_.fd.get()))) attempt();
}

void Connector::timed_out() {
  if (net::is_ready(peer_.fd.get(), net::Interest::kWrite)) return on_ready({});
  fail(ETIMEDOUT);
  attempt();
}

bool Connector::settle(int error) {
  if (error == 0 && backend_->identity().may_self_connect && net::connected_to_itself(peer_.fd.get())) {
    error = ECONNREFUSED;
  }
  // A reset can only follow bytes on a connection that stood.
  const bool spoke_and_reset = error == ECONNRESET && net::unread_bytes(peer_.fd.get()) > 0;
  if (error != 0 && !spoke_and_reset) {
    fail(error);
    return false;
  }
  backend_->counters().sessions.add();
  connect_time_ = std::chrono::duration_cast<base::Micros>(base::precise_now() - begun_);
  if (spoke_and_reset) {
    owner_.connector_connected_and_reset();
  } else {
    owner_.connector_connected();
  }
  return true;
}

void Connector::fail(int error) {
  backend_->counters().failed_attempts.add();
  last_error_ = error;
  failed_ = backend_;
  peer_.watch.stop();
  net::abort_connection(peer_.fd);
  leave();
}

void Connector::leave() {
  if (in_flight_) backend_->counters().in_flight.leave();
  in_flight_ = false;
}

}  // namespace weir::session
