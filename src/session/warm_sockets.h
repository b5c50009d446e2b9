// Connections to one backend that stand before a client needs them, on one worker. Each is handed out once,
// the oldest first, and is never used again after its session; one on which the backend ends or speaks before
// that is given up. They come from the pool's source addresses, as sessions' connects do. Which backends have
// them, and how many, is decided above (`server/warmer`); when new ones may be made is `pool/warm_pace`'s to
// say. They hold no places at the backend: a place is a session's.
//
// A host that vanishes without a word shows by keep-alive probes that it does not answer, within about five
// seconds; until then a connection on which it has missed one is not handed out.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "net/socket.h"
#include "net/watch.h"
#include "pool/backend.h"
#include "pool/warm_pace.h"

namespace weir::session {

// A connection that stands and its local port, which is to be held as long as the socket is open.
struct WarmConnection {
  base::UniqueFd fd;
  pool::PortHold port;
  base::Micros took{0};  // its connect

  explicit operator bool() const { return static_cast<bool>(fd); }
};

// Where a connector asks for a warm connection.
class WarmSource {
 public:
  // A connection to `backend` that stands, on which nothing has come and whose TCP options are of no account;
  // empty: there is none.
  virtual WarmConnection take(const pool::Backend& backend) = 0;

 protected:
  ~WarmSource() = default;
};

class WarmSockets {
 public:
  // Told when the backend's host no longer answers, once for all the connections that go with it. From its
  // own callbacks and from `take`.
  using Lost = std::function<void(base::TimePoint now)>;

  // Keeps none until it is told how many.
  WarmSockets(
      net::EventLoop& loop, std::shared_ptr<pool::Backend> backend, base::Millis connect_timeout,
      Lost lost = [](base::TimePoint) {});
  ~WarmSockets();
  WarmSockets(const WarmSockets&) = delete;
  WarmSockets& operator=(const WarmSockets&) = delete;

  // How many it shall keep; what is more is closed. `refill` makes what is missing.
  void keep(std::size_t count);

  // Begins the connects that are missing, unless the pace says no, and gives up those that take longer than
  // `connect_timeout`. To be called a few times a second and at the end of a turn in which one was taken;
  // never from one of its own callbacks.
  void refill(base::TimePoint now);

  // The oldest on which the backend is silent up to this moment and its host answers, or nothing.
  WarmConnection take(base::TimePoint now);

  // Connections that wait for a client.
  std::size_t ready() const { return ready_.size(); }
  // Descriptors that it holds.
  std::size_t size() const { return ready_.size() + connecting_.size(); }

 private:
  // One connection, first on its way and then ready.
  class Warm {
   public:
    Warm(WarmSockets& owner, WarmConnection connection, base::TimePoint now)
        : owner_(owner), connection_(std::move(connection)), since_(now) {}

    int fd() const { return connection_.fd.get(); }
    // False when memory is out.
    bool watch(net::EventLoop& loop, net::Interest interest);
    WarmConnection release();
    void close();
    base::TimePoint since() const { return since_; }
    void stands_since(base::TimePoint now);

   private:
    void on_ready(net::Ready ready) { owner_.on_ready(*this, ready); }

    WarmSockets& owner_;
    WarmConnection connection_;
    base::TimePoint since_;  // its connect was begun; then: it stands
    const base::TimePoint begun_ = base::precise_now();
    net::Watch watch_;
  };

  void connect(base::TimePoint now);
  void on_ready(Warm& warm, net::Ready ready);
  // The connect of `warm` is over.
  void settle(Warm& warm, int error, base::TimePoint now);
  // Of one that stood: the backend has ended it or spoken, or it has failed with `error`.
  void ended(Warm& warm, int error, base::TimePoint now);
  void give_up(Warm& warm, base::TimePoint now);
  // Takes it out of its list. It is freed later, since a callback may still stand in it.
  void bury(Warm& warm);

  net::EventLoop& loop_;
  const std::shared_ptr<pool::Backend> backend_;
  const base::Millis connect_timeout_;
  const Lost lost_;
  const net::TcpOptions options_;
  std::size_t wanted_ = 0;
  pool::WarmPace pace_;
  std::deque<std::unique_ptr<Warm>> connecting_;
  std::deque<std::unique_ptr<Warm>> ready_;  // the oldest in front
  std::vector<std::unique_ptr<Warm>> buried_;
};

}  // namespace weir::session
