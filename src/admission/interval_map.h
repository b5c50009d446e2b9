// The line of all addresses of one family cut into intervals that each have a value: which one is an address
// in? Immutable, so any thread may ask. `PrefixSet` has one of each family; what the values mean is its
// business.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "admission/rank_index.h"

namespace weir::admission {

__extension__ using Uint128 = unsigned __int128;

// Intervals as they are given to a map: sorted and different, the first starts at 0; each ends where the next
// one starts, the last at the greatest address.
template <class Key, class Value>
struct Intervals {
  std::vector<Key> starts;
  std::vector<Value> values;
};

// For keys that one search finds: IPv4.
template <class Value>
class Ipv4IntervalMap {
 public:
  using Key = std::uint32_t;

  explicit Ipv4IntervalMap(Intervals<Key, Value> intervals)
      : starts_(intervals.starts), values_(std::move(intervals.values)) {
    values_.shrink_to_fit();
  }

  Value find(Key key) const { return values_[starts_.find(key)]; }

  std::size_t memory_bytes() const { return starts_.memory_bytes() + values_.capacity() * sizeof(Value); }

 private:
  RankIndex<Key> starts_;
  std::vector<Value> values_;
};

// IPv6. Nearly all networks differ in the upper 64 bits, so these are searched first; the intervals that
// start with the same ones are a group, in which the lower bits decide.
template <class Value>
class Ipv6IntervalMap {
 public:
  using Key = Uint128;

  explicit Ipv6IntervalMap(Intervals<Key, Value> intervals)
      : highs_(highs_of(intervals.starts)), values_(std::move(intervals.values)) {
    const std::vector<Key>& starts = intervals.starts;
    lows_.reserve(starts.size());
    for (std::size_t i = 0; i < starts.size(); ++i) {
      if (i == 0 || high(starts[i]) != high(starts[i - 1])) {
        groups_.push_back({values_[i], low(starts[i]) == 0});
        firsts_.push_back(static_cast<std::uint32_t>(i));
      } else {
        groups_.back() = {values_[i], false};
      }
      lows_.push_back(low(starts[i]));
    }
    firsts_.push_back(static_cast<std::uint32_t>(starts.size()));
    groups_.shrink_to_fit();
    firsts_.shrink_to_fit();
    values_.shrink_to_fit();
  }

  Value find(Key key) const {
    const std::size_t at = highs_.find(high(key));
    const Group group = groups_[at];
    if (group.is_whole || highs_[at] != high(key)) return group.last;
    // One that lies before the group's first start is in the interval that stands before the group.
    const auto next =
        std::upper_bound(lows_.begin() + firsts_[at], lows_.begin() + firsts_[at + 1], low(key));
    return values_[static_cast<std::size_t>(next - lows_.begin()) - 1];
  }

  std::size_t memory_bytes() const {
    return highs_.memory_bytes() + groups_.capacity() * sizeof(Group) +
           firsts_.capacity() * sizeof(std::uint32_t) + lows_.capacity() * sizeof(std::uint64_t) +
           values_.capacity() * sizeof(Value);
  }

 private:
  // What most searches end with, and small, so that it stays in the cache.
  struct Group {
    Value last;     // of its last interval, which goes on to the next group
    bool is_whole;  // it has one interval, which starts where the lower bits are 0
  };

  static std::uint64_t high(Key key) { return static_cast<std::uint64_t>(key >> 64); }
  static std::uint64_t low(Key key) { return static_cast<std::uint64_t>(key); }

  static std::vector<std::uint64_t> highs_of(const std::vector<Key>& starts) {
    std::vector<std::uint64_t> highs;
    for (const Key start : starts) {
      if (highs.empty() || highs.back() != high(start)) highs.push_back(high(start));
    }
    return highs;
  }

  RankIndex<std::uint64_t> highs_;
  std::vector<Group> groups_;
  std::vector<std::uint32_t> firsts_;  // the first interval of each group, and the end of the last group
  std::vector<std::uint64_t> lows_;    // of every start
  std::vector<Value> values_;          // of every interval
};

}  // namespace weir::admission
