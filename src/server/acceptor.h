// Accepts from one listening socket on behalf of one worker. In bounded batches, which grow while more wait
// than are taken; a permit first and the connection then; without a permit or a descriptor it pauses or
// refuses, counts it, and never spins. What an accepted client becomes is the worker's business.
#pragma once

#include <memory>
#include <utility>

#include "admission/connection_slots.h"
#include "config/model.h"
#include "net/watch.h"
#include "server/door.h"
#include "server/listening_socket.h"
#include "session/session.h"

namespace weir::server {

class Acceptor {
 public:
  class Owner {
   public:
    // A client was let in by this door.
    virtual void accepted(session::Admitted&& admitted, Door& door) = 0;

   protected:
    ~Owner() = default;
  };

  struct Rules {
    admission::ConnectionSlots& slots;
    config::WhenFull when_full;
  };

  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // `door` is the listener's on this worker, and there for all its sockets. The socket stays open when the
  // acceptor goes.
  Acceptor(net::EventLoop& loop, Owner& owner, Rules rules, Door& door,
           std::shared_ptr<ListeningSocket> socket);

  // Another listener's door from the next client on, and another rule.
  void change(Door& door, config::WhenFull when_full) {
    door_ = &door;
    // One that waits for a permit may refuse now.
    if (std::exchange(rules_.when_full, when_full) != when_full && is_paused_) resume();
  }

  // Begins to accept, or goes on after a pause. On the worker's thread.
  void resume();

  // Takes what has already arrived and closes the listening socket. Those for whom there is no permit are
  // refused. Where another process accepts from it, it is left to that one with all who wait.
  void drain();

 private:
  enum class Step { kAgain, kDone };

  void on_ready(net::Ready);
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
  Rules rules_;
  Door* door_;
  const std::shared_ptr<ListeningSocket> socket_;
  bool draining_ = false;
  bool is_paused_ = false;  // for want of a permit
  int batch_ = 1;
  int full_batches_ = 0;  // in turns that followed one another
  std::uint64_t last_turn_ = 0;
  net::Watch watch_;
  net::Timer retry_;
};

}  // namespace weir::server
