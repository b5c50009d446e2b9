// Connects a session to a backend: picks, connects with a deadline, and goes to another backend while there
// is one and no byte has been sent. A member of its session, used once. It touches only the backend's `Peer`,
// which the relay takes over afterwards.
#pragma once

#include <memory>
#include <optional>

#include "pool/pool.h"
#include "relay/peer.h"
#include "session/close_reason.h"
#include "session/settings.h"

namespace weir::session {

class Connector {
 public:
  class Owner {
   public:
    // The backend's peer is connected, with no watch on it.
    virtual void connector_connected() = 0;
    // The same, but its host has already sent a reset after what it had to say. The error has been taken from
    // the socket: reading it will end like a clean stream.
    virtual void connector_connected_and_reset() = 0;
    // No attempt is left.
    virtual void connector_failed(CloseReason reason) = 0;
    // An attempt is under way and must stand by `deadline`; then call `timed_out`.
    virtual void connector_waits(base::TimePoint deadline) = 0;

   protected:
    ~Owner() = default;
  };

  Connector(net::EventLoop& loop, Owner& owner, relay::Peer& backend)
      : loop_(loop), owner_(owner), peer_(backend) {}
  ~Connector() { leave(); }
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Begins. Outcomes come through the owner, perhaps before this returns: a connect over loopback often
  // stands at once.
  void start(std::shared_ptr<pool::Pool> pool, const net::TcpOptions& options);

  // The deadline that was given to `connector_waits` has passed. A connect that stood by then is taken as it
  // is: the loop was late, not the backend.
  void timed_out();

  const std::shared_ptr<pool::Pool>& pool() const { return pool_; }
  // The backend of the last attempt; none before the first.
  const std::shared_ptr<pool::Backend>& backend() const { return backend_; }
  std::uint8_t attempts() const { return static_cast<std::uint8_t>(tried_.size()); }
  // Of the last attempt that failed; 0 and none when none did.
  int last_error() const { return last_error_; }
  const std::shared_ptr<pool::Backend>& failed_backend() const { return failed_; }
  // How long the attempt that stood took; nothing before one stood.
  std::optional<base::Micros> connect_time() const { return connect_time_; }

 private:
  void attempt();
  void on_ready(net::Ready);
  // Takes the outcome of a connect: tells the owner of a connection and returns true, or counts the failure
  // and cleans up.
  bool settle(int error);
  void fail(int error);
  void leave();

  net::EventLoop& loop_;
  Owner& owner_;
  relay::Peer& peer_;
  std::shared_ptr<pool::Pool> pool_;
  std::shared_ptr<pool::Backend> backend_;
  const net::TcpOptions* options_ = nullptr;
  balance::Tried tried_;
  bool in_flight_ = false;
  int last_error_ = 0;
  std::shared_ptr<pool::Backend> failed_;
  base::TimePoint begun_;
  std::optional<base::Micros> connect_time_;
};

}  // namespace weir::session
