// One connection from accept to close: preread where that is asked for, connect, relay, and exactly one close
// reason. It lives on one worker, is owned by that worker's `SessionTable`, and is freed at the end of the
// turn in which it closed. It keeps only what it needs to its end: its settings, its pool's live block, its
// permits; no configuration.
#pragma once

#include <memory>

#include "admission/limit_set.h"
#include "base/address.h"
#include "net/timer_wheel.h"
#include "relay/relay.h"
#include "session/connector.h"
#include "session/counters.h"
#include "session/first_sign.h"
#include "session/handshake.h"
#include "session/preread.h"
#include "session/session_filter.h"
#include "session/session_log.h"
#include "session/session_view.h"

namespace weir::session {

class SessionTable;

// A client that has been let in, on its way to becoming a session. What a worker hands to another.
struct Admitted {
  base::UniqueFd fd;
  base::Address client;
  admission::Permit permit;
  admission::LimitPermits limits{};
  bool is_proxy = false;  // a trusted one: who its client is comes with a header, and limits are asked then
};

// Where a listener's sessions go.
struct Route {
  std::shared_ptr<const SessionSettings> settings;
  std::shared_ptr<const Entrance> entrance;
  std::shared_ptr<pool::Pool> pool;
};

class Session final : private net::WheelEntry, private relay::Relay::Owner, private Connector::Owner {
 public:
  // Made by the table only. `door` outlives the session.
  Session(SessionTable& table, std::uint64_t id, Admitted&& admitted,
          std::shared_ptr<const SessionSettings> settings, Door& door);

  // Begins to connect; first, if the peer `is_proxy` or the listener routes by ClientHellos, to read ahead.
  // May close the session before it returns.
  void start(const Route& route, bool is_proxy, Door& door);

  // Ends the session now, whatever it is doing. Nothing happens when it has closed already.
  void close(CloseReason reason);

  // The backend should no longer be used: goes on to another one while that is possible, or else ends with
  // `reason`.
  void leave_backend(CloseReason reason);
  // Its place at a backend; empty while it has none.
  const pool::Slot& slot() { return connector_.slot(); }

  // How it stands now; see session_view.h.
  SessionView view() const;
  SessionDetail detail() const;
  bool matches(const SessionFilter& filter, base::TimePoint now) const;
  // It alone, as a sum by its client's address.
  ClientSum as_client(base::TimePoint now) const;
  // That it has moved, both ways.
  std::uint64_t bytes() const { return relay_.upload().bytes + relay_.download().bytes; }

  std::uint64_t id() const { return id_; }
  SessionState state() const { return state_; }
  bool closed() const { return closed_; }

 private:
  friend class SessionTable;

  static constexpr std::uint32_t kNotLooked = ~std::uint32_t{0};

  // Of a session that reads ahead, and apart from it since most do not: it would be larger for all of its
  // life.
  struct Ahead final : Preread::Owner, Handshake::Owner {
    Ahead(Session& of, std::shared_ptr<const Entrance> by) : session(of), entrance(std::move(by)) {}
    void preread_done() override { session.preread_done(); }
    void preread_failed(CloseReason reason) override { session.preread_failed(reason); }
    void handshake_done() override { session.handshake_done(); }
    void handshake_failed(CloseReason reason) override { session.close(reason); }

    Session& session;
    std::shared_ptr<const Entrance> entrance;          // the same; the next two refer to it
    std::unique_ptr<Preread> preread;                  // until a backend is connected; then too if it failed
    std::unique_ptr<Handshake> handshake;              // the same
    const tls::TlsStream* tls = nullptr;               // the client's, once it stands
    std::shared_ptr<const Introduction> introduction;  // none: nobody has told more of the client
    // Of one that is connected by a fallback pool: that it was led to at first, perhaps by a route.
    std::unique_ptr<const std::string> first_pool;
  };

  void preread_done();
  void preread_failed(CloseReason reason);
  void handshake_done();
  // Nothing is left to be read, or to be kept for a backend.
  void end_preread();
  const Introduction* introduction() const {
    return ahead_ == nullptr ? nullptr : ahead_->introduction.get();
  }
  void connector_connected(net::Ready ready) override;
  void connector_connected_and_reset() override;
  void connector_failed(CloseReason reason) override;
  void connector_waits() override { arm(); }
  std::string connector_header() override { return header(); }
  void relay_moved(relay::Side source, std::uint64_t bytes) override;
  void relay_half_closed() override;
  void relay_lingers() override;
  void relay_ended(relay::Ending ending) override;
  void on_deadline(base::TimePoint now) override;

  void connect(std::shared_ptr<pool::Pool> pool);
  // Goes by what has been read ahead of the client.
  void take_client();
  // The header that the pool of the connection sends; empty where it sends none.
  std::string header() const;
  void enter_relay();
  base::TimePoint lifetime_end() const;
  base::TimePoint next_deadline() const;
  // Arms the wheel for `next_deadline`, or for a look at the client of a session that waits, which is not
  // watched.
  void arm();
  void put_off_quiet(base::TimePoint now, base::Millis delay);
  base::Millis quiet_limit() const;
  base::TimePoint first_sign_due() const;
  base::TimePoint liveness_due() const;
  void set_liveness();
  bool is_relaying() const { return state_ == SessionState::kRelay || state_ == SessionState::kHalfClosed; }
  bool is_queued() const { return state_ == SessionState::kConnect && connector_.is_queued(); }
  void on_quiet(base::TimePoint now);
  // Looks whether the host behind a warm connection is there.
  void look_for_sign(base::TimePoint now);
  // It is not: that says as much of the backend as a connect that failed.
  void warm_connection_was_dead();
  std::string first_pool() const;
  std::vector<Deadline> deadlines() const;
  bool is_logged(CloseReason reason) const;
  std::string tls_fault(CloseReason reason) const;
  SessionRecord record(CloseReason reason, base::Micros duration) const;

  SessionTable& table_;
  const std::uint64_t id_;
  const std::shared_ptr<const SessionSettings> settings_;
  ListenerCounters& counters_;
  admission::Permit permit_;
  admission::LimitPermits limits_;
  base::Address client_address_;
  const base::TimePoint begun_;
  base::TimePoint last_active_;
  relay::Peer client_;
  relay::Peer backend_;
  std::unique_ptr<Ahead> ahead_;
  Connector connector_;
  relay::Relay relay_;
  std::unique_ptr<FirstSign> first_sign_;  // of a warm connection
  std::uint32_t unacknowledged_seen_ = kNotLooked;
  SessionState state_ = SessionState::kConnect;
  bool liveness_is_set_ = false;  // settings_->tcp, on the backend's socket
  bool closed_ = false;
  Session* previous_ = nullptr;  // the table's list
  Session* next_ = nullptr;
};

}  // namespace weir::session
