// Deadlines for many objects, coarse and cheap: arming, moving and taking away cost a few pointer writes, no
// system call and no allocation. One wheel a worker, turned by the worker's loop; it asks no clock. An entry
// fires at or up to one tick after its deadline, never before. Entries are members of their owners;
// destroying one takes it out.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace weir::net {

class TimerWheel;

class WheelEntry {
 public:
  WheelEntry() = default;
  WheelEntry(const WheelEntry&) = delete;
  WheelEntry& operator=(const WheelEntry&) = delete;

  bool armed() const { return next_ != nullptr; }

  // Takes the entry out of its wheel; nothing happens when it is in none.
  void disarm();

 protected:
  virtual ~WheelEntry() { disarm(); }

  // The deadline has passed and the entry is out of the wheel. May arm itself again, and may disarm others.
  virtual void on_deadline(base::TimePoint now) = 0;

 private:
  friend class TimerWheel;
  WheelEntry* previous_ = nullptr;
  WheelEntry* next_ = nullptr;
  std::uint64_t due_tick_ = 0;
  TimerWheel* wheel_ = nullptr;
};

class TimerWheel {
 public:
  static constexpr base::Millis kTick{64};
  static constexpr std::size_t kSlots = 1024;  // about 65 s a turn; later deadlines go round more than once

  explicit TimerWheel(base::TimePoint start);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms `entry` for `deadline`, wherever it was armed before. A deadline in the past fires with the next
  // tick; one that a callback arms, never in the `advance` that is under way.
  void arm(WheelEntry& entry, base::TimePoint deadline);

  // Fires everything that is due at `now`.
  void advance(base::TimePoint now);

  // When `advance` has to be called next; nothing when no entry is armed. Never later than the next
  // deadline's tick.
  std::optional<base::TimePoint> next_advance() const;

  std::size_t size() const { return size_; }

 private:
  friend class WheelEntry;
  // The head of a ring of entries; never fires itself.
  struct Head final : WheelEntry {
    void on_deadline(base::TimePoint) override {}
  };

  std::uint64_t tick_at_or_after(base::TimePoint t) const;
  void link(WheelEntry& entry);
  void find_next_tick();
  static void unlink(WheelEntry& entry);

  const base::TimePoint start_;
  std::uint64_t tick_ = 0;       // every slot up to and including this one has been fired
  std::uint64_t now_tick_ = 0;   // what the last `advance` goes to, or has gone to
  std::uint64_t next_tick_ = 0;  // no slot before this one holds an entry; meaningful while `size_` is not 0
  std::size_t size_ = 0;
  std::array<Head, kSlots> slots_;
};

}  // namespace weir::net
