#include "session/wake_list.h"

#include <algorithm>

namespace weir::session {

void WakeList::wake(pool::Waiter& waiter) {
  bool is_first = false;
  {
    const std::lock_guard lock(mutex_);
    is_first = ended_.empty();
    ended_.push_back(&waiter);
  }
  if (is_first) poke_();
}

void WakeList::forget(pool::Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  ended_.erase(std::remove(ended_.begin(), ended_.end(), &waiter), ended_.end());
}

pool::Waiter* WakeList::next() {
  const std::lock_guard lock(mutex_);
  if (ended_.empty()) return nullptr;
  pool::Waiter* waiter = ended_.front();
  ended_.pop_front();
  return waiter;
}

// One at a time, since what a session does when it is told may end the wait of others, or forget them.
void WakeList::deliver() {
  for (int told = 0; told < kMostInATurn; ++told) {
    pool::Waiter* waiter = next();
    if (waiter == nullptr) return;
    waiter->told();
  }
  if (has_more()) poke_();
}

bool WakeList::has_more() {
  const std::lock_guard lock(mutex_);
  return !ended_.empty();
}

}  // namespace weir::session
