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

}  // namespace weir::admission
