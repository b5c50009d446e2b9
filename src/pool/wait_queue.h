// The sessions that wait for a place in a pool, first come first served. An intrusive list: entering and
// leaving cost some pointer writes and no memory. Under its pool's lock.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pool/waiter.h"

namespace weir::pool {

class WaitQueue {
 public:
  // One that comes stands at the end; one that comes `again` to this queue, where it had stood before it was
  // given a place that was of no use, stands where it would be by now.
  void push(Waiter& waiter, bool again = false);
  void remove(Waiter& waiter);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Waiter* first() const { return first_; }
  static Waiter* after(const Waiter& waiter) { return waiter.next_; }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  std::size_t size_ = 0;
  std::uint64_t tickets_ = 0;  // given out
};

}  // namespace weir::pool
