// Refused clients that are held for a time without an answer, so that whoever tries again and again is slowed
// down. No session, no buffer, no watch: a descriptor and a wheel entry each, bounded by the limits' permits.
// What they send waits in the kernel. One for each worker, on its thread.
#pragma once

#include <atomic>
#include <list>

#include "admission/connection_slots.h"
#include "base/unique_fd.h"
#include "net/timer_wheel.h"

namespace weir::server {

class Tarpit {
 public:
  explicit Tarpit(net::TimerWheel& wheel) : wheel_(wheel) {}
  ~Tarpit() { clear(); }
  Tarpit(const Tarpit&) = delete;
  Tarpit& operator=(const Tarpit&) = delete;

  // Holds `client` until `end`, then resets it.
  void hold(base::UniqueFd client, admission::Permit permit, base::TimePoint end);

  // Resets all of them.
  void clear() { held_.clear(); }

  // How many are held. Any thread.
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  struct Held final : net::WheelEntry {
    ~Held() override;
    void on_deadline(base::TimePoint) override { owner->held_.erase(self); }

    Tarpit* owner = nullptr;
    std::list<Held>::iterator self;
    base::UniqueFd client;
    admission::Permit permit;
  };

  net::TimerWheel& wheel_;
  std::atomic<std::size_t> size_{0};
  std::list<Held> held_;
};

}  // namespace weir::server
