#include "admission/connection_slots.h"

#include "base/assert.h"

namespace weir::admission {

Permit ConnectionSlots::try_acquire() {
  std::uint32_t used = used_.load(std::memory_order_seq_cst);
  while (used < limit_.load(std::memory_order_seq_cst)) {
    if (used_.compare_exchange_weak(used, used + 1, std::memory_order_seq_cst)) {
      return Permit(this);
    }
  }
  return {};
}

Permit ConnectionSlots::acquire_or_ask() {
  if (Permit permit = try_acquire()) return permit;
  // Asking comes before the second look, and giving back lowers the count before it looks at the asking: of
  // two threads that meet here at least one sees the other.
  asked_.store(true, std::memory_order_seq_cst);
  return try_acquire();
}

void ConnectionSlots::give_back() {
  const std::uint32_t before = used_.fetch_sub(1, std::memory_order_seq_cst);
  WEIR_ASSERT(before > 0);
  tell_who_asked();
}

void ConnectionSlots::set_limit(std::uint32_t limit) {
  limit_.store(limit, std::memory_order_seq_cst);
  if (used_.load(std::memory_order_seq_cst) < limit) tell_who_asked();
}

void ConnectionSlots::tell_who_asked() {
  if (asked_.load(std::memory_order_seq_cst) && asked_.exchange(false, std::memory_order_seq_cst)) on_free_();
}

}  // namespace weir::admission
