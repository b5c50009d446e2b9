// Sessions that are to end since their backend is down, gone or in maintenance: each such cut has its reason,
// is due some time later and is called off by what undoes that reason only. It ends the sessions that were
// there when the reason came up; those that were placed there later, in panic, are there on purpose. Knows
// neither workers nor a clock. One thread.
#pragma once

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "pool/pool.h"
#include "session/session_table.h"

namespace weir::server {

class SessionCuts {
 public:
  using Cuts = std::shared_ptr<const std::vector<session::SessionCut>>;

  // `cut.backend` is one of `pool`; the cut is due at `due`.
  void plan(std::shared_ptr<pool::Pool> pool, session::SessionCut cut, base::TimePoint due) {
    planned_.push_back({std::move(pool), std::move(cut), due});
  }

  // What made `reason` one is over. Those that have been brought to a worker already are not held back.
  void call_off(const pool::Backend& backend, session::CloseReason reason);

  // Brings what is due, together, to each of `workers` by `deliver(worker, cuts)`; false: it could not take
  // it, and gets it the next time. Cuts whose backend has no sessions any more are dropped.
  template <class Worker, class Deliver>
  void carry_out(base::TimePoint now, const std::vector<std::shared_ptr<Worker>>& workers,
                 const Deliver& deliver) {
    if (auto due = take_due(now); !due.empty()) {
      under_way_.push_back({std::make_shared<const std::vector<session::SessionCut>>(std::move(due)), {}});
    }
    std::erase_if(under_way_, [&](UnderWay& one) {
      bool all = true;
      for (const auto& worker : workers) {
        if (!one.told.contains(worker.get()) && deliver(*worker, one.cuts)) one.told.insert(worker.get());
        all = all && one.told.contains(worker.get());
      }
      return all;
    });
  }

  // Nothing is planned and nothing under way.
  bool is_idle() const { return planned_.empty() && under_way_.empty(); }

  // Cuts that wait for their time.
  std::size_t size() const { return planned_.size(); }

 private:
  struct Planned {
    std::shared_ptr<pool::Pool> pool;
    session::SessionCut cut;
    base::TimePoint due;
  };
  struct UnderWay {
    Cuts cuts;
    std::set<const void*> told;  // workers
  };

  std::vector<session::SessionCut> take_due(base::TimePoint now);

  std::vector<Planned> planned_;
  std::vector<UnderWay> under_way_;
};

}  // namespace weir::server
