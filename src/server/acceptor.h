// Accepts from one listening socket on behalf of one worker. In bounded batches, a permit first and the
// connection then; without a permit or a descriptor it pauses or refuses, counts it, and never spins. What an
// accepted client becomes is the worker's business.
#pragma once

#include "admission/connection_slots.h"
#include "config/model.h"
#include "net/watch.h"
#include "session/counters.h"
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

  Acceptor(net::EventLoop& loop, Owner& owner, Rules rules, base::UniqueFd fd, std::size_t listener,
           session::ListenerCounters& counters);

  // Begins to accept, or goes on after a pause. On the worker's thread.
  void resume();

  // Takes what has already arrived and closes the listening socket. Those for whom there is no permit are
  // refused.
  void drain();

 private:
  enum class Step { kAgain, kDone };

  void on_ready(net::Ready);
  Step accept_one();
  Step out_of_permits();
  Step accept_failed(int error);
  void pause(admission::Refusal reason);

  Owner& owner_;
  const Rules rules_;
  base::UniqueFd fd_;
  const std::size_t listener_;
  session::ListenerCounters& counters_;
  bool draining_ = false;
  net::Watch watch_;
  net::Timer retry_;
};

}  // namespace weir::server
