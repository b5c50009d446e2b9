// Interest in one descriptor, and a timer. Both are members of the object whose method they call, so a
// callback cannot outlive its object: the destructor takes the interest back. epoll_ctl(2).
#pragma once

#include <cstdint>
#include <utility>

#include "base/clock.h"
#include "net/event_loop.h"

namespace weir::net {

enum class Interest : std::uint8_t { kNone = 0, kRead = 1, kWrite = 2, kBoth = 3 };

constexpr Interest interest_in(bool reading, bool writing) {
  return static_cast<Interest>((reading ? 1 : 0) | (writing ? 2 : 0));
}
constexpr bool asks_to_read(Interest interest) { return (static_cast<unsigned>(interest) & 1) != 0; }
constexpr bool asks_to_write(Interest interest) { return (static_cast<unsigned>(interest) & 2) != 0; }

// What a watched descriptor is ready for; any of them may hold.
struct Ready {
  bool read = false;   // bytes, an end or an error can be read
  bool write = false;  // there is room, or an error shows
  bool ended = false;  // the other side has ended its stream: all that it has sent is here
  // An error, the end of both directions or urgent data: a read may have given less than it was asked for and
  // yet not have taken all.
  bool read_on = false;
  bool failed = false;  // there is an error to take (SO_ERROR)
};

class Watch {
 public:
  Watch() = default;
  ~Watch() { stop(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Binds `fd` to `(owner->*method)(Ready)`, without interest yet. May be called again to bind anew.
  // `fd` stays the caller's and must stay open until `stop` or `forget`.
  template <auto method, class Owner>
  void bind(EventLoop& loop, int fd, Owner* owner) {
    stop();
    loop_ = &loop;
    fd_ = fd;
    hand_to<method>(owner);
  }

  // From now on `(owner->*method)` is called; the interest stays as it is. Precondition: bound.
  template <auto method, class Owner>
  void hand_to(Owner* owner) {
    owner_ = owner;
    callback_ = [](void* to, Ready ready) { (static_cast<Owner*>(to)->*method)(ready); };
  }

  // Asks for `interest` from now on, level-triggered: it is called in every turn in which there is something.
  // An end or an error shows as what is asked for. At most one epoll_ctl, none when nothing changes.
  // Precondition: bound, and not watched for edges. False when the kernel refuses, with errno.
  [[nodiscard]] bool want(Interest interest);

  // Asks to be called once when something that `interest` is about happens, and once with what holds at the
  // start: whoever is told keeps in mind what it has not used up. Ends and errors are told whatever the
  // interest. Meant to stand until the descriptor closes; otherwise like `want`.
  [[nodiscard]] bool want_edges(Interest interest);

  // Calls in the next turn, with nothing ready unless an event comes: for one who has left something for
  // later. Once, however often it is asked for. Precondition: there is interest.
  void call_again();

  // Takes the interest back; no callback comes after this. Idempotent.
  void stop();

  // The same for a descriptor that is closed right after: the kernel then takes the interest back by itself,
  // so this costs no call.
  void forget();

  Interest interest() const { return interest_; }

 private:
  friend class EventLoop;

  // `events` as of epoll; none for a call again.
  void call(std::uint32_t events);
  bool tell_kernel(std::uint32_t events);
  // What the kernel knows it by.
  std::uint64_t word() const { return std::uint64_t{use_} << 32 | place_; }

  EventLoop* loop_ = nullptr;
  void* owner_ = nullptr;
  void (*callback_)(void*, Ready) = nullptr;
  int fd_ = -1;
  std::uint32_t place_ = 0;  // in the loop, while there is interest
  std::uint32_t use_ = 0;    // no other one of the loop's has had this number
  EventLoop::Again again_ = EventLoop::Again::kNo;
  Interest interest_ = Interest::kNone;
  bool edges_ = false;
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
    loop_ = &loop;
    owner_ = owner;
    callback_ = [](void* to) { (static_cast<Owner*>(to)->*method)(); };
  }

  // Calls the bound method once, `delay` from now or a little later, never earlier; an earlier call of
  // `start` is forgotten. Precondition: bound.
  void start(base::Millis delay);
  void stop();
  bool is_running() const { return runs_; }

 private:
  friend class EventLoop;
  void fire();

  EventLoop* loop_ = nullptr;
  void* owner_ = nullptr;
  void (*callback_)(void*) = nullptr;
  EventLoop::Timers::iterator at_;        // while it runs
  EventLoop::Timers::node_type resting_;  // while it does not, so that starting again allocates nothing
  bool runs_ = false;
};

}  // namespace weir::net
