// How often which latency occurred, with an error below one in 128 whatever the latency is: as in Gil Tene's
// HdrHistogram, each power of two is cut into equal parts. Recording is one addition.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::load {

class Histogram {
 public:
  // Negative ones count as 0, those over some 18 minutes as that.
  void record(std::chrono::nanoseconds latency) {
    const auto given = static_cast<std::uint64_t>(latency.count() < 0 ? 0 : latency.count());
    ++counts_[place_of(given < kMost ? given : kMost - 1)];
    ++count_;
  }

  std::uint64_t count() const { return count_; }

  // Not less than the share `quantile` (0 to 1) of what was recorded, and at most 1/128 more than the least
  // such; 0 of nothing.
  std::chrono::nanoseconds quantile(double quantile) const;

 private:
  static constexpr unsigned kBits = 7;  // of a latency that count, but for the first one
  static constexpr std::uint64_t kParts = 1u << kBits;
  static constexpr std::uint64_t kMost = 1ull << 40;

  // Below 2 * kParts each value has a place of its own; then each power of two has kParts.
  static std::size_t place_of(std::uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value | kParts));
    const unsigned shift = width - 1 - kBits;
    return shift * kParts + (value >> shift);
  }
  static std::uint64_t end_of(std::size_t place);  // the greatest value there

  std::array<std::uint64_t, (40 - kBits + 1) * kParts> counts_{};
  std::uint64_t count_ = 0;
};

}  // namespace weir::load
