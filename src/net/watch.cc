#include "net/watch.h"

#include "base/assert.h"

namespace weir::net {
namespace {

constexpr std::uint32_t kEnds = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t kEdges = EPOLLET | EPOLLRDHUP | EPOLLPRI;

std::uint32_t events_of(Interest interest) {
  return (asks_to_read(interest) ? EPOLLIN : 0u) | (asks_to_write(interest) ? EPOLLOUT : 0u);
}

}  // namespace

bool Watch::want(Interest interest) {
  WEIR_ASSERT(!edges_ || interest_ == Interest::kNone);
  if (interest == interest_) return true;
  if (interest == Interest::kNone) {
    stop();
    return true;
  }
  if (!tell_kernel(events_of(interest))) return false;
  interest_ = interest;
  edges_ = false;
  return true;
}

bool Watch::want_edges(Interest interest) {
  WEIR_ASSERT(interest != Interest::kNone && (edges_ || interest_ == Interest::kNone));
  if (interest == interest_) return true;
  if (!tell_kernel(events_of(interest) | kEdges)) return false;
  interest_ = interest;
  edges_ = true;
  return true;
}

bool Watch::tell_kernel(std::uint32_t events) {
  WEIR_ASSERT(loop_ != nullptr);
  const bool is_new = interest_ == Interest::kNone;
  if (is_new) loop_->take_place(*this);
  epoll_event event{};
  event.events = events;
  event.data.u64 = word();
  if (::epoll_ctl(loop_->epoll_.get(), is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd_, &event) == 0) return true;
  if (is_new) loop_->give_place_back(*this);
  return false;
}

void Watch::call_again() {
  WEIR_ASSERT(interest_ != Interest::kNone);
  if (again_ == loop_->next_list_) return;
  again_ = loop_->next_list_;
  loop_->again_.push_back(word());
}

void Watch::stop() {
  if (interest_ == Interest::kNone) return;
  ::epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
  forget();
}

void Watch::forget() {
  if (interest_ == Interest::kNone) return;
  interest_ = Interest::kNone;
  edges_ = false;
  again_ = EventLoop::Again::kNo;
  loop_->give_place_back(*this);
}

void Watch::call(std::uint32_t events) {
  again_ = EventLoop::Again::kNo;
  Ready ready;
  ready.ended = (events & EPOLLRDHUP) != 0;
  ready.read_on = (events & (EPOLLHUP | EPOLLERR | EPOLLPRI)) != 0;
  ready.failed = (events & EPOLLERR) != 0;
  ready.read = (events & (EPOLLIN | kEnds)) != 0 && (edges_ || asks_to_read(interest_));
  ready.write = (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0 && (edges_ || asks_to_write(interest_));
  callback_(owner_, ready);
}

void Timer::start(base::Millis delay) {
  WEIR_ASSERT(loop_ != nullptr);
  stop();
  const base::TimePoint due = base::precise_now() + delay;
  if (resting_.empty()) {
    at_ = loop_->timers_.emplace(due, this);
  } else {
    resting_.key() = due;
    at_ = loop_->timers_.insert(std::move(resting_));
  }
  runs_ = true;
}

void Timer::stop() {
  if (!runs_) return;
  resting_ = loop_->timers_.extract(at_);
  runs_ = false;
}

void Timer::fire() {
  stop();
  callback_(owner_);
}

}  // namespace weir::net
