#include "session/session.h"

#include <algorithm>

#include "balance/random.h"
#include "session/proxy_sending.h"
#include "session/session_table.h"

namespace weir::session {
namespace {

using base::TimePoint;

constexpr TimePoint kNever = TimePoint::max();

// How long it may stay unnoticed that a client has gone which waits for a backend.
constexpr base::Millis kLookInterval{1'000};

// The kernel is asked to notice a backend that vanishes once a session is that old: most are not, and save
// the calls. A silence is counted from the last packet all the same.
constexpr base::Millis kLivenessDelay{1'000};

// Up to a tenth is taken off, so that sessions which began together do not all end together. The id spreads
// it.
base::Millis with_jitter(base::Millis lifetime, std::uint64_t id) {
  const std::uint64_t scattered = (id * balance::kGolden) >> 54;  // 0 to 1023
  return lifetime - lifetime / 10 * static_cast<std::int64_t>(scattered) / 1024;
}

CloseReason reason_of(relay::Ending ending) {
  const bool client = ending.side == relay::Side::kClient;
  switch (ending.cause) {
    case relay::EndCause::kFinished:
      return client ? CloseReason::kClientEnd : CloseReason::kBackendEnd;
    case relay::EndCause::kReset:
      return client ? CloseReason::kClientReset : CloseReason::kBackendReset;
    case relay::EndCause::kBroken:
      return client ? CloseReason::kClientTls : CloseReason::kBackendTls;
    case relay::EndCause::kLost:
      return client ? CloseReason::kClientLost : CloseReason::kBackendLost;
    case relay::EndCause::kSystem:
      return CloseReason::kNoMemory;
  }
  return CloseReason::kNoMemory;
}

}  // namespace

Session::Session(SessionTable& table, std::uint64_t id, Admitted&& admitted,
                 std::shared_ptr<const SessionSettings> settings, Door& door)
    : table_(table),
      id_(id),
      settings_(std::move(settings)),
      counters_(door.counters()),
      permit_(std::move(admitted.permit)),
      limits_(std::move(admitted.limits)),
      client_address_(std::move(admitted.client)),
      begun_(base::precise_now()),
      last_active_(begun_),
      connector_(table.services().connector, *this, backend_),
      relay_(table.services().relay, *this, client_, backend_) {
  client_.fd = std::move(admitted.fd);
  client_.is_tcp = client_address_.is_ip();
}

void Session::start(const Route& route, bool is_proxy, Door& door) {
  if (!is_proxy && route.entrance->hello == nullptr) return connect(route.pool);
  state_ = SessionState::kPreread;
  ahead_ = std::make_unique<Ahead>(*this, route.entrance);
  arm();
  ahead_->preread = std::make_unique<Preread>(
      Preread::Services{table_.services().relay.loop, table_.services().read_ahead},
      static_cast<Preread::Owner&>(*ahead_),
      Preread::Subject{client_, client_address_, is_proxy, route.pool, *route.entrance, door});
  ahead_->preread->start();
}

void Session::take_client() {
  client_address_ = ahead_->preread->client();
  ahead_->introduction = ahead_->preread->introduction();
}

void Session::preread_done() {
  take_client();
  if (auto permits = ahead_->preread->take_permits()) limits_ = *std::move(permits);
  if (!ahead_->preread->terminates()) return connect(ahead_->preread->pool());
  state_ = SessionState::kHandshake;
  ahead_->handshake =
      std::make_unique<Handshake>(table_.services().relay.loop, static_cast<Handshake::Owner&>(*ahead_),
                                  client_, *ahead_->entrance->tls, counters_);
  arm();
  const Introduction* told = introduction();
  ahead_->handshake->start(told == nullptr ? std::string_view() : told->server_name,
                           ahead_->preread->take_read_ahead());
}

void Session::handshake_done() {
  ahead_->tls = static_cast<const tls::TlsStream*>(client_.stream.get());
  connect(ahead_->preread->pool());
}

void Session::preread_failed(CloseReason reason) {
  take_client();
  close(reason);
}

void Session::connect(std::shared_ptr<pool::Pool> pool) {
  state_ = SessionState::kConnect;
  const Introduction* told = introduction();
  const std::string_view server_name = told == nullptr ? std::string_view() : told->server_name;
  connector_.start(std::move(pool), {client_address_, server_name}, settings_->tcp);
}

void Session::leave_backend(CloseReason reason) {
  if (state_ == SessionState::kConnect) return connector_.abandon(reason);
  close(reason);
}

void Session::connector_failed(CloseReason reason) { close(reason); }

void Session::enter_relay() {
  state_ = SessionState::kRelay;
  last_active_ = base::coarse_now();
  arm();
}

void Session::connector_connected(net::Ready ready) {
  const bool is_ip = connector_.backend()->identity().address.is_ip();
  liveness_is_set_ = connector_.was_warm() || !is_ip;
  // Who has just shaken hands is there.
  if (connector_.was_warm() && is_ip && backend_.stream == nullptr) {
    first_sign_ = std::make_unique<FirstSign>();
    first_sign_->expect(base::coarse_now(), connector_.settings().connect_timeout);
  }
  enter_relay();
  relay::Preface first(backend_.stream == nullptr ? header() : std::string(),
                       ahead_ == nullptr ? std::string_view() : ahead_->preread->read_ahead());
  end_preread();
  relay_.start(settings_->relay, ready, std::move(first));
}

std::string Session::header() const {
  const pool::ProxySending& how = connector_.settings().send_proxy;
  if (how.version == pool::ProxyVersion::kNone) return {};
  const base::Address here = net::local_address(client_.fd.get()).value_or(base::Address());
  const Introduction* told = introduction();
  if (ahead_ == nullptr || ahead_->tls == nullptr) {
    return proxy_header(how, {client_address_, here, told, id_});
  }
  Introduction seen = told == nullptr ? Introduction() : *told;
  describe_tls(seen, ahead_->tls->facts());
  return proxy_header(how, {client_address_, here, &seen, id_});
}

void Session::end_preread() {
  if (ahead_ == nullptr) return;
  if (connector_.has_fallen_back()) {
    ahead_->first_pool = std::make_unique<const std::string>(connector_.first_pool()->name());
  }
  ahead_->preread.reset();
  ahead_->handshake.reset();
  ahead_->entrance.reset();
}

void Session::connector_connected_and_reset() {
  end_preread();
  enter_relay();
  relay_.start_after_backend_reset(settings_->relay);
}

void Session::relay_moved(relay::Side source, std::uint64_t bytes) {
  last_active_ = base::coarse_now();
  unacknowledged_seen_ = kNotLooked;
  pool::BackendCounters& backend = connector_.backend()->counters();
  if (source == relay::Side::kClient) {
    counters_.upload_bytes.add(bytes);
    backend.upload_bytes.add(bytes);
    return;
  }
  if (relay_.download().bytes == bytes) connector_.slot().served();
  counters_.download_bytes.add(bytes);
  backend.download_bytes.add(bytes);
}

void Session::relay_half_closed() {
  state_ = SessionState::kHalfClosed;
  last_active_ = base::coarse_now();
  arm();
}

void Session::relay_lingers() { state_ = SessionState::kLinger; }

void Session::relay_ended(relay::Ending ending) {
  const CloseReason reason = reason_of(ending);
  if (relay_.download().bytes == 0) {
    // One that was warm had stood for a while, and may have been at the end of the backend's patience.
    // With TLS 1.3 a backend refuses our certificate after the handshake.
    const bool refused = reason == CloseReason::kBackendReset || reason == CloseReason::kBackendTls;
    if (refused && !connector_.was_warm()) {
      connector_.slot().reset_early(base::coarse_now());
    }
    // It may have had nothing to say.
    if (is_clean(reason)) connector_.slot().served();
    if (reason == CloseReason::kBackendLost && first_sign_due() != kNever) return warm_connection_was_dead();
  }
  close(reason);
}

// How long no byte may move in the present state.
base::Millis Session::quiet_limit() const {
  return state_ == SessionState::kHalfClosed
             ? std::min(settings_->half_close_timeout, settings_->idle_timeout)
             : settings_->idle_timeout;
}

TimePoint Session::liveness_due() const {
  if (liveness_is_set_) return kNever;
  const net::TcpOptions& options = settings_->tcp;
  return begun_ + std::min({kLivenessDelay, options.keepalive.value_or(kLivenessDelay),
                            options.user_timeout.value_or(kLivenessDelay)});
}

void Session::set_liveness() {
  liveness_is_set_ = true;
  // A socket that is dead by now says so itself.
  static_cast<void>(net::set_liveness(backend_.fd.get(), settings_->tcp));
}

TimePoint Session::first_sign_due() const { return first_sign_ == nullptr ? kNever : first_sign_->due(); }

TimePoint Session::lifetime_end() const {
  return settings_->max_lifetime ? begun_ + with_jitter(*settings_->max_lifetime, id_) : kNever;
}

// The next moment at which something may have to be done. Activity moves it away without touching the wheel:
// when the entry fires early it is armed again.
TimePoint Session::next_deadline() const {
  switch (state_) {
    case SessionState::kPreread:
      return std::min(begun_ + ahead_->entrance->preread_timeout, lifetime_end());
    case SessionState::kHandshake:
      return std::min(ahead_->handshake->deadline(), lifetime_end());
    case SessionState::kConnect:
      return std::min(connector_.deadline(), lifetime_end());
    case SessionState::kRelay:
    case SessionState::kHalfClosed:
      return std::min({last_active_ + quiet_limit(), lifetime_end(), first_sign_due(), liveness_due()});
    case SessionState::kLinger:
      return lifetime_end();  // bounded by reset_linger already
  }
  return kNever;
}

void Session::arm() {
  TimePoint deadline = next_deadline();
  if (is_queued()) deadline = std::min(deadline, base::coarse_now() + kLookInterval);
  if (deadline != kNever) table_.services().relay.wheel.arm(*this, deadline);
}

// Counts as activity a while ago, so that the quiet is over `delay` from now.
void Session::put_off_quiet(TimePoint now, base::Millis delay) {
  last_active_ = now + delay - quiet_limit();
  arm();
}

void Session::on_deadline(TimePoint now) {
  if (is_queued() && net::has_hung_up(client_.fd.get())) {
    connector_.client_left();
    return close(net::means_no_answer(net::take_error(client_.fd.get())) ? CloseReason::kClientLost
                                                                         : CloseReason::kClientReset);
  }
  if (is_relaying() && now >= liveness_due()) set_liveness();
  if (is_relaying() && now >= first_sign_due()) look_for_sign(now);
  if (closed_) return;
  if (now < next_deadline()) return arm();
  if (now >= lifetime_end()) return close(CloseReason::kMaxLifetime);
  switch (state_) {
    case SessionState::kPreread:
      return ahead_->preread->timed_out();
    case SessionState::kHandshake:
      return ahead_->handshake->timed_out();
    case SessionState::kConnect:
      return connector_.timed_out();
    case SessionState::kRelay:
    case SessionState::kHalfClosed:
      return on_quiet(now);
    case SessionState::kLinger:
      return;
  }
}

void Session::look_for_sign(TimePoint now) {
  const int fd = backend_.fd.get();
  const auto found = first_sign_->look(now, net::silence_of(fd), net::unacknowledged_bytes(fd));
  if (found == FirstSign::Finding::kGone) warm_connection_was_dead();
}

void Session::warm_connection_was_dead() {
  connector_.slot().connect_failed(base::coarse_now(), word(CloseReason::kBackendLost));
  close(CloseReason::kBackendLost);
}

// No byte has moved through here for the time that is allowed. That is not yet a reason to cut: the loop may
// be late (a stopped process), or the bytes may be moving out of the kernel's send queue towards a slow
// reader.
void Session::on_quiet(TimePoint now) {
  if (relay_.has_news()) {
    const TimePoint before = last_active_;
    relay_.take_news();
    if (closed_) return;
    return last_active_ == before ? put_off_quiet(now, net::TimerWheel::kTick) : arm();
  }
  const auto unacknowledged =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(relay_.unacknowledged(), kNotLooked - 1));
  if (unacknowledged > 0 && unacknowledged < unacknowledged_seen_) {
    const bool first_look = unacknowledged_seen_ == kNotLooked;
    unacknowledged_seen_ = unacknowledged;
    return put_off_quiet(now, first_look ? quiet_limit() / 4 : quiet_limit());
  }
  const bool half_closed =
      state_ == SessionState::kHalfClosed && settings_->half_close_timeout <= settings_->idle_timeout;
  close(half_closed ? CloseReason::kHalfCloseTimeout : CloseReason::kIdleTimeout);
}

void Session::close(CloseReason reason) {
  if (closed_) return;
  closed_ = true;
  disarm();
  relay_.stop();
  if (is_clean(reason)) {
    client_.close();
    backend_.close();
  } else {
    if (reason == CloseReason::kRefused) ahead_->preread->door().refuse(std::move(client_.fd));
    // A reset could overtake what the client has just been told of it.
    if (reason == CloseReason::kHandshake) net::end_connection(client_.fd);
    client_.abort();
    backend_.abort();
    connector_.note_reset();
  }
  // What the connector knows it knows until it stops; the record is for those who see that the session is
  // over.
  connector_.end_wait();
  std::optional<SessionRecord> closed;
  const auto duration = std::chrono::duration_cast<base::Micros>(base::precise_now() - begun_);
  if (is_logged(reason)) closed = record(reason, duration);
  connector_.stop();
  // Of one whose backend has ended first nothing was lost: many clients then just leave.
  if (reason == CloseReason::kClientEnd && ahead_ != nullptr && ahead_->tls != nullptr &&
      ahead_->tls->was_cut()) {
    counters_.tls_cut.add();
  }
  counters_.durations.add(duration);
  counters_.closed[static_cast<std::size_t>(reason)].add();
  if (closed) table_.services().log.write(std::move(*closed));
  limits_.release();
  permit_.release();
  table_.retire(*this);
}

bool Session::is_logged(CloseReason reason) const {
  if (settings_->logged == LoggedSessions::kAll) return true;
  if (settings_->logged == LoggedSessions::kNone) return false;
  const bool just_left =
      reason == CloseReason::kBackendTls && static_cast<const tls::TlsStream&>(*backend_.stream).just_left();
  return is_error(reason) && !just_left;
}

// What was wrong with the TLS of the side that `reason` names.
std::string Session::tls_fault(CloseReason reason) const {
  switch (reason) {
    case CloseReason::kHandshake:
      return ahead_->handshake->fault();
    case CloseReason::kClientTls:
      return static_cast<const tls::TlsStream&>(*client_.stream).fault();
    case CloseReason::kBackendTls:
      return static_cast<const tls::TlsStream&>(*backend_.stream).fault();
    default:
      return connector_.tls_fault();
  }
}

SessionRecord Session::record(CloseReason reason, base::Micros duration) const {
  SessionRecord record;
  record.id = id_;
  record.closed_at = std::chrono::system_clock::now();
  record.settings = settings_;
  const bool has_asked = state_ != SessionState::kPreread && state_ != SessionState::kHandshake;
  record.pool = has_asked ? connector_.pool() : ahead_->preread->pool();
  record.backend = connector_.backend();
  record.client = client_address_;
  record.attempts = connector_.attempts();
  record.state = state_;
  record.reason = reason;
  if (ahead_ != nullptr) record.introduction = ahead_->introduction;
  if (ahead_ != nullptr && ahead_->preread != nullptr) {
    record.proxy_fault = ahead_->preread->fault();
    record.refusal = ahead_->preread->refusal();
    record.hello = ahead_->preread->hello();
  }
  if (ahead_ != nullptr && ahead_->tls != nullptr) {
    record.tls = std::make_shared<const tls::Facts>(ahead_->tls->facts());
  }
  record.tls_fault = tls_fault(reason);
  record.connect_error = connector_.last_error();
  record.failed_backend = connector_.failed_backend();
  record.was_retry_denied = connector_.was_retry_denied();
  record.upload_bytes = relay_.upload().bytes;
  record.download_bytes = relay_.download().bytes;
  record.connect_time = connector_.connect_time();
  record.was_warm = connector_.was_warm();
  record.queue_time = connector_.queue_time();
  record.duration = duration;
  return record;
}

}  // namespace weir::session
