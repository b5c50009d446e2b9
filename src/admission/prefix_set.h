// Networks of both families, each allowed or denied: what does the longest one that holds an address say?
// Immutable, so any thread may ask; a changed list is a new set. Not the rule of a listener, which knows of a
// default and of unix sockets: that is `AccessList`.
// Nested networks are resolved once, when the set is built, into disjoint intervals (`IntervalMap`). Of the
// forms that were measured (bench/micro/README.md) it is the fastest and the smallest; a trie follows a
// pointer for each bit or needs megabytes for each list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "admission/interval_map.h"
#include "base/address.h"
#include "base/prefix.h"

namespace weir::admission {

enum class PrefixMatch : std::uint8_t { kNone, kAllow, kDeny };

class PrefixSet {
 public:
  struct Entry {
    base::Prefix prefix;
    PrefixMatch verdict;  // kAllow or kDeny
  };

  // The empty set.
  PrefixSet() : PrefixSet(std::vector<Entry>()) {}

  // In any order, with any repetitions; a network that is both allowed and denied is denied.
  static PrefixSet build(std::vector<Entry> entries) { return PrefixSet(std::move(entries)); }

  // The verdict of the longest network that holds `address`; kNone when there is none, or it is no IP
  // address. IPv4-mapped addresses count as IPv4; the port does not matter. No allocation, no lock.
  PrefixMatch match(const base::Address& address) const;

  // Different networks, each once.
  std::size_t size() const { return size_; }

  // What the set holds on the heap.
  std::size_t memory_bytes() const { return ipv4_.memory_bytes() + ipv6_.memory_bytes(); }

 private:
  explicit PrefixSet(std::vector<Entry> entries);

  std::size_t size_ = 0;
  Ipv4IntervalMap<PrefixMatch> ipv4_;
  Ipv6IntervalMap<PrefixMatch> ipv6_;
};

}  // namespace weir::admission
