// Who takes a turn that somebody else could not take: a retry's, or that of a backend that is full.
// Start-time fair queueing (Goyal, Vin and Cheng 1996): turns are dealt by weight among those who are in, and
// one that was out for a time has earned nothing meanwhile, so that it is not flooded when it is back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "balance/indexed_heap.h"

namespace weir::balance {

class FairQueue {
 public:
  // For the positions below `count`; nobody is in.
  explicit FairQueue(std::size_t count) : in_(count), finish_(count, 0) {}

  bool empty() const { return in_.empty(); }
  bool contains(std::uint32_t position) const { return in_.contains(position); }
  void insert(std::uint32_t position) { in_.set(position, {finish_[position], position}); }
  void erase(std::uint32_t position) { in_.erase(position); }

  // What each was dealt in another queue, whose position p is `moved_to[p]` here; positions that are not here
  // are skipped. Precondition: nobody is in.
  void go_on_from(const FairQueue& before, std::span<const std::uint32_t> moved_to) {
    now_ = before.now_;
    for (std::uint32_t position = 0; position < moved_to.size(); ++position) {
      if (moved_to[position] < finish_.size()) finish_[moved_to[position]] = before.finish_[position];
    }
  }

  // The one whose turn it is among those in that are not `refused(position)`; `weight_of(position)` is at
  // least 1.
  template <class Refused, class WeightOf>
  std::optional<std::uint32_t> take(const Refused& refused, const WeightOf& weight_of) {
    const auto taken = in_.least(refused);
    if (!taken) return std::nullopt;
    now_ = std::max(now_, finish_[*taken]);
    finish_[*taken] = now_ + kTurnLength / weight_of(*taken);
    insert(*taken);
    if (now_ > kLatest) begin_again();
    return taken;
  }

 private:
  // Of weight 1, in virtual time: any weight of 16 bits divides it with an error below 1e-7.
  static constexpr std::uint64_t kTurnLength = 1ull << 40;
  static constexpr std::uint64_t kLatest = 1ull << 62;

  struct Key {
    std::uint64_t finish;  // of its last turn
    std::uint32_t position;
    bool operator<(const Key& other) const {
      return finish != other.finish ? finish < other.finish : position < other.position;
    }
  };

  // Virtual time would run out after some millions of turns: it starts anew, and what lies in the past is
  // forgotten.
  void begin_again() {
    for (std::uint64_t& finish : finish_) finish = std::max(finish, now_) - now_;
    now_ = 0;
    for (std::uint32_t position = 0; position < finish_.size(); ++position) {
      if (in_.contains(position)) insert(position);
    }
  }

  IndexedHeap<Key> in_;
  std::vector<std::uint64_t> finish_;
  std::uint64_t now_ = 0;
};

}  // namespace weir::balance
