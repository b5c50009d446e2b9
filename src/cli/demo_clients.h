// The demo's own clients: connections of a few requests each, at a bounded rate, whose answers are checked.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace weir::cli {

class DemoClients {
 public:
  // A request that fails while `ending()` holds is nobody's fault and ends its client quietly.
  DemoClients(base::Address target, std::function<bool()> ending)
      : target_(std::move(target)), ending_(std::move(ending)) {}
  ~DemoClients() { stop(); }
  DemoClients(const DemoClients&) = delete;
  DemoClients& operator=(const DemoClients&) = delete;

  base::Result<void> start();
  // Lets requests that are under way end. Idempotent.
  void stop();

  std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }
  std::uint64_t failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  void run();

  const base::Address target_;
  const std::function<bool()> ending_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> answered_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::vector<std::thread> threads_;
};

}  // namespace weir::cli
