#include "health/prober.h"

#include <algorithm>

#include "base/assert.h"

namespace weir::health {
namespace {

// Probes that are started in one turn of the loop: starting one costs some system calls, and what else the
// loop has to do should not wait for thousands of them.
constexpr int kStartsPerTurn = 64;

}  // namespace

Prober::Prober(net::EventLoop& loop, Settings settings, Report report, Connect connect)
    : loop_(loop),
      settings_(settings),
      report_(std::move(report)),
      connect_(std::move(connect)),
      random_(settings.seed) {
  WEIR_ASSERT(settings_.max_in_flight > 0);
  timer_.bind<&Prober::launch>(loop, this);
}

TargetId Prober::add(Target target, FirstProbe first) {
  WEIR_ASSERT(target.check != nullptr && target.check->interval.count() > 0);
  const TargetId id = ++last_id_;
  Entry& entry = targets_[id];
  entry.target = std::move(target);
  const base::Millis delay =
      first == FirstProbe::kAtOnce ? base::Millis(0) : first_delay(*entry.target.check, chance());
  schedule(id, entry, base::precise_now() + delay);
  arm();
  return id;
}

void Prober::remove(TargetId id) {
  const auto found = targets_.find(id);
  if (found == targets_.end()) return;
  Entry& entry = found->second;
  due_.erase({entry.due, id});
  if (entry.slot != nullptr) {
    entry.slot->probe.cancel();
    idle_.push_back(entry.slot);
  }
  targets_.erase(found);
  arm();
}

void Prober::launch() {
  const base::TimePoint now = base::precise_now();
  for (int i = 0; i < kStartsPerTurn && has_room() && !due_.empty() && due_.begin()->first <= now; ++i) {
    const TargetId id = due_.begin()->second;
    due_.erase(due_.begin());
    launch_one(id, now);
  }
  arm();
}

void Prober::launch_one(TargetId id, base::TimePoint now) {
  Entry& entry = targets_.at(id);
  if (idle_.empty()) {
    slots_.push_back(std::make_unique<Slot>(*this));
    idle_.push_back(slots_.back().get());
  }
  Slot& slot = *idle_.back();
  idle_.pop_back();
  slot.target = id;
  entry.slot = &slot;
  entry.begun = now;
  slot.probe.start(entry.target);
}

void Prober::ended(Slot& slot, const ProbeReport& report) {
  const TargetId id = slot.target;
  targets_.at(id).slot = nullptr;
  idle_.push_back(&slot);
  const Pace pace = report_(id, report);
  if (const auto found = targets_.find(id); found != targets_.end()) {
    Entry& entry = found->second;
    const base::TimePoint next = entry.begun + next_delay(*entry.target.check, pace, chance());
    schedule(id, entry, std::max(next, base::precise_now()));
  }
  // Who waits for the slot is started by the timer: here the probe that has ended is still on the stack.
  arm();
}

void Prober::schedule(TargetId id, Entry& entry, base::TimePoint due) {
  entry.due = due;
  due_.emplace(due, id);
}

void Prober::arm() {
  if (due_.empty() || !has_room()) return timer_.stop();
  const auto wait = std::chrono::ceil<base::Millis>(due_.begin()->first - base::precise_now());
  timer_.start(std::max(base::Millis(0), wait));
}

}  // namespace weir::health
