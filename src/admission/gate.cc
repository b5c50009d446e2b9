#include "admission/gate.h"

namespace weir::admission {

Decision Gate::admit(const base::Address& client, base::TimePoint now, LimitPermits& permits) {
  Decision decision;
  if (!rules_.access->admits(client)) {
    decision.refused = Refusal::kDenied;
    return decision;
  }
  const auto over = rules_.limits->admit(client, now, permits);
  if (over && !rules_.limits->dry_run()) {
    decision.refused = over;
    return decision;
  }
  decision.would_refuse = over;
  if (rules_.process_rate == nullptr || rules_.process_rate->admit(now)) {
    if (permits.is_unlimited) rules_.limits->count_unlimited();
    return decision;
  }
  if (!over) rules_.limits->undo(permits);
  decision.refused = Refusal::kProcessRate;
  decision.would_refuse.reset();
  return decision;
}

Decision Gate::admit_peer(const base::Address& peer, base::TimePoint now, LimitPermits& permits) {
  if (rules_.proxies == nullptr) return admit(peer, now, permits);
  Decision decision;
  if (!rules_.access->admits(peer)) {
    decision.refused = Refusal::kDenied;
  } else if (rules_.proxies->admits(peer)) {
    decision.is_proxy = true;
  } else if (rules_.proxies_only) {
    decision.refused = Refusal::kUntrusted;
  } else {
    return admit(peer, now, permits);
  }
  return decision;
}

}  // namespace weir::admission
