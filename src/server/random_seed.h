// A number that nobody outside can know, for what draws lots or hashes what strangers choose.
#pragma once

#include <cstdint>
#include <random>

namespace weir::server {

inline std::uint64_t random_seed() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

}  // namespace weir::server
