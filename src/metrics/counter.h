// Counters that one thread writes and any thread reads. `Counter` belongs to one writer and costs a plain
// addition; `SharedCounter` may be moved by any thread. Both are monotonic but for wrap-around at 2^64.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::metrics {

class Counter {
 public:
  // Precondition: always called from the same thread.
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class SharedCounter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// A number of things that exist now. Any thread may enter and leave.
class SharedGauge {
 public:
  void enter() { value_.fetch_add(1, std::memory_order_relaxed); }
  void leave() { value_.fetch_sub(1, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace weir::metrics
