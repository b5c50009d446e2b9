// What all workers count for one listener. A live block, kept by the listener's name over changes of the
// configuration, so that nothing begins at zero again. Each worker writes its own counters; any thread reads.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "session/counters.h"

namespace weir::server {

class ListenerTally {
 public:
  // Those of a worker, made when they are first asked for. Valid as long as the tally.
  session::ListenerCounters& of(std::size_t worker) {
    const std::lock_guard lock(mutex_);
    if (counters_.size() <= worker) counters_.resize(worker + 1);
    if (counters_[worker] == nullptr) counters_[worker] = std::make_unique<session::ListenerCounters>();
    return *counters_[worker];
  }

  // Calls `look` with the number of each worker that counts here, and its counters.
  template <class Look>
  void each(Look look) const {
    const std::lock_guard lock(mutex_);
    for (std::size_t worker = 0; worker < counters_.size(); ++worker) {
      if (counters_[worker] != nullptr) look(worker, std::as_const(*counters_[worker]));
    }
  }

  // Sessions that are open now, of all workers.
  std::uint64_t open() const {
    std::uint64_t sum = 0;
    each([&](std::size_t, const session::ListenerCounters& counters) { sum += counters.open(); });
    return sum;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<session::ListenerCounters>> counters_;  // by worker
};

}  // namespace weir::server
