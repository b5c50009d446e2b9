// Waits until a socket's send queue has been acknowledged, or a limit has passed. An abort throws away what
// is queued, so a reset that is passed on has to wait for the bytes before it. There is no event for an empty
// send queue: it is asked (SIOCOUTQ) at growing intervals, 1 ms to 64 ms. Made only for the sessions that
// need it.
#pragma once

#include <algorithm>
#include <functional>

#include "net/socket.h"
#include "net/watch.h"

namespace weir::relay {

class ResetLinger {
 public:
  // Calls `done` once, from a later turn. `fd` stays the caller's and must outlive this object.
  ResetLinger(net::EventLoop& loop, int fd, base::Millis limit, std::function<void()> done)
      : fd_(fd), deadline_(base::precise_now() + limit), done_(std::move(done)) {
    timer_.bind<&ResetLinger::look>(loop, this);
    timer_.start(interval_);
  }

 private:
  void look() {
    if (net::unacknowledged_bytes(fd_) == 0 || base::precise_now() >= deadline_) {
      done_();
      return;
    }
    interval_ = std::min(interval_ * 2, base::Millis(64));
    timer_.start(interval_);
  }

  const int fd_;
  const base::TimePoint deadline_;
  const std::function<void()> done_;
  base::Millis interval_{1};
  net::Timer timer_;
};

}  // namespace weir::relay
