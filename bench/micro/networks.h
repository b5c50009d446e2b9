// Networks as access lists have them, and addresses of clients, for the benchmarks: always the same ones.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "admission/prefix_set.h"
#include "base/address.h"
#include "base/prefix.h"

namespace weir::admission {

// How the networks lie. `kSpread`: over the whole unicast space, lengths as real lists have them. `kDense`:
// single hosts in one /8 or /32 but for a few far away, which is the worst for an index over equal parts.
enum Shape : std::int64_t { kSpread, kDense };

class Source {
 public:
  Source(int family, Shape shape) : family_(family), shape_(shape) {}

  base::Address address() {
    if (family_ == AF_INET) {
      const auto bits = static_cast<std::uint32_t>(random_());
      return base::Address::ipv4({htonl(shape_ == kDense ? 0x0a000000 | bits >> 8 : bits)}, 80);
    }
    std::array<std::uint64_t, 2> bits{random_(), random_()};
    // 2000::/3 is what is given out; within it 2001:db8::/32 stands for one provider.
    bits[0] = shape_ == kDense ? 0x20010db8ull << 32 | bits[0] >> 32 : 0x2ull << 60 | bits[0] >> 3;
    in6_addr ip{};
    for (std::size_t i = 0; i < 16; ++i)
      ip.s6_addr[i] = static_cast<std::uint8_t>(bits[i / 8] >> (56 - i % 8 * 8));
    return base::Address::ipv6(ip, 80);
  }

  // Addresses of clients: in the networks `of`, or anywhere when there are none. Many, so that the caches
  // hold the set no better than they would in service.
  std::vector<base::Address> addresses(const std::vector<PrefixSet::Entry>& of) {
    std::vector<base::Address> addresses(65'536);
    std::generate(addresses.begin(), addresses.end(),
                  [&] { return of.empty() ? address() : of[random_() % of.size()].prefix.first_address(); });
    return addresses;
  }

  std::vector<PrefixSet::Entry> entries(std::size_t count) {
    std::vector<PrefixSet::Entry> entries;
    Source far(family_, kSpread);
    while (entries.size() < count) {
      if (shape_ == kDense && entries.size() % 1000 == 0) {
        entries.push_back({base::Prefix::of(far.address(), 24), PrefixMatch::kDeny});
        continue;
      }
      entries.push_back({base::Prefix::of(address(), length()),
                         random_() % 2 == 0 ? PrefixMatch::kAllow : PrefixMatch::kDeny});
    }
    return entries;
  }

 private:
  unsigned length() {
    const auto roll = static_cast<unsigned>(random_() % 100);
    if (family_ == AF_INET) return shape_ == kDense || roll < 30 ? 32 : roll < 85 ? 24 : 12 + roll % 12;
    return shape_ == kDense || roll < 20 ? 128 : roll < 60 ? 48 : roll < 80 ? 64 : 29 + roll % 19;
  }

  int family_;
  Shape shape_;
  std::mt19937_64 random_{1};
};

}  // namespace weir::admission
