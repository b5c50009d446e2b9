#include "net/timer_wheel.h"

#include <algorithm>

#include "base/assert.h"

namespace weir::net {

using base::TimePoint;

void WheelEntry::disarm() {
  if (!armed() || wheel_ == nullptr) return;
  --wheel_->size_;
  TimerWheel::unlink(*this);
}

TimerWheel::TimerWheel(TimePoint start) : start_(start) {
  for (Head& head : slots_) head.previous_ = head.next_ = &head;
}

TimerWheel::~TimerWheel() {
  WEIR_ASSERT(size_ == 0);
  for (Head& head : slots_) head.previous_ = head.next_ = nullptr;
}

std::uint64_t TimerWheel::tick_at_or_after(TimePoint t) const {
  if (t <= start_) return 0;
  const auto ticks = (t - start_ + kTick - std::chrono::nanoseconds(1)) / kTick;
  return static_cast<std::uint64_t>(ticks);
}

void TimerWheel::link(WheelEntry& entry) {
  Head& head = slots_[entry.due_tick_ % kSlots];
  entry.previous_ = head.previous_;
  entry.next_ = &head;
  head.previous_->next_ = &entry;
  head.previous_ = &entry;
}

void TimerWheel::unlink(WheelEntry& entry) {
  entry.previous_->next_ = entry.next_;
  entry.next_->previous_ = entry.previous_;
  entry.previous_ = entry.next_ = nullptr;
}

void TimerWheel::arm(WheelEntry& entry, TimePoint deadline) {
  entry.disarm();
  entry.wheel_ = this;
  entry.due_tick_ = std::max(tick_at_or_after(deadline), std::max(tick_, now_tick_) + 1);
  link(entry);
  // A deadline beyond one turn is looked at when its slot comes round.
  const std::uint64_t visit = tick_ + 1 + (entry.due_tick_ - tick_ - 1) % kSlots;
  next_tick_ = size_ == 0 ? visit : std::min(next_tick_, visit);
  ++size_;
}

void TimerWheel::advance(TimePoint now) {
  if (now < start_) return;
  const auto now_tick = static_cast<std::uint64_t>((now - start_) / kTick);
  now_tick_ = now_tick;
  // After a long stop (a suspended machine) one turn over all slots is enough.
  if (now_tick > tick_ + kSlots) tick_ = now_tick - kSlots;
  while (tick_ < now_tick) {
    ++tick_;
    // The slot's entries move to a ring of their own first: what a callback arms or disarms cannot disturb
    // the walk.
    Head& slot = slots_[tick_ % kSlots];
    Head due;
    due.previous_ = due.next_ = &due;
    if (slot.next_ != &slot) {
      due.next_ = slot.next_;
      due.previous_ = slot.previous_;
      due.next_->previous_ = &due;
      due.previous_->next_ = &due;
      slot.previous_ = slot.next_ = &slot;
    }
    while (due.next_ != &due) {
      WheelEntry& entry = *due.next_;
      unlink(entry);
      if (entry.due_tick_ > now_tick) {
        link(entry);  // a later turn's
        continue;
      }
      --size_;
      entry.on_deadline(now);
    }
    due.previous_ = due.next_ = nullptr;
  }
  find_next_tick();
}

void TimerWheel::find_next_tick() {
  if (size_ == 0) return;
  for (next_tick_ = tick_ + 1; next_tick_ <= tick_ + kSlots; ++next_tick_) {
    const Head& slot = slots_[next_tick_ % kSlots];
    if (slot.next_ != &slot) return;
  }
  WEIR_ASSERT(!"an armed entry is in no slot");
}

std::optional<TimePoint> TimerWheel::next_advance() const {
  if (size_ == 0) return std::nullopt;
  return start_ + static_cast<std::int64_t>(next_tick_) * kTick;
}

}  // namespace weir::net
