#include "pool/warm_pace.h"

#include <algorithm>

namespace weir::pool {

void WarmPace::given_up(base::TimePoint now, base::Micros stood) {
  if (stood >= kLongest) next_ = kShortest;
  pause(now);
}

// All connections of a set often go at once: that is one mishap.
void WarmPace::pause(base::TimePoint now) {
  if (!may_connect(now)) return;
  paused_until_ = now + next_;
  next_ = std::min(next_ * 2, kLongest);
}

}  // namespace weir::pool
