// The backend with the least (in_flight + 1) / weight, compared exactly; of equal ones the one that was
// picked longest ago, so that an idle pool of equal weights is spread like a round robin.
#pragma once

#include <vector>

#include "balance/indexed_heap.h"
#include "balance/positions.h"

namespace weir::balance {

class LeastConnections final : public Policy {
 public:
  explicit LeastConnections(std::span<const Candidate> candidates);

  std::optional<BackendIndex> pick(Members members, const Request& request) override;
  void members_changed(Members members) override;
  void load_changed(Members members, BackendIndex index) override;
  void go_on_from(Policy& before) override;

 private:
  struct Key {
    std::uint64_t load;  // in_flight + 1
    std::uint64_t weight;
    std::uint64_t picked;
    // Loads are at most 2^32 and weights less, so that no product overflows.
    bool operator<(const Key& other) const {
      const std::uint64_t own = load * other.weight;
      const std::uint64_t others = other.load * weight;
      return own != others ? own < others : picked < other.picked;
    }
  };

  const Positions positions_;
  std::vector<std::uint64_t> picked_;  // when, in picks of all; different for each
  std::uint64_t picks_;
  IndexedHeap<Key> with_room_;  // usable, with room
};

}  // namespace weir::balance
