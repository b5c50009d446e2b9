#include "pool/wait_queue.h"

#include "base/assert.h"

namespace weir::pool {

void WaitQueue::push(Waiter& waiter, bool again) {
  WEIR_ASSERT(!waiter.is_queued_);
  waiter.is_queued_ = true;
  Waiter* next = nullptr;
  if (again) {
    // Near the front, since those before it have mostly been served.
    next = first_;
    while (next != nullptr && next->ticket_ < waiter.ticket_) next = next->next_;
  } else {
    waiter.ticket_ = ++tickets_;
  }
  waiter.next_ = next;
  waiter.previous_ = next != nullptr ? next->previous_ : last_;
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : first_) = &waiter;
  (next != nullptr ? next->previous_ : last_) = &waiter;
  ++size_;
}

void WaitQueue::remove(Waiter& waiter) {
  WEIR_ASSERT(waiter.is_queued_);
  waiter.is_queued_ = false;
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : first_) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : last_) = waiter.previous_;
  waiter.previous_ = waiter.next_ = nullptr;
  --size_;
}

}  // namespace weir::pool
