// Connects a session to a backend: asks the pool for a place, waits for one if need be, connects with a
// deadline, and goes to another backend, and then to the fallback pool, while there is one and no byte has
// been sent. Where all of that gives nothing it tries one backend that those pools have passed over. A member
// of its session, used once. It touches only the backend's `Peer`, which the relay takes over afterwards.
#pragma once

#include <memory>
#include <optional>

#include "net/socket.h"
#include "pool/pool.h"
#include "relay/peer.h"
#include "session/close_reason.h"
#include "session/outgoing.h"
#include "session/settings.h"
#include "session/warm_sockets.h"
#include "tls/tls_stream.h"

namespace weir::session {

class Connector final : private pool::Waiter::Owner {
 public:
  class Owner {
   public:
    // The backend's peer is connected. Its watch asks for edges, and has told `ready` so far, or for nothing.
    virtual void connector_connected(net::Ready ready) = 0;
    // The same, but its host has already sent a reset after what it had to say. The error has been taken from
    // the socket: reading it will end like a clean stream.
    virtual void connector_connected_and_reset() = 0;
    // No attempt is left.
    virtual void connector_failed(CloseReason reason) = 0;
    // An attempt, or a wait for a place, is under way and must end by the connector's `deadline`; then call
    // `timed_out`.
    virtual void connector_waits() = 0;
    // What goes to the backend before the handshake of TLS; the pool and the backend are those that are told.
    virtual std::string connector_header() = 0;

   protected:
    ~Owner() = default;
  };

  struct Services {
    net::EventLoop& loop;
    pool::Waker& waker;          // of the worker's sessions
    WarmSource* warm = nullptr;  // none: there are no warm connections
  };

  // All outlive the connector.
  Connector(const Services& services, Owner& owner, relay::Peer& backend)
      : services_(services), owner_(owner), peer_(backend) {}
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Begins. Outcomes come through the owner, perhaps before this returns: a connect over loopback often
  // stands at once. Warm connections have `options` by then, others none yet. `client` decides where a pool
  // picks by who the client is.
  // What `client` refers to, and `options`, outlive the search.
  void start(std::shared_ptr<pool::Pool> pool, const pool::ClientTraits& client,
             const net::TcpOptions& options);

  // When what is under way must have ended; the end of time while nothing is.
  base::TimePoint deadline() const { return search_ == nullptr ? base::TimePoint::max() : search_->deadline; }

  // The deadline has passed. A connect that stood by then is taken as it is: the loop was late, not the
  // backend.
  void timed_out();

  // The backend that it connects to should no longer be used, for `reason`: goes on to another one, or tells
  // the owner that reason when there is none. Precondition: not connected.
  void abandon(CloseReason reason);

  // Leaves the queue that it waits in, if it does.
  void end_wait();

  // Gives up: whatever it holds or waits for is given back, the port too, so the socket must have been
  // closed. Nothing is told to the owner any more.
  void stop();
  // The backend's socket has been closed by a reset, so its port is free at once. To be told before `stop`.
  void note_reset() { port_.give_back(); }

  // It waits for a place; the client may go meanwhile.
  bool is_queued() const { return search_ != nullptr && search_->waiter.waits(); }
  // The client of a session that `is_queued` has gone.
  void client_left();

  // The place at the backend; empty while there is none.
  pool::Slot& slot() { return slot_; }
  const pool::Slot& slot() const { return slot_; }

  // The pool of the last attempt, which may be a fallback of the first. Of one that is connected none after
  // `stop`.
  const std::shared_ptr<pool::Pool>& pool() const {
    if (const Search* search = search_.get()) return search->pool;
    return slot_.pool();
  }
  // The backend of the last attempt in that pool; none before the first. The same holds for it.
  const std::shared_ptr<pool::Backend>& backend() const {
    if (const Search* search = search_.get()) return search->backend;
    return slot_.backend();
  }
  // The pool that it began with; none once connected.
  const pool::Pool* first_pool() const { return search_ == nullptr ? nullptr : search_->first_pool.get(); }
  // The pool of the last attempt is a fallback of that one.
  bool has_fallen_back() const { return has_fallen_back_; }
  // The settings of its pool that the connection was made with. Precondition: the owner is being told of it.
  const pool::PoolSettings& settings() const { return *search_->settings; }
  std::uint8_t attempts() const { return attempts_; }
  // Of the last attempt that failed; 0 and none when none did.
  int last_error() const { return last_error_; }
  const std::shared_ptr<pool::Backend>& failed_backend() const { return failed_; }
  // The pool's budget of retries did not allow another attempt there: of the last pool in which one failed.
  bool was_retry_denied() const { return was_retry_denied_; }
  // What the handshake of the last attempt with TLS failed by; empty: by nothing. None once connected.
  std::string tls_fault() const { return search_ != nullptr ? search_->tls_fault : std::string(); }
  // How long the attempt that stood took, and its handshake of TLS; for a warm connection only that. Nothing
  // before one stood.
  std::optional<base::Micros> connect_time() const { return told(connect_time_); }
  // It was given a warm connection.
  bool was_warm() const { return was_warm_; }
  // How long it has waited for places in all; nothing when it never had to.
  std::optional<base::Micros> queue_time() const { return told(queue_time_); }

 private:
  void wait_ended() override;
  // Makes attempts until one is under way, stands, or none is left.
  void go_on();
  // No further attempt may be made in this pool.
  bool is_exhausted() const;
  // Notes one of the pool's backends, none of which the client can reach, for those who ask why.
  void note_out_of_reach();
  // Tells the owner that something is under way, from `search_->begun`, and may take `time`.
  void wait(base::Micros time);
  // False: the queue is full.
  bool wait_for_place();
  // Adds the wait that is ending to those before.
  void note_wait();
  // The wait has ended: with a place, or since the pool has nothing left to wait for.
  void go_on_after_wait();
  // Begins a connect at the place it has. True: it is under way, or stands, and the owner has been told.
  bool connect();
  // Takes a warm connection to the backend. False: there is none.
  bool take_warm();
  void on_ready(net::Ready ready);
  // Takes the outcome of a connect: tells the owner of a connection and returns true, or counts the failure
  // and cleans up.
  bool settle(int error, net::ConnectStep step = net::ConnectStep::kConnect, net::Ready ready = {});
  // The connection stands, and the pool's backends are spoken to by TLS: the same of the handshake. True also
  // while it is under way.
  bool begin_tls();
  bool go_on_with_tls();
  bool tls_left();
  // It came to no agreement, as `fault` says. True: that is the client's doing, and the owner has been told.
  bool tls_failed(std::string fault);
  bool has_name_of_client() const;
  // Begins a connect, whatever is warm.
  bool connect_anew();
  // Of an attempt that has come to nothing.
  void drop_connection();
  void note_connected();
  void fail(int error, net::ConnectStep step = net::ConnectStep::kConnect);
  // The attempt has failed. `is_backends_fault`: it speaks against the backend.
  void fail(int error, CloseReason reason, bool is_backends_fault);
  void enter(const std::shared_ptr<pool::Pool>& pool);
  // Takes the fallback pool, to go on there. False: there is none.
  bool fall_back();
  // Takes a place at a backend that its pools have passed over so far, of those before `end` (none: of all).
  // False: there is none, or it has had one.
  bool take_last_resort(const pool::Pool* end);
  // Nothing is left but the last resort, to which it goes on, or else tells the owner `reason`.
  void end(CloseReason reason);

  static constexpr base::Micros kNoTime{-1};
  static std::optional<base::Micros> told(base::Micros time) {
    return time == kNoTime ? std::nullopt : std::optional(time);
  }

  // What is known until a connection stands. A session has one for the shortest part of its life.
  struct Search final : pool::ClientReach {
    Search(pool::Waker& waker, pool::Waiter::Owner& owner, std::shared_ptr<pool::Pool> first,
           const pool::ClientTraits& of, const net::TcpOptions& with)
        : first_pool(std::move(first)), client(of), waiter(waker, owner), options(&with) {}

    bool reaches(const pool::Backend& to) const override { return is_within_reach(to, client.address); }
    pool::Pool::Seeker seeker() const { return {key, tried, this}; }

    const std::shared_ptr<pool::Pool> first_pool;
    const pool::ClientTraits client;
    std::shared_ptr<pool::Pool> pool;
    std::shared_ptr<const pool::PoolSettings> settings;  // that pool's, as they were when the place was taken
    std::shared_ptr<pool::Backend> backend;
    pool::Waiter waiter;
    const net::TcpOptions* const options;
    std::uint64_t key = 0;
    balance::Tried tried;          // in this pool
    bool is_last_resort = false;   // it has come to that
    bool has_waited_here = false;  // in this pool's queue
    base::Micros waited_here{0};
    CloseReason reason = CloseReason::kNoBackend;  // why there is no connection, if none comes to stand
    base::TimePoint begun;
    base::TimePoint deadline = base::TimePoint::max();
    std::unique_ptr<tls::TlsStream> stream;  // while its handshake is under way
    net::Ready told{};                       // of the connection, so far
    bool is_over = false;                    // the owner has been told that there will be no connection
    std::string tls_fault;                   // of the last attempt; empty: it did not fail by TLS
    base::Micros warm_took{0};               // the connect of the warm connection that it is over
  };

  const Services& services_;
  Owner& owner_;
  relay::Peer& peer_;
  std::unique_ptr<Search> search_;  // none before `start` and once connected
  pool::Slot slot_;
  pool::PortHold port_;  // from the connect until the socket is closed
  std::shared_ptr<pool::Backend> failed_;
  int last_error_ = 0;
  std::uint8_t attempts_ = 0;
  bool was_retry_denied_ = false;
  bool was_warm_ = false;
  bool has_fallen_back_ = false;
  base::Micros connect_time_ = kNoTime;
  base::Micros queue_time_ = kNoTime;
};

}  // namespace weir::session
