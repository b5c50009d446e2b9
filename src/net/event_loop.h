// One libevent loop: one thread runs it, and only that thread touches it. What other threads have to say
// comes through a `Mailbox`. Objects that a callback may still be standing in are freed by the end-of-turn
// hook, never in the turn itself. Wraps event_base without libevent's locks.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"

struct event_base;

namespace weir::net {

class EventLoop {
 public:
  // Descriptors that each loop holds: epoll's, and the library's own pair for signals.
  static constexpr unsigned kDescriptors = 3;

  // Fails when the kernel gives no descriptor for epoll.
  static base::Result<std::unique_ptr<EventLoop>> create();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs turns until `stop`. Each turn waits for events, calls their callbacks, then the end-of-turn hooks.
  void run();

  // Ends `run` after the turn that is under way. On the loop's thread only.
  void stop() { stopping_ = true; }

  // `hook` runs after the callbacks of every turn. Hooks cannot be taken away: their owner outlives the last
  // turn.
  void at_end_of_turn(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }

  event_base* base() { return base_; }

 private:
  explicit EventLoop(event_base* base) : base_(base) {}

  event_base* const base_;
  std::vector<std::function<void()>> hooks_;
  bool stopping_ = false;
};

// Where the library says what it can say to nobody else, such as a descriptor that the kernel would not
// watch: its session then ends at its deadline. `report` is called on any loop's thread. Once, before any
// loop runs; without it such words go to the standard error stream.
void report_loop_warnings(std::function<void(std::string_view)> report);

}  // namespace weir::net
