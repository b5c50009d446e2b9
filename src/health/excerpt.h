// Bytes that a backend sent, for a reason that people read. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::health {

// `foreign` in double quotes, cut after `most` bytes ("..." follows then). Only printable ASCII stays as it
// is; the rest is written "\r", "\n", "\t" or "\x1b", so that nothing of it can reach a terminal or break a
// line of the log.
std::string excerpt(std::string_view foreign, std::size_t most = 64);

}  // namespace weir::health
