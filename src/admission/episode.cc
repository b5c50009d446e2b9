#include "admission/episode.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace weir::admission {

std::uint64_t rate_per_second(std::uint64_t count, base::TimePoint from, base::TimePoint now) {
  WEIR_ASSERT(from < now);
  constexpr double kMost = 1e18;  // what is beyond would not fit the result for a short time
  const std::chrono::duration<double> seconds = now - from;
  return static_cast<std::uint64_t>(std::min(static_cast<double>(count) / seconds.count() + 0.5, kMost));
}

std::optional<Episode::Change> Episode::add(std::uint64_t count, base::TimePoint from, base::TimePoint now) {
  per_second_ = rate_per_second(count, from, now);
  if (active_) {
    unsettled_ += count;
    if (per_second_ > rules_.quiet_per_second) {
      facts_.last = now;
      facts_.peak_per_second = std::max(facts_.peak_per_second, per_second_);
      facts_.total += std::exchange(unsettled_, 0);
    } else if (now - facts_.last >= rules_.end_after) {
      active_ = false;
      return Change::kEnded;
    }
    return std::nullopt;
  }
  if (per_second_ < rules_.begin_per_second) {
    suspected_.reset();
    return std::nullopt;
  }
  if (!suspected_) suspected_ = Facts{from, now, 0, 0};
  suspected_->last = now;
  suspected_->peak_per_second = std::max(suspected_->peak_per_second, per_second_);
  suspected_->total += count;
  const bool heavy = rules_.heavy_per_second > 0 && per_second_ >= rules_.heavy_per_second;
  if (!heavy && suspected_->lasted() < rules_.begin_after) return std::nullopt;
  facts_ = *std::exchange(suspected_, std::nullopt);
  unsettled_ = 0;
  active_ = true;
  return Change::kBegan;
}

}  // namespace weir::admission
