// A session that waits for a place at a backend: an entry of its pool's queue. It is a member of what waits.
// The place that it is given is kept here, so it cannot be lost on the way: whoever destroys or withdraws a
// waiter gives the place to the next one.
#pragma once

#include "balance/policy.h"
#include "pool/reach.h"
#include "pool/roster.h"
#include "pool/slot.h"

namespace weir::pool {

class Waiter;
struct PoolSettings;

// Brings word to the thread of a waiter. Called under the pool's lock: it must only note the waiter and wake.
class Waker {
 public:
  // Its wait is over: `Waiter::take` and `why_not` say how. Any thread.
  virtual void wake(Waiter& waiter) = 0;
  // It is about to go away, or to wait anew: what was noted of it is forgotten. On its own thread.
  virtual void forget(Waiter& waiter) = 0;

 protected:
  ~Waker() = default;
};

class Waiter {
 public:
  // What the waiter's thread does once it has heard of the end of the wait.
  class Owner {
   public:
    virtual void wait_ended() = 0;

   protected:
    ~Owner() = default;
  };

  Waiter(Waker& waker, Owner& owner) : waker_(waker), owner_(owner) {}
  ~Waiter() { static_cast<void>(leave()); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // Ends the wait, if it waits: it hears no more of it. Returns the place that it has been given meanwhile,
  // or an empty one.
  Slot leave();

  // After `wait_ended`: the place, or an empty one and why there is none.
  Slot take() { return std::move(slot_); }
  NoPick why_not() const { return why_not_; }
  // Those of the pool that belong to the place.
  const std::shared_ptr<const PoolSettings>& settings() const { return settings_; }

  // It stands in a queue, or its wait has ended and it has not been told. Its own thread.
  bool waits() const { return pool_ != nullptr; }

  // Called by the waker's thread side.
  void told() {
    pool_.reset();
    owner_.wait_ended();
  }

 private:
  friend class Pool;
  friend class WaitQueue;

  Waker& waker_;
  Owner& owner_;
  std::shared_ptr<Pool> pool_;  // while it waits; its own thread only
  // What follows is the pool's, under its lock, until the waiter has been woken.
  std::uint64_t key_ = 0;
  balance::Tried tried_;
  const ClientReach* reach_ = nullptr;
  Slot slot_;
  std::shared_ptr<const PoolSettings> settings_;
  NoPick why_not_ = NoPick::kNone;
  bool is_queued_ = false;
  std::uint64_t ticket_ = 0;  // the order in which sessions came to the queue
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
};

}  // namespace weir::pool
