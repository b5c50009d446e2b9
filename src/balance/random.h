// A small generator of random numbers for drawing lots (SplitMix64: Steele, Lea and Flood 2014), and its
// mixing step, which spreads any 64 bits evenly. The same seed gives the same numbers on any machine. Nothing
// here is secret.
#pragma once

#include <cstdint>

namespace weir::balance {

constexpr std::uint64_t mix(std::uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9ull;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebull;
  return bits ^ (bits >> 31);
}

// 2^64 over the golden ratio: its multiples are spread evenly.
inline constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ull;

// The upper half of `bits`, spread over the numbers below `count`; even but for 2^-32 of their count.
constexpr std::uint32_t below(std::uint32_t count, std::uint64_t bits) {
  return static_cast<std::uint32_t>(((bits >> 32) * count) >> 32);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return mix(state_ += kGolden); }

 private:
  std::uint64_t state_;
};

}  // namespace weir::balance
