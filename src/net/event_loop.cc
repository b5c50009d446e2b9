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
    const int count =
        ::epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), wait_limit());
    WEIR_ASSERT(count >= 0 || errno == EINTR);
    ++turn_;
    call_ready(static_cast<std::size_t>(std::max(count, 0)));
    call_again();
    call_due();
    for (const auto& hook : hooks_) hook();
  }
}

// Milliseconds, rounded up so that a timer is never early; -1: for ever.
int EventLoop::wait_limit() const {
  if (!again_.empty()) return 0;
  if (timers_.empty()) return -1;
  const auto left = std::chrono::ceil<base::Millis>(timers_.begin()->first - base::precise_now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

std::uint32_t EventLoop::take_place(Watch& watch) {
  if (free_places_.empty()) {
    free_places_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.emplace_back();
  }
  const std::uint32_t place = free_places_.back();
  free_places_.pop_back();
  places_[place].watch = &watch;
  return place;
}

void EventLoop::give_place_back(std::uint32_t place) {
  places_[place].watch = nullptr;
  ++places_[place].generation;
  free_places_.push_back(place);
}

std::uint64_t EventLoop::word_of(std::uint32_t place) const {
  return std::uint64_t{places_[place].generation} << 32 | place;
}

void EventLoop::call_ready(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const epoll_event& event = ready_[i];
    const auto place = static_cast<std::uint32_t>(event.data.u64);
    if (word_of(place) == event.data.u64) places_[place].watch->call(event.events);
  }
}

void EventLoop::call_again() {
  called_again_.swap(again_);
  for (const std::uint64_t word : called_again_) {
    const auto place = static_cast<std::uint32_t>(word);
    if (word_of(place) == word) places_[place].watch->call(0);
  }
  called_again_.clear();
}

void EventLoop::call_due() {
  if (timers_.empty()) return;
  const base::TimePoint now = base::precise_now();
  while (!timers_.empty() && timers_.begin()->first <= now) timers_.begin()->second->fire();
}

}  // namespace weir::net
