// What the operator wants of a backend, and the words for it, wherever they are written or read.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weir::pool {

enum class BackendMode : std::uint8_t {
  kUp,
  kDrain,        // no new sessions; those it has stay
  kMaintenance,  // no new sessions; what becomes of those it has is configured
};

inline constexpr std::array<std::string_view, 3> kBackendModeWords{"up", "drain", "maintenance"};

constexpr std::string_view word(BackendMode mode) {
  return kBackendModeWords[static_cast<std::size_t>(mode)];
}

}  // namespace weir::pool
