#include "balance/maglev.h"

#include <xxhash.h>

#include <algorithm>

#include "base/assert.h"

namespace weir::balance {
namespace {

constexpr std::uint32_t kEmpty = ~0u;

bool is_prime(std::uint64_t number) {
  for (std::uint64_t divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return number > 1;
}

// One of few, so that one candidate more or less leaves the size, on which every place depends, as it is.
std::uint32_t table_size(std::size_t candidates) {
  std::uint64_t size = MaglevTable::kLeastEntries;
  while (size < candidates * MaglevTable::kEntriesOfEach) size *= 2;
  while (!is_prime(size)) ++size;
  WEIR_ASSERT(size < kEmpty);
  return static_cast<std::uint32_t>(size);
}

// The order in which a candidate would like to have the entries: all of them, as the size is a prime.
struct Wishes {
  std::uint32_t next;
  std::uint32_t step;

  Wishes(const std::string& name, std::uint32_t size)
      : next(static_cast<std::uint32_t>(XXH3_64bits_withSeed(name.data(), name.size(), 1) % size)),
        step(static_cast<std::uint32_t>(XXH3_64bits_withSeed(name.data(), name.size(), 2) % (size - 1)) + 1) {
  }

  std::uint32_t take(std::uint32_t size) {
    const std::uint32_t wish = next;
    next = static_cast<std::uint32_t>((std::uint64_t{next} + step) % size);
    return wish;
  }
};

// Turns that a candidate has had before a round: one in every round for the greatest weight, and for others
// in proportion, the first in the first round.
std::uint64_t turns_before(std::uint64_t round, std::uint64_t weight, std::uint64_t greatest) {
  return (round * weight + greatest - 1) / greatest;
}

}  // namespace

std::vector<const Candidate*> ranked(std::span<const Candidate> candidates) {
  std::vector<const Candidate*> sorted;
  for (const Candidate& candidate : candidates) {
    if (candidate.weight > 0) sorted.push_back(&candidate);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const Candidate* a, const Candidate* b) { return a->name < b->name; });
  return sorted;
}

bool MaglevTable::is_of(std::span<const Candidate> candidates) const {
  const std::vector<const Candidate*> sorted = ranked(candidates);
  return std::equal(sorted.begin(), sorted.end(), shares_.begin(), shares_.end(),
                    [](const Candidate* candidate, const Share& share) {
                      return candidate->weight == share.weight && candidate->name == share.name;
                    });
}

MaglevTable::MaglevTable(std::span<const Candidate> candidates) {
  const std::vector<const Candidate*> sorted = ranked(candidates);
  if (sorted.empty()) return;
  const std::uint32_t size = table_size(sorted.size());
  std::vector<Wishes> wishes;
  std::uint32_t greatest = 0;
  for (const Candidate* candidate : sorted) {
    by_name_.push_back(candidate->index);
    shares_.push_back({candidate->name, candidate->weight});
    wishes.emplace_back(candidate->name, size);
    greatest = std::max(greatest, candidate->weight);
  }
  entries_.assign(size, kEmpty);
  std::uint32_t filled = 0;
  for (std::uint64_t round = 0; filled < size; ++round) {
    for (std::uint32_t rank = 0; rank < sorted.size() && filled < size; ++rank) {
      const std::uint64_t weight = sorted[rank]->weight;
      if (turns_before(round, weight, greatest) == turns_before(round + 1, weight, greatest)) continue;
      std::uint32_t entry = wishes[rank].take(size);
      while (entries_[entry] != kEmpty) entry = wishes[rank].take(size);
      entries_[entry] = rank;
      ++filled;
    }
  }
}

}  // namespace weir::balance
