// Interest in one descriptor, and a timer. Both are members of the object whose method they call, so a
// callback cannot outlive its object: the destructor takes the interest back. Level-triggered. libevent shows
// an error or a hang-up as readability or writability, whichever is asked for: the next read or write says
// which it was.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/assert.h"
#include "base/clock.h"
#include "net/event_loop.h"

namespace weir::net {

enum class Interest : short { kNone = 0, kRead = EV_READ, kWrite = EV_WRITE, kBoth = EV_READ | EV_WRITE };

constexpr Interest interest_in(bool reading, bool writing) {
  return static_cast<Interest>((reading ? EV_READ : 0) | (writing ? EV_WRITE : 0));
}

// What a watched descriptor is ready for; both may hold.
struct Ready {
  bool read = false;
  bool write = false;
};

class Watch {
 public:
  Watch() = default;
  ~Watch() { stop(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Binds `fd` to `(owner->*method)(Ready)`, without interest yet. May be called again to bind anew.
  // `fd` stays the caller's and must stay open until `stop`.
  template <auto method, class Owner>
  void bind(EventLoop& loop, int fd, Owner* owner) {
    stop();
    base_ = loop.base();
    fd_ = fd;
    owner_ = owner;
    callback_ = [](evutil_socket_t, short what, void* arg) {
      (static_cast<Owner*>(arg)->*method)(Ready{(what & EV_READ) != 0, (what & EV_WRITE) != 0});
    };
  }

  // Asks for `interest` from now on. At most one epoll_ctl, at the end of the turn; none when nothing
  // changes. Precondition: bound. False when memory is out; what the kernel refuses is told by
  // `report_loop_warnings`.
  [[nodiscard]] bool want(Interest interest);

  // Takes the interest back; no callback comes after this. Idempotent.
  void stop();

  Interest interest() const { return interest_; }

 private:
  event event_{};
  event_base* base_ = nullptr;
  void* owner_ = nullptr;
  event_callback_fn callback_ = nullptr;
  int fd_ = -1;
  Interest interest_ = Interest::kNone;
};

// A one-shot timer on a loop, precise to about a millisecond. For many deadlines use the `TimerWheel`.
class Timer {
 public:
  Timer() = default;
  ~Timer() { stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  template <auto method, class Owner>
  void bind(EventLoop& loop, Owner* owner) {
    stop();
    event_assign(
        &event_, loop.base(), -1, 0,
        [](evutil_socket_t, short, void* arg) { (static_cast<Owner*>(arg)->*method)(); }, owner);
    bound_ = true;
  }

  // Calls the bound method once, `delay` from now; an earlier call of `start` is forgotten. Precondition:
  // bound.
  void start(base::Millis delay);
  void stop();

 private:
  event event_{};
  bool bound_ = false;
};

}  // namespace weir::net
