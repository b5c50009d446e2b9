// When a backend may be given new warm connections: at once while they are used, and ever more seldom while
// it closes them, speaks first on them or refuses them, so that it is not hammered with connections that
// nobody uses. Pure: time is an argument.
#pragma once

#include "base/clock.h"

namespace weir::pool {

class WarmPace {
 public:
  // The first pause after something went wrong. Each further one is twice as long, up to `kLongest`.
  static constexpr base::Millis kShortest{1'000};
  static constexpr base::Millis kLongest{30'000};

  bool may_connect(base::TimePoint now) const { return now >= paused_until_; }

  // A connect failed.
  void failed(base::TimePoint now) { pause(now); }
  // A connection was given up that had stood for `stood`. One that stood for `kLongest` says nothing against
  // keeping others, but that the backend may just be restarting.
  void given_up(base::TimePoint now, base::Micros stood);
  // A client is served by one: the pauses begin with the shortest again. One that is under way goes on, or a
  // backend that closes what is idle would be given a new set with every client.
  void used() { next_ = kShortest; }

 private:
  void pause(base::TimePoint now);

  base::TimePoint paused_until_ = base::TimePoint::min();
  base::Millis next_ = kShortest;
};

}  // namespace weir::pool
