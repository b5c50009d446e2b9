#include "pool/ejection.h"

#include <algorithm>

namespace weir::pool {

bool Ejection::failed(const EjectionRules& rules, Failure how) {
  if (is_out_ || rules.consecutive_failures == 0) return false;
  unsigned& failures = how == Failure::kConnect ? connect_failures_ : resets_;
  failures = std::min(failures + 1, rules.consecutive_failures);
  return failures == rules.consecutive_failures;
}

base::Millis Ejection::eject(const EjectionRules& rules, base::TimePoint now) {
  // One that has stayed in for as long as it was out has made up for the ejection before.
  if (in_a_row_ > 0 && now >= until_ + last_) in_a_row_ = 0;
  in_a_row_ = std::min(in_a_row_ + 1, EjectionRules::kMostGrowth);
  is_out_ = true;
  last_ = rules.eject_time * in_a_row_;
  until_ = now + last_;
  return last_;
}

void Ejection::go_on_from(const EjectionRules& rules, base::Millis still, unsigned in_a_row,
                          base::TimePoint now) {
  if (rules.consecutive_failures == 0) return;
  in_a_row_ = std::clamp(in_a_row, 1u, EjectionRules::kMostGrowth);
  last_ = rules.eject_time * in_a_row_;
  is_out_ = true;
  // The rules may be others by now.
  until_ = now + std::clamp(still, base::Millis(0), last_);
}

bool Ejection::returns(const EjectionRules& rules, base::TimePoint now) {
  if (!is_out_ || now < until_) return false;
  is_out_ = false;
  // On trial: the first that fails sends it out again.
  connect_failures_ = resets_ = rules.consecutive_failures - 1;
  return true;
}

}  // namespace weir::pool
