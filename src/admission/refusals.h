// Why a connection was not let in. One list: the enum, the metric's label and the word in the log are the
// same word.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace weir::admission {

enum class Refusal { kProcessConnections, kNoDescriptors };

inline constexpr std::array<std::string_view, 2> kRefusalWords{"process_connections", "no_descriptors"};

constexpr std::string_view word(Refusal refusal) { return kRefusalWords[static_cast<std::size_t>(refusal)]; }

}  // namespace weir::admission
