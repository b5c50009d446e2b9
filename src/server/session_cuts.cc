#include "server/session_cuts.h"

namespace weir::server {

void SessionCuts::call_off(const pool::Backend& backend, session::CloseReason reason) {
  std::erase_if(planned_, [&](const Planned& one) {
    return one.cut.backend.get() == &backend && one.cut.reason == reason;
  });
}

std::vector<session::SessionCut> SessionCuts::take_due(base::TimePoint now) {
  std::vector<session::SessionCut> due;
  std::erase_if(planned_, [&](Planned& one) {
    if (!one.pool->has_sessions_at(*one.cut.backend)) return true;
    if (one.due > now) return false;
    due.push_back(std::move(one.cut));
    return true;
  });
  return due;
}

}  // namespace weir::server
