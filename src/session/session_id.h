// The name of a session, as logs have it, this one's and those of backends that are told.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace weir::session {

// 16 hexadecimal digits.
inline std::string id_text(std::uint64_t id) { return fmt::format("{:016x}", id); }

}  // namespace weir::session
