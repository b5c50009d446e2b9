// Sessions that are to end since their backend is down, gone or in maintenance: each such cut has its reason,
// is due some time later and is called off by what undoes that reason only. It ends the sessions that were
// there when the reason came up; those that were placed there later, in panic, are there on purpose. Knows
// neither workers nor a clock. One thread.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "pool/pool.h"
#include "session/close_reason.h"

namespace weir::server {

struct SessionCut {
  std::shared_ptr<pool::Pool> pool;
  std::shared_ptr<pool::Backend> backend;
  session::CloseReason reason;
  std::uint64_t last_place = 0;  // of the pool, when the reason came up: later ones stay
  base::TimePoint due;
};

class SessionCuts {
 public:
  // For workers numbered from 0.
  explicit SessionCuts(std::size_t workers) : workers_(workers) {}

  void plan(SessionCut cut) { planned_.push_back({std::move(cut), 0}); }

  // What made `reason` one is over.
  void call_off(const pool::Backend& backend, session::CloseReason reason);

  // Brings what is due to each worker by `deliver(worker, cut)`; false: it could not take it, and gets it the
  // next time. Cuts whose backend has no sessions any more are dropped.
  template <class Deliver>
  void carry_out(base::TimePoint now, const Deliver& deliver) {
    std::erase_if(planned_, [&](Planned& one) {
      if (one.next == 0 && !one.cut.pool->has_sessions_at(*one.cut.backend)) return true;
      if (one.cut.due > now) return false;
      while (one.next < workers_ && deliver(one.next, one.cut)) ++one.next;
      return one.next == workers_;
    });
  }

  std::size_t size() const { return planned_.size(); }

 private:
  struct Planned {
    SessionCut cut;
    std::size_t next = 0;  // worker that has to be told
  };

  const std::size_t workers_;
  std::vector<Planned> planned_;
};

}  // namespace weir::server
