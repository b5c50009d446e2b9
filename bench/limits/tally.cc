#include "limits/tally.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace weir::limits {

std::string Tally::to_json() const {
  return fmt::format(
      R"({{"offered": {}, "served": {}, "reset": {}, "closed": {}, "unserved": {}, "silent": {}, "failed": {}, )"
      R"("abandoned": {}, "lost": {}, "seconds": {:.6f}, "cpu_seconds": {:.6f}, "latest_ms": {:.3f}, )"
      R"("served_in": [{}], "kept": [{}], "most_kept": [{}]}})",
      offered, served, reset, closed, unserved, silent, failed, abandoned, lost, seconds, cpu_seconds,
      latest_ms, fmt::join(served_in, ", "), fmt::join(kept, ", "), fmt::join(most_kept, ", "));
}

}  // namespace weir::limits
