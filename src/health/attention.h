// Counts a probe's time against its limit, but only the time in which its loop was attentive. The limit is
// cut into pieces, each ended by a timer. A piece whose timer came much too late says that the loop, or the
// whole process, was held up: it does not count, so that a backend is never blamed for it. A bounded number
// of pieces is forgiven, so that every probe ends. Pure: `now` is an argument.
#pragma once

#include "base/clock.h"

namespace weir::health {

class Attention {
 public:
  static constexpr int kPieces = 8;
  static constexpr int kForgiven = 8;

  // Begins to count at `now`. Precondition: `limit` is at least 1 ms.
  void start(base::TimePoint now, base::Millis limit);

  // How long the timer of the piece that is under way has to run; at least 1 ms.
  base::Millis wait(base::TimePoint now) const;

  // The piece's timer has fired. True when the limit is used up. A timer that fired too early changes
  // nothing: ask `wait` again, as always after false.
  bool is_used_up(base::TimePoint now);

 private:
  base::TimePoint piece_begun_{};
  base::Millis piece_{1};
  int left_ = 0;
  int forgiven_ = 0;
};

}  // namespace weir::health
