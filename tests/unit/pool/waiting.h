// Sessions that wait for a place, without a loop: for the tests of pools.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>

#include "pool/pool.h"

namespace weir::pool {

// Notes whose wait has ended, and tells them when the test says so. One thread.
class Bell final : public Waker {
 public:
  void wake(Waiter& waiter) override { woken.push_back(&waiter); }
  void forget(Waiter& waiter) override {
    woken.erase(std::remove(woken.begin(), woken.end(), &waiter), woken.end());
  }
  void deliver() {
    while (!woken.empty()) {
      Waiter* waiter = woken.front();
      woken.pop_front();
      waiter->told();
    }
  }

  std::deque<Waiter*> woken;
};

// What wants a place, and has one or waits.
class Guest final : public Waiter::Owner {
 public:
  explicit Guest(Waker& waker) : waiter(waker, *this) {}

  // Takes a place, or stands in the queue. False: neither; `why_not` says why.
  bool come(Pool& pool, std::uint64_t its_key = 0) {
    key = its_key;
    slot = pool.pick({key, tried}, why_not, &settings);
    if (slot) return true;
    return why_not == NoPick::kFull && pool.wait(waiter, {key, tried});
  }
  void wait_ended() override {
    was_told = true;
    slot = waiter.take();
    settings = waiter.settings();
    why_not = waiter.why_not();
    if (then) then();
  }
  std::string at() const { return slot ? slot.backend()->name() : ""; }

  std::uint64_t key = 0;
  balance::Tried tried;
  Slot slot;
  std::shared_ptr<const PoolSettings> settings;
  NoPick why_not = NoPick::kNone;
  bool was_told = false;
  std::function<void()> then;  // what it does once it has been told
  Waiter waiter;
};

}  // namespace weir::pool
