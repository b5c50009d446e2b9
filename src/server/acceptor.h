// Accepts from one listening socket on behalf of one worker. In bounded batches, which grow while more wait
// than are taken; a permit first and the connection then; without a permit or a descriptor it pauses or
// refuses, counts it, and never spins. What an accepted client becomes is the worker's business.
#pragma once

#include <mutex>
#include <optional>

#include "admission/connection_slots.h"
#include "config/model.h"
#include "net/kernel_counters.h"
#include "net/packet_filter.h"
#include "net/watch.h"
#include "server/door.h"
#include "server/listener_set.h"
#include "session/session.h"

namespace weir::server {

class Acceptor {
 public:
  class Owner {
   public:
    // A client was let in on this listener.
    virtual void accepted(session::Admitted&& admitted, std::size_t listener) = 0;

   protected:
    ~Owner() = default;
  };

  struct Rules {
    admission::ConnectionSlots& slots;
    config::WhenFull when_full;
  };

  ~Acceptor() { close(); }
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // `door` is the listener's on this worker, and there for all its sockets. `filter` may be null; it is on
  // the socket already, and taken off before that closes.
  Acceptor(net::EventLoop& loop, Owner& owner, Rules rules, Door& door, net::PacketFilter* filter,
           Assigned&& socket);

  // Begins to accept, or goes on after a pause. On the worker's thread.
  void resume();

  // Takes what has already arrived and closes the listening socket. Those for whom there is no permit are
  // refused.
  void drain();

  std::size_t listener() const { return listener_; }
  const base::Address& address() const { return address_; }

  // The connections that wait to be accepted; nothing for a unix socket, and once the socket is closed. Any
  // thread.
  std::optional<net::AcceptQueue> queue() const;

  // Takes the packet filter off the socket, if there is one. Any thread.
  void take_off_filter();

 private:
  enum class Step { kAgain, kDone };

  void on_ready(net::Ready);
  void close();
  void note_turn();
  void begin_small();
  bool many_wait() const;
  void take_large_batch();
  Step accept_one();
  Step out_of_permits();
  Step accept_failed(int error);
  void pause(admission::Refusal reason);

  net::EventLoop& loop_;
  Owner& owner_;
  const Rules rules_;
  Door& door_;
  net::PacketFilter* const filter_;
  mutable std::mutex closing_;  // held to close the socket, and to look at it from another thread
  base::UniqueFd fd_;
  const std::size_t listener_;
  const base::Address address_;
  bool draining_ = false;
  int batch_ = 1;
  int full_batches_ = 0;  // in turns that followed one another
  std::uint64_t last_turn_ = 0;
  net::Watch watch_;
  net::Timer retry_;
};

}  // namespace weir::server
