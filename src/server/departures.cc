#include "server/departures.h"

#include <unordered_map>
#include <unordered_set>

namespace weir::server {

Departures::Departures(const Running& was) {
  for (std::size_t i = 0; i < was.world.pools.size(); ++i) {
    const auto& pool = was.world.pools[i];
    const std::vector<std::shared_ptr<pool::Backend>> members = pool->members();
    const std::unordered_set<std::shared_ptr<pool::Backend>> belong(members.begin(), members.end());
    for (const pool::BackendView& view : pool->view().backends) {
      if (view.in_flight == 0 || !belong.contains(view.backend)) continue;
      places_.push_back({pool, view.backend, view.in_flight, was.config.pools[i].sessions.on_removed.fate});
    }
  }
}

Departures::Counts Departures::counts(const Running& now) const {
  std::unordered_map<const pool::Pool*, config::SessionFate> fates;
  std::unordered_set<const pool::Backend*> stay;
  for (std::size_t i = 0; i < now.world.pools.size(); ++i) {
    fates.emplace(now.world.pools[i].get(), now.config.pools[i].sessions.on_removed.fate);
    for (const auto& backend : now.world.pools[i]->members()) stay.insert(backend.get());
  }
  Counts counts;
  for (const Place& place : places_) {
    if (stay.contains(place.backend.get())) continue;
    const auto fate = fates.find(place.pool.get());
    switch (fate == fates.end() ? place.fate : fate->second) {
      case config::SessionFate::kKeep:
        counts.kept += place.sessions;
        break;
      case config::SessionFate::kDrain:
        counts.draining += place.sessions;
        break;
      case config::SessionFate::kClose:
        counts.closing += place.sessions;
        break;
    }
  }
  return counts;
}

}  // namespace weir::server
