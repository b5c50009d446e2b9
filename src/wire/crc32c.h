// CRC32C (Castagnoli) as RFC 4960 appendix B has it: reflected, 0xffffffff before and after.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::wire {
namespace detail {

consteval std::array<std::uint32_t, 256> crc32c_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t rest = i;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0x82f63b78u : 0u);
    table[i] = rest;
  }
  return table;
}

inline constexpr auto kCrc32cTable = crc32c_table();

}  // namespace detail

// Of bytes that come in several pieces: `Crc32c().add(a).add(b).value()`.
class Crc32c {
 public:
  constexpr Crc32c& add(std::string_view bytes) {
    for (const char c : bytes) {
      rest_ = (rest_ >> 8) ^ detail::kCrc32cTable[(rest_ ^ static_cast<unsigned char>(c)) & 0xff];
    }
    return *this;
  }
  constexpr std::uint32_t value() const { return ~rest_; }

 private:
  std::uint32_t rest_ = 0xffffffff;
};

}  // namespace weir::wire
