// The table of Maglev (Eisenbud et al., NSDI 2016): which candidate a key belongs to. Candidates have entries
// in proportion to their weights, and when one joins or goes few keys of the others move. It depends on names
// and weights alone, not on the order of the list or on who is usable: machines with the same pool have the
// same table. Immutable.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "balance/policy.h"
#include "balance/random.h"

namespace weir::balance {

// Those with a weight, by name: as a table ranks them. They live as long as `candidates`.
std::vector<const Candidate*> ranked(std::span<const Candidate> candidates);

class MaglevTable {
 public:
  // Entries: a prime, at least this, and at least this for each candidate.
  // With fewer than a thousand for each, more keys of the others move: 1.6 times as many as must with 65 537
  // entries for 100 candidates, 1.4 times with these.
  static constexpr std::uint32_t kLeastEntries = 131'071;
  static constexpr std::uint32_t kEntriesOfEach = 100;

  // Takes some 50 to 150 ns for each entry. Every weight but 0 gets one entry at least.
  explicit MaglevTable(std::span<const Candidate> candidates);

  // It is the table of these candidates too, whatever their indexes are.
  bool is_of(std::span<const Candidate> candidates) const;

  // The candidates with a weight, by name, with the indexes that they had when it was made. Ranks in this
  // list are what the table holds.
  std::span<const BackendIndex> by_name() const { return by_name_; }

  // Empty when nobody has a weight.
  std::span<const std::uint32_t> entries() const { return entries_; }

  // The rank that `key`, any 64 bits spread evenly, belongs to. Precondition: the table is not empty.
  std::uint32_t rank_of(std::uint64_t key) const {
    return entries_[below(static_cast<std::uint32_t>(entries_.size()), key)];
  }

 private:
  struct Share {
    std::string name;
    std::uint32_t weight;
  };

  std::vector<Share> shares_;  // by rank
  std::vector<BackendIndex> by_name_;
  std::vector<std::uint32_t> entries_;
};

}  // namespace weir::balance
