// What an access list costs: building it from the text of its networks, and a match. Beside `PrefixSet` stand
// the forms that were not taken, over the same networks and addresses, so that the choice can be looked at
// again.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "admission/prefix_set.h"
#include "base/prefix.h"
#include "networks.h"

namespace {

using weir::admission::kDense;
using weir::admission::kSpread;
using weir::admission::PrefixMatch;
using weir::admission::PrefixSet;
using weir::admission::Shape;
using weir::admission::Source;
using weir::base::Address;
using weir::base::IpBits;
using weir::base::Prefix;

// The interface of the alternatives: built from entries, asked for a match.

// A node for each bit, two children each, in one array.
class BitTrie {
 public:
  explicit BitTrie(const std::vector<PrefixSet::Entry>& entries) {
    for (const auto& [prefix, verdict] : entries) {
      std::uint32_t node = prefix.family() == AF_INET ? 0 : 1;
      for (unsigned depth = 0; depth < prefix.length(); ++depth)
        node = child(node, bit(prefix.high(), prefix.low(), depth));
      nodes_[node].verdict = std::max(nodes_[node].verdict, verdict);
    }
  }

  PrefixMatch match(const Address& address) const {
    const IpBits bits = weir::base::ip_bits(address);
    PrefixMatch best = PrefixMatch::kNone;
    std::uint32_t node = bits.family == AF_INET ? 0 : 1;
    for (unsigned depth = 0;; ++depth) {
      if (nodes_[node].verdict != PrefixMatch::kNone) best = nodes_[node].verdict;
      if (depth == 128) return best;
      node = nodes_[node].children[bit(bits.high, bits.low, depth)];
      if (node == 0) return best;
    }
  }

  std::size_t memory_bytes() const { return nodes_.capacity() * sizeof(Node); }

 private:
  struct Node {
    std::array<std::uint32_t, 2> children{};
    PrefixMatch verdict = PrefixMatch::kNone;
  };

  static std::size_t bit(std::uint64_t high, std::uint64_t low, unsigned depth) {
    return (depth < 64 ? high >> (63 - depth) : low >> (127 - depth)) & 1;
  }

  std::uint32_t child(std::uint32_t node, std::size_t side) {
    if (nodes_[node].children[side] == 0) {
      nodes_[node].children[side] = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
    }
    return nodes_[node].children[side];
  }

  std::vector<Node> nodes_{2};
};

// Where the verdict changes, and to what.
using IntervalKey = std::tuple<int, std::uint64_t, std::uint64_t>;
using IntervalTree = std::map<IntervalKey, PrefixMatch>;

IntervalKey key_of(const Address& address) {
  const IpBits bits = weir::base::ip_bits(address);
  return {bits.family, bits.high, bits.low};
}

// The address that follows the network; around the end of a family it is the family's first.
Address after(const Prefix& prefix) {
  using weir::admission::Uint128;
  const Uint128 bits = Uint128{prefix.high()} << 64 | prefix.low();
  const Uint128 next = prefix.length() == 0 ? 0 : bits + (Uint128{1} << (128 - prefix.length()));
  if (prefix.family() == AF_INET) return Address::ipv4({htonl(static_cast<std::uint32_t>(next >> 96))}, 0);
  in6_addr ip{};
  for (unsigned i = 0; i < 16; ++i) ip.s6_addr[i] = static_cast<std::uint8_t>(next >> (120 - i * 8));
  return Address::ipv6(ip, 0);
}

IntervalTree intervals_of(const std::vector<PrefixSet::Entry>& entries) {
  const PrefixSet set = PrefixSet::build(entries);
  IntervalTree intervals;
  for (const auto& [prefix, verdict] : entries) {
    for (const Address& start : {prefix.first_address(), after(prefix)})
      intervals[key_of(start)] = set.match(start);
  }
  return intervals;
}

// The intervals in std::map, which is what Boost.ICL's interval_map stands on.
class MapOfIntervals {
 public:
  explicit MapOfIntervals(const std::vector<PrefixSet::Entry>& entries) : starts_(intervals_of(entries)) {}

  PrefixMatch match(const Address& address) const {
    const auto at = starts_.upper_bound(key_of(address));
    return at == starts_.begin() ? PrefixMatch::kNone : std::prev(at)->second;
  }

  std::size_t memory_bytes() const { return starts_.size() * (sizeof(*starts_.begin()) + 4 * sizeof(void*)); }

 private:
  IntervalTree starts_;
};

// The intervals in one sorted array and the standard library's binary search.
class ArrayOfIntervals {
 public:
  explicit ArrayOfIntervals(const std::vector<PrefixSet::Entry>& entries) {
    for (const auto& [key, verdict] : intervals_of(entries)) {
      const auto& [family, high, low] = key;
      starts_.push_back({weir::admission::Uint128{high} << 64 | low, verdict});
    }
  }

  // The networks of one benchmark are of one family.
  PrefixMatch match(const Address& address) const {
    const IpBits bits = weir::base::ip_bits(address);
    const Start wanted{weir::admission::Uint128{bits.high} << 64 | bits.low, PrefixMatch::kNone};
    const auto at = std::upper_bound(starts_.begin(), starts_.end(), wanted,
                                     [](const Start& a, const Start& b) { return a.first < b.first; });
    return at == starts_.begin() ? PrefixMatch::kNone : std::prev(at)->second;
  }

  std::size_t memory_bytes() const { return starts_.capacity() * sizeof(Start); }

 private:
  using Start = std::pair<weir::admission::Uint128, PrefixMatch>;
  std::vector<Start> starts_;
};

int family_of(const benchmark::State& state) { return state.range(0) == 4 ? AF_INET : AF_INET6; }
std::size_t count_of(const benchmark::State& state) { return static_cast<std::size_t>(state.range(1)); }
Shape shape_of(const benchmark::State& state) { return static_cast<Shape>(state.range(2)); }

template <class Set>
void match(benchmark::State& state, const Set& set, const std::vector<Address>& addresses) {
  // Which address is next depends on the answer, so that matches cannot overlap: this is the time of one.
  std::size_t at = 0;
  for (auto _ : state) {
    const PrefixMatch found = set.match(addresses[at]);
    at = (at + 1 + (static_cast<std::size_t>(found) & 1)) % addresses.size();
  }
  const auto hits = std::count_if(addresses.begin(), addresses.end(),
                                  [&](const Address& a) { return set.match(a) != PrefixMatch::kNone; });
  state.counters["hits"] = static_cast<double>(hits) / static_cast<double>(addresses.size());
  state.counters["KiB"] = static_cast<double>(set.memory_bytes()) / 1024;
}

template <class Set>
void random_addresses(benchmark::State& state) {
  Source source(family_of(state), shape_of(state));
  const auto entries = source.entries(count_of(state));
  if constexpr (std::is_same_v<Set, PrefixSet>) {
    match(state, PrefixSet::build(entries), source.addresses({}));
  } else {
    match(state, Set(entries), source.addresses({}));
  }
}

void listed_addresses(benchmark::State& state) {
  Source source(family_of(state), shape_of(state));
  const auto entries = source.entries(count_of(state));
  match(state, PrefixSet::build(entries), source.addresses(entries));
}

// From the networks' text to the set that answers.
void build_from_text(benchmark::State& state) {
  Source source(family_of(state), shape_of(state));
  std::vector<std::string> texts;
  for (const auto& entry : source.entries(count_of(state))) texts.push_back(entry.prefix.to_string());
  for (auto _ : state) {
    std::vector<PrefixSet::Entry> entries;
    entries.reserve(texts.size());
    for (const std::string& text : texts)
      entries.push_back({weir::base::parse_prefix(text)->prefix, PrefixMatch::kDeny});
    benchmark::DoNotOptimize(PrefixSet::build(std::move(entries)));
  }
}

void each_size(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"ipv", "networks", "dense"});
  bench->ArgsProduct({{4, 6}, {100, 10'000, 100'000}, {kSpread, kDense}});
}

void largest(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"ipv", "networks", "dense"});
  bench->ArgsProduct({{4, 6}, {100'000}, {kSpread, kDense}});
}

BENCHMARK(random_addresses<PrefixSet>)->Name("prefix_set/match_random")->Apply(each_size);
BENCHMARK(listed_addresses)->Name("prefix_set/match_listed")->Apply(each_size);
BENCHMARK(random_addresses<ArrayOfIntervals>)->Name("not_taken/binary_search")->Apply(largest);
BENCHMARK(random_addresses<MapOfIntervals>)->Name("not_taken/interval_map")->Apply(largest);
BENCHMARK(random_addresses<BitTrie>)->Name("not_taken/bit_trie")->Apply(largest);
BENCHMARK(build_from_text)
    ->Name("prefix_set/build_from_text")
    ->Apply(each_size)
    ->Unit(benchmark::kMillisecond);

}  // namespace
