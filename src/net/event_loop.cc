#include "net/event_loop.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/assert.h"
#include "net/watch.h"

namespace weir::net {

base::Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return base::failure(base::system_error("event loop", errno));
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll)));
}

EventLoop::~EventLoop() = default;

void EventLoop::run() {
  stopping_ = false;
  while (!stopping_) {
    const int count = wait();
    if (meter_ != nullptr) meter_->begin(base::precise_now());
    had_events_ = count > 0;
    if (static_cast<std::size_t>(count) < kMostEvents) ++turn_;
    // What is asked for from now on is for the next turn.
    const Again list = next_list_;
    next_list_ = list == Again::kOne ? Again::kOther : Again::kOne;
    called_again_.swap(again_);
    call_ready(static_cast<std::size_t>(count));
    call_again(list);
    call_due();
    for (const auto& hook : hooks_) hook();
  }
  if (meter_ != nullptr) meter_->end(base::precise_now());
}

int EventLoop::wait() {
  // One look for the turn that ends here and for what comes next.
  base::TimePoint now;
  if (meter_ != nullptr || !timers_.empty() || busy_poll_.count() > 0) now = base::precise_now();
  if (meter_ != nullptr) meter_->end(now);
  if (busy_poll_.count() > 0 && had_events_ && again_.empty()) {
    base::TimePoint until = now + busy_poll_;
    if (!timers_.empty()) until = std::min(until, timers_.begin()->first);
    do {
      if (const int count = wait_up_to(0); count > 0) return count;
      now = base::precise_now();
    } while (now < until);
  }
  return wait_up_to(wait_limit(now));
}

// How many are ready; 0 also where a signal came.
int EventLoop::wait_up_to(int millis) {
  const int count = ::epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), millis);
  WEIR_ASSERT(count >= 0 || errno == EINTR);
  return std::max(count, 0);
}

// Milliseconds, rounded up so that a timer is never early; -1: for ever.
int EventLoop::wait_limit(base::TimePoint now) const {
  if (!again_.empty()) return 0;
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<base::Millis>(timers_.begin()->first - now).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

void EventLoop::take_place(Watch& watch) {
  if (free_places_.empty()) {
    free_places_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.push_back(nullptr);
  }
  watch.place_ = free_places_.back();
  watch.use_ = ++uses_;
  free_places_.pop_back();
  places_[watch.place_] = &watch;
}

void EventLoop::give_place_back(Watch& watch) {
  places_[watch.place_] = nullptr;
  free_places_.push_back(watch.place_);
}

Watch* EventLoop::find(std::uint64_t word) const {
  Watch* watch = places_[static_cast<std::uint32_t>(word)];
  return watch != nullptr && watch->word() == word ? watch : nullptr;
}

void EventLoop::call_ready(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (Watch* watch = find(ready_[i].data.u64)) watch->call(ready_[i].events);
  }
}

void EventLoop::call_again(Again list) {
  for (const std::uint64_t word : called_again_) {
    Watch* watch = find(word);
    // An event has called it meanwhile, if it does not wait here any more.
    if (watch != nullptr && watch->again_ == list) watch->call(0);
  }
  called_again_.clear();
}

void EventLoop::call_due() {
  if (timers_.empty()) return;
  const base::TimePoint now = base::precise_now();
  while (!timers_.empty() && timers_.begin()->first <= now) timers_.begin()->second->fire();
}

}  // namespace weir::net
