// What becomes of the sessions at backends that another configuration takes away, in numbers for people: they
// stay, may end by themselves for a while, or are closed, as `sessions.on_removed` says.
#pragma once

#include <cstdint>
#include <vector>

#include "server/running.h"

namespace weir::server {

class Departures {
 public:
  struct Counts {
    std::uint64_t kept = 0;
    std::uint64_t draining = 0;
    std::uint64_t closing = 0;
  };

  // Looks at the sessions that there are, before the pools change.
  explicit Departures(const Running& was);

  // Of those at backends that are in no pool of `now`, after the pools have changed. A pool that is gone has
  // the rule that it had.
  Counts counts(const Running& now) const;

 private:
  struct Place {
    std::shared_ptr<pool::Pool> pool;
    std::shared_ptr<pool::Backend> backend;
    std::uint32_t sessions = 0;
    config::SessionFate fate = config::SessionFate::kKeep;
  };

  std::vector<Place> places_;  // those with sessions
};

}  // namespace weir::server
