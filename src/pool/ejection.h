// A backend that fails session after session is left out for a time: what its sessions tell, without a check
// (outlier detection). The time grows with each ejection that follows soon on another. Pure.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace weir::pool {

struct EjectionRules {
  unsigned consecutive_failures = 5;  // 0: never
  base::Millis eject_time{
      30'000};  // the first time; n times that the n-th time in a row, at most `kMostGrowth` times
  double max_ejected = 0.5;    // share of a pool's backends that may be out at once
  bool observe_resets = true;  // a reset before the first byte counts as a failure too
  static constexpr unsigned kMostGrowth = 10;
};

// How a session fails by its backend's fault.
enum class Failure : std::uint8_t {
  kConnect,  // the connection did not come to stand
  kReset,    // it did, and was reset before the backend had sent anything
};

class Ejection {
 public:
  // A session failed. True: that is enough in a row, so it should be ejected, if that may be. Right after an
  // ejection one is enough. Connects and resets are counted apart, since a connect that stands ends the one
  // row and not the other.
  bool failed(const EjectionRules& rules, Failure how);

  // A connect stood.
  void connected() { connect_failures_ = 0; }

  // A session got what it came for.
  void served() { connect_failures_ = resets_ = 0; }

  // Out from now on; returns for how long.
  base::Millis eject(const EjectionRules& rules, base::TimePoint now);

  // Its time is over at `now`: true once.
  bool returns(const EjectionRules& rules, base::TimePoint now);

  // Ends its time at `now`, so that it returns on trial.
  void cut_short(base::TimePoint now) { until_ = now; }

  // Back at once, since it has shown that it takes connections; how often it was out in a row is remembered.
  void come_back() {
    is_out_ = false;
    served();
  }

  // Goes on from another one that was out for so long yet, in the how many'th time in a row.
  void go_on_from(const EjectionRules& rules, base::Millis still, unsigned in_a_row, base::TimePoint now);
  unsigned in_a_row() const { return in_a_row_; }

  // Back at once, and nothing is remembered.
  void forget() { *this = Ejection(); }

  bool is_out() const { return is_out_; }
  base::TimePoint until() const { return until_; }  // meaningful while it is out

 private:
  unsigned connect_failures_ = 0;  // in a row
  unsigned resets_ = 0;            // in a row
  unsigned in_a_row_ = 0;          // ejections
  bool is_out_ = false;
  base::TimePoint until_;
  base::Millis last_{0};
};

}  // namespace weir::pool
