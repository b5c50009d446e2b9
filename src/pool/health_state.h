// Whether a backend is up, by its checks: it takes some failures in a row to be down and some passes in a row
// to be up again. Pure.
#pragma once

#include <string>

namespace weir::pool {

struct HealthRules {
  bool is_checked = false;  // false: up for ever
  unsigned rise = 2;        // passes in a row that make it up, at least 1
  unsigned fall = 3;        // failures in a row that make it down, at least 1
  bool initially_up = true;
};

class HealthState {
 public:
  explicit HealthState(const HealthRules& rules)
      : rules_(rules), up_(!rules.is_checked || rules.initially_up) {}

  // A check's outcome. True: it has come up, or gone down, by this.
  bool passed();
  bool failed(std::string reason);

  // From now on these hold. Whether it is up stays as it is, but that one which is not checked is up. True:
  // it has come up by this.
  bool change(const HealthRules& rules);

  // Goes on from what another one was found to be; nothing happens where there are no checks.
  void go_on_from(bool up, std::string reason);

  bool up() const { return up_; }

  // The last outcomes speak against what it is taken for, so more should follow soon.
  bool changing() const { return against_ > 0; }

  // What the last failed check said; empty when none has failed since it came up.
  const std::string& reason() const { return reason_; }

  // No check has told anything yet.
  bool is_untold() const { return untold_; }

 private:
  bool note(bool says_up);

  HealthRules rules_;
  bool up_;
  bool untold_ = true;
  unsigned against_ = 0;  // outcomes in a row that speak against `up_`
  std::string reason_;
};

}  // namespace weir::pool
