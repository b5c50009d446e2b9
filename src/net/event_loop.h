// One epoll loop: one thread runs it, and only that thread touches it. What other threads have to say comes
// through a `Mailbox`. Objects that a callback may still be standing in are freed by the end-of-turn hook,
// never in the turn itself. epoll(7).
//
// It is ours and not a library's because it lies on the path of every byte: bench/NOTES.md has the figures.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "net/turn_meter.h"

namespace weir::net {

class Timer;
class Watch;

class EventLoop {
 public:
  // Descriptors that each loop holds.
  static constexpr unsigned kDescriptors = 1;

  // Fails when the kernel gives no descriptor for epoll.
  static base::Result<std::unique_ptr<EventLoop>> create();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs turns until `stop`. Each turn waits for events, calls their callbacks, then the timers that are due,
  // then the end-of-turn hooks.
  void run();

  // After a turn with events the thread looks for more for so long before it sleeps: it is there at once when
  // they come, at the price of the processor's time. 0, as at first: it sleeps at once.
  void set_busy_poll(base::Micros time) { busy_poll_ = time; }

  // `meter` is told of each turn from now on; it outlives the last one. Costs a look at the clock for each.
  void measure_turns(TurnMeter& meter) { meter_ = &meter; }

  // Counts the turns in which everything that was ready has been told: one that was told all that a turn can
  // tell may have left others waiting.
  std::uint64_t turn() const { return turn_; }

  // Ends `run` after the turn that is under way. On the loop's thread only.
  void stop() { stopping_ = true; }

  // `hook` runs after the callbacks of every turn. Hooks cannot be taken away: their owner outlives the last
  // turn.
  void at_end_of_turn(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }

 private:
  friend class Timer;
  friend class Watch;
  using Timers = std::multimap<base::TimePoint, Timer*>;

  static constexpr std::size_t kMostEvents = 256;  // of one wait

  // In which of two lists a watch waits to be called again: that of this turn or that of the next one.
  enum class Again : std::uint8_t { kNo, kOne, kOther };

  explicit EventLoop(base::UniqueFd epoll) : epoll_(std::move(epoll)) {}

  // A watched descriptor has a place here. The kernel is given the place and a number that each use of one
  // has for itself: an event that was under way when its watch stopped finds another number there, or nobody.
  void take_place(Watch& watch);
  void give_place_back(Watch& watch);
  Watch* find(std::uint64_t word) const;
  // Ends the turn that is under way for the meter.
  int wait();
  int wait_up_to(int millis);
  int wait_limit(base::TimePoint now) const;
  void call_ready(std::size_t count);
  void call_again(Again list);
  void call_due();

  const base::UniqueFd epoll_;
  std::array<epoll_event, kMostEvents> ready_{};
  std::vector<Watch*> places_;
  std::vector<std::uint32_t> free_places_;
  std::uint32_t uses_ = 0;
  std::vector<std::uint64_t> again_;  // words, as the kernel has them, for the next turn
  std::vector<std::uint64_t> called_again_;
  Again next_list_ = Again::kOne;  // what `again_` is
  Timers timers_;
  std::vector<std::function<void()>> hooks_;
  base::Micros busy_poll_{0};
  TurnMeter* meter_ = nullptr;  // none: nobody measures
  std::uint64_t turn_ = 0;
  bool had_events_ = false;
  bool stopping_ = false;
};

}  // namespace weir::net
