#include "health/check.h"

#include <fmt/format.h>

namespace weir::health {

std::string to_string(StatusPattern pattern) {
  if (pattern.first == pattern.last) return std::to_string(pattern.first);
  if (pattern.first % 100 == 0 && pattern.last == pattern.first + 99)
    return fmt::format("{}xx", pattern.first / 100);
  return fmt::format("{}-{}", pattern.first, pattern.last);
}

}  // namespace weir::health
