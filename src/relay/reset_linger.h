// Bounds the time between a reset and its passing on. An abort throws away what is queued, so the reset has
// to wait until the surviving side has acknowledged everything that came before it, for as long as that goes
// on: `limit` is a time without progress. There is no event for an empty send queue: it is asked (SIOCOUTQ)
// at growing intervals, 1 ms to 64 ms. Made only for the sessions that need it.
#pragma once

#include <algorithm>
#include <functional>

#include "net/socket.h"
#include "net/watch.h"
#include "relay/direction.h"

namespace weir::relay {

class ResetLinger {
 public:
  // Calls `expired` once, from a later turn: `rest` is done and acknowledged, or `limit` has passed without
  // progress. `rest` is the direction towards the survivor, whose socket is `fd`; both outlive this object.
  ResetLinger(net::EventLoop& loop, const Direction& rest, int fd, base::Millis limit,
              std::function<void()> expired)
      : rest_(rest),
        fd_(fd),
        limit_(limit),
        expired_(std::move(expired)),
        acknowledged_(acknowledged()),
        deadline_(base::precise_now() + limit) {
    timer_.bind<&ResetLinger::look>(loop, this);
    timer_.start(interval_);
  }

  // When it ends unless there is progress before.
  base::TimePoint deadline() const { return deadline_; }

  // It calls no more. May be called out of `expired`.
  void stop() { timer_.stop(); }

 private:
  std::uint64_t acknowledged() const {
    const auto unacknowledged = static_cast<std::uint64_t>(net::unacknowledged_bytes(fd_));
    return rest_.bytes - std::min(rest_.bytes, unacknowledged);
  }

  void look() {
    const base::TimePoint now = base::precise_now();
    const std::uint64_t acknowledged_now = acknowledged();
    if (rest_.done && net::unacknowledged_bytes(fd_) == 0) return expired_();
    if (acknowledged_now > acknowledged_) {
      acknowledged_ = acknowledged_now;
      deadline_ = now + limit_;
    }
    if (now >= deadline_) return expired_();
    interval_ = std::min(interval_ * 2, base::Millis(64));
    timer_.start(interval_);
  }

  const Direction& rest_;
  const int fd_;
  const base::Millis limit_;
  const std::function<void()> expired_;
  std::uint64_t acknowledged_;
  base::TimePoint deadline_;
  base::Millis interval_{1};
  net::Timer timer_;
};

}  // namespace weir::relay
