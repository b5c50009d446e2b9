// Whole pools, and what they say, in few words: for the tests of pools, their slots and their queue.
#pragma once

#include "pool/pool.h"
#include "unit/pool/rosters.h"

namespace weir::pool {

struct PoolOptions {
  RosterRules roster{};
  std::uint32_t queue_length = 100;
};

inline std::shared_ptr<Pool> pool_of(Backends backends, const PoolOptions& options = {}) {
  PoolSettings settings;
  settings.name = "p";
  settings.roster = options.roster;
  settings.queue_length = options.queue_length;
  return std::make_shared<Pool>(std::move(settings), std::move(backends));
}

inline Slot pick(Pool& pool, const balance::Tried& tried = {}) {
  NoPick why_not = NoPick::kNone;
  return pool.pick({0, tried}, why_not);
}

inline std::string name_of(const Slot& slot) { return slot ? slot.backend()->name() : "none"; }

inline std::uint32_t in_flight(const Pool& pool, std::string_view name) {
  for (const BackendView& view : pool.view().backends) {
    if (view.backend->name() == name) return view.in_flight;
  }
  ADD_FAILURE() << "no backend " << name;
  return 0;
}

}  // namespace weir::pool
