#include "admission/prefix_set.h"

#include <algorithm>
#include <span>

#include "base/assert.h"

namespace weir::admission {
namespace {

using Entry = PrefixSet::Entry;

// Sorted as prefixes are; each once, denied when any of its entries is.
void sort_and_merge(std::vector<Entry>& entries) {
  // kDeny is the greatest verdict: sorted to the front of its equals, it is the one that stays.
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : a.verdict > b.verdict;
  });
  const auto is_same = [](const Entry& a, const Entry& b) { return a.prefix == b.prefix; };
  entries.erase(std::unique(entries.begin(), entries.end(), is_same), entries.end());
}

// An address's bits as a key: of IPv4 those that are in front.
template <class Key>
Key key_of(std::uint64_t high, std::uint64_t low) {
  if constexpr (sizeof(Key) == sizeof(std::uint32_t)) {
    return static_cast<Key>(high >> 32);
  } else {
    return Key{high} << 64 | low;
  }
}

// Sweeps over sorted networks of one family. Networks nest or are apart, so those that hold the current point
// are a stack with the longest on top.
template <class Key>
class Sweep {
 public:
  Intervals<Key, PrefixMatch> run(std::span<const Entry> entries) {
    cut(0, PrefixMatch::kNone);
    for (const Entry& entry : entries) {
      const Key first = key_of<Key>(entry.prefix.high(), entry.prefix.low());
      while (!open_.empty() && open_.back().last < first) close();
      cut(first, entry.verdict);
      open_.push_back({static_cast<Key>(first | host_bits(entry.prefix.length())), entry.verdict});
    }
    while (!open_.empty()) close();
    return std::move(intervals_);
  }

 private:
  struct Open {
    Key last;
    PrefixMatch verdict;
  };

  static Key host_bits(unsigned length) {
    constexpr unsigned kBits = sizeof(Key) * 8;
    return length == kBits ? Key{0} : static_cast<Key>(~Key{0} >> length);
  }

  // After the longest network ends, the one around it speaks again.
  void close() {
    const Key last = open_.back().last;
    open_.pop_back();
    if (last == static_cast<Key>(~Key{0})) return;
    cut(static_cast<Key>(last + 1), open_.empty() ? PrefixMatch::kNone : open_.back().verdict);
  }

  // From `start` on the verdict is this one; of several cuts at one place the last counts.
  void cut(Key start, PrefixMatch verdict) {
    auto& [starts, values] = intervals_;
    if (!starts.empty() && starts.back() == start) {
      starts.pop_back();
      values.pop_back();
    }
    if (!values.empty() && values.back() == verdict) return;
    starts.push_back(start);
    values.push_back(verdict);
  }

  Intervals<Key, PrefixMatch> intervals_;
  std::vector<Open> open_;
};

}  // namespace

PrefixSet::PrefixSet(std::vector<Entry> entries)
    : ipv4_({{0}, {PrefixMatch::kNone}}), ipv6_({{0}, {PrefixMatch::kNone}}) {
  for (const Entry& entry : entries) WEIR_ASSERT(entry.verdict != PrefixMatch::kNone);
  sort_and_merge(entries);
  size_ = entries.size();
  const auto ipv6 = std::partition_point(entries.begin(), entries.end(),
                                         [](const Entry& e) { return e.prefix.family() == AF_INET; });
  ipv4_ = Ipv4IntervalMap<PrefixMatch>(Sweep<std::uint32_t>().run({entries.begin(), ipv6}));
  ipv6_ = Ipv6IntervalMap<PrefixMatch>(Sweep<Uint128>().run({ipv6, entries.end()}));
}

PrefixMatch PrefixSet::match(const base::Address& address) const {
  const base::IpBits bits = base::ip_bits(address);
  if (bits.family == AF_INET) return ipv4_.find(key_of<std::uint32_t>(bits.high, bits.low));
  if (bits.family == AF_INET6) return ipv6_.find(key_of<Uint128>(bits.high, bits.low));
  return PrefixMatch::kNone;
}

}  // namespace weir::admission
