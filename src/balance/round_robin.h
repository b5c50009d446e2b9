// Smooth weighted round robin, exact across workers. The order is worked out beforehand, so that a pick is
// one atomic addition: after any number of first picks each backend has its exact share, less or more than
// one. Retries have a fair queue of their own, so that a dead backend's share spreads evenly over the others
// and never moves the order of first picks. Any thread may pick.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "balance/policy.h"

namespace weir::balance {

// The order of one round: `weight / gcd` turns for each candidate, spread so that after every prefix of the
// round each has had its share within one turn. Equal weights give the candidates in their order. Earliest
// deadline first over the windows of Pfair scheduling (Baruah, Cohen, Plaxton and Varvel 1996, "Proportionate
// progress").
std::vector<BackendIndex> smooth_schedule(std::span<const Candidate> candidates);

class RoundRobin final : public Policy {
 public:
  explicit RoundRobin(std::span<const Candidate> candidates);

  std::optional<BackendIndex> pick() override;
  std::optional<BackendIndex> pick_untried(const Tried& tried) override;

 private:
  // Start-time fair queueing (Goyal, Vin and Cheng 1996): a backend that was left out for a time, because it
  // was the one that failed, has earned nothing meanwhile and is not flooded with retries when it is back.
  struct Turn {
    Candidate candidate;
    std::uint64_t finish = 0;
  };

  const std::vector<BackendIndex> schedule_;
  std::atomic<std::uint64_t> next_{0};
  std::mutex retry_mutex_;  // taken after a failed connect only
  std::uint64_t virtual_time_ = 0;
  std::vector<Turn> turns_;
};

}  // namespace weir::balance
