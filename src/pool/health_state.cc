#include "pool/health_state.h"

#include <utility>

namespace weir::pool {

bool HealthState::note(bool says_up) {
  untold_ = false;
  if (says_up == up_) {
    against_ = 0;
    return false;
  }
  if (++against_ < (says_up ? rules_.rise : rules_.fall)) return false;
  up_ = says_up;
  against_ = 0;
  return true;
}

bool HealthState::change(const HealthRules& rules) {
  rules_ = rules;
  if (rules_.is_checked) return false;
  const bool was_up = up_;
  *this = HealthState(rules);
  return !was_up;
}

void HealthState::go_on_from(bool up, std::string reason) {
  if (!rules_.is_checked) return;
  up_ = up;
  untold_ = false;
  against_ = 0;
  reason_ = std::move(reason);
}

bool HealthState::passed() {
  const bool changed = note(true);
  if (up_) reason_.clear();
  return changed;
}

bool HealthState::failed(std::string reason) {
  reason_ = std::move(reason);
  return note(false);
}

}  // namespace weir::pool
