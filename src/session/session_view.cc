// What a session tells of itself while it is open.
#include "session/session_view.h"

#include <algorithm>

#include "net/socket.h"
#include "session/session.h"

namespace weir::session {
namespace {

SocketView view_of(const relay::Peer& peer, const base::Address& remote) {
  SocketView view;
  view.remote = remote;
  if (!peer.fd) return view;
  view.local = net::local_address(peer.fd.get()).value_or(base::Address());
  view.tcp = net::tcp_facts(peer.fd.get());
  return view;
}

}  // namespace

SessionView Session::view() const {
  const base::TimePoint now = base::precise_now();
  SessionView view;
  view.id = id_;
  view.listener = settings_->listener;
  if (connector_.pool() != nullptr) view.pool = connector_.pool()->name();
  if (const auto& backend = connector_.backend()) {
    view.backend = backend->name();
    view.backend_address = backend->identity().address;
  }
  view.client = client_address_;
  if (const Introduction* told = introduction()) view.server_name = told->server_name;
  view.state = state_;
  view.waits_for_place = is_queued();
  view.age = std::chrono::duration_cast<base::Micros>(now - begun_);
  // Activity is noted by the coarse clock, and a quiet that is put off counts as activity to come.
  view.idle =
      std::clamp(std::chrono::duration_cast<base::Micros>(now - last_active_), base::Micros(0), view.age);
  view.upload_bytes = relay_.upload().bytes;
  view.download_bytes = relay_.download().bytes;
  return view;
}

bool Session::matches(const SessionFilter& filter, base::TimePoint now) const {
  if (id_ <= filter.after || (filter.state && state_ != *filter.state) || now - begun_ < filter.least_age)
    return false;
  if (!filter.listener.empty() && settings_->listener != filter.listener) return false;
  const pool::Pool* pool = connector_.pool().get();
  if (!filter.pool.empty() && (pool == nullptr || pool->name() != filter.pool)) return false;
  const pool::Backend* backend = connector_.backend().get();
  if (!filter.backend.empty() && (backend == nullptr || backend->name() != filter.backend)) return false;
  return !filter.client || filter.client->contains(client_address_);
}

ClientSum Session::as_client(base::TimePoint now) const {
  const bool is_ip = client_address_.is_ip();
  return {is_ip ? client_address_.unmapped().with_port(0) : client_address_, 1, relay_.upload().bytes,
          relay_.download().bytes, std::chrono::duration_cast<base::Micros>(now - begun_)};
}

// Kept only where it could not be told from what is kept anyhow.
std::string Session::first_pool() const {
  if (state_ == SessionState::kPreread) return {};
  if (state_ == SessionState::kHandshake) return ahead_->preread->pool()->name();
  if (const pool::Pool* first = connector_.first_pool()) return first->name();
  if (!connector_.has_fallen_back()) return connector_.pool()->name();
  return ahead_ == nullptr ? settings_->pool : *ahead_->first_pool;
}

SessionDetail Session::detail() const {
  SessionDetail detail;
  detail.view = view();
  detail.listener_pool = settings_->pool;
  detail.first_pool = first_pool();
  if (const Introduction* told = introduction()) {
    detail.proxy = told->proxy;
    detail.destination = told->destination;
    detail.alpn = told->alpn;
  }
  detail.client = view_of(client_, client_address_);
  if (detail.proxy.family() != AF_UNSPEC) detail.client.remote = detail.proxy;
  if (ahead_ != nullptr && ahead_->tls != nullptr) {
    detail.client.tls = ahead_->tls->facts();
    detail.alpn = detail.client.tls->alpn;
  }
  if (backend_.fd) {
    detail.backend = view_of(backend_, detail.view.backend_address);
    if (backend_.stream != nullptr) {
      detail.backend->tls = static_cast<const tls::TlsStream&>(*backend_.stream).facts();
    }
  }
  detail.attempts = connector_.attempts();
  if (const pool::Slot& slot = connector_.slot()) {
    detail.choice = slot.choice();
    detail.place = slot.number();
  }
  if (connector_.failed_backend() != nullptr) detail.failed_backend = connector_.failed_backend()->name();
  detail.connect_error = connector_.last_error();
  detail.tls_fault = connector_.tls_fault();
  detail.was_retry_denied = connector_.was_retry_denied();
  detail.connect_time = connector_.connect_time();
  detail.was_warm = connector_.was_warm();
  detail.queue_time = connector_.queue_time();
  detail.deadlines = deadlines();
  return detail;
}

std::vector<Deadline> Session::deadlines() const {
  const base::TimePoint now = base::precise_now();
  std::vector<Deadline> all;
  const auto add = [&](std::string_view name, base::TimePoint at) {
    if (at == base::TimePoint::max()) return;
    all.push_back({name, std::chrono::duration_cast<base::Millis>(at - now)});
  };
  switch (state_) {
    case SessionState::kPreread:
      add("preread_timeout", begun_ + ahead_->entrance->preread_timeout);
      break;
    case SessionState::kHandshake:
      add("handshake_timeout", ahead_->handshake->deadline());
      break;
    case SessionState::kConnect:
      add(is_queued() ? "queue_timeout" : "connect_timeout", connector_.deadline());
      break;
    case SessionState::kRelay:
      add("idle_timeout", last_active_ + quiet_limit());
      break;
    case SessionState::kHalfClosed:
      add(settings_->half_close_timeout <= settings_->idle_timeout ? "half_close_timeout" : "idle_timeout",
          last_active_ + quiet_limit());
      break;
    case SessionState::kLinger:
      add("reset_linger", relay_.linger_deadline());
      break;
  }
  add("max_lifetime", lifetime_end());
  return all;
}

}  // namespace weir::session
