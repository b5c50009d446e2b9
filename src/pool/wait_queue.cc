#include "pool/wait_queue.h"

#include "base/assert.h"

namespace weir::pool {

void WaitQueue::push(Waiter& waiter) {
  WEIR_ASSERT(!waiter.is_queued_);
  waiter.is_queued_ = true;
  waiter.previous_ = last_;
  waiter.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &waiter;
  last_ = &waiter;
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
