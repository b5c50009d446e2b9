#include "health/schedule.h"

#include <algorithm>

namespace weir::health {
namespace {

constexpr base::Millis kSoon{1000};
constexpr base::Millis kShortestChanging{100};

base::Millis share_of(base::Millis whole, double share) {
  return base::Millis(static_cast<base::Millis::rep>(static_cast<double>(whole.count()) * share));
}

}  // namespace

base::Millis first_delay(const Check& check, double chance) {
  return share_of(std::min(check.interval, kSoon), chance);
}

base::Millis next_delay(const Check& check, Pace pace, double chance) {
  base::Millis interval = check.interval;
  if (pace == Pace::kChanging) interval = std::min(interval, std::max(interval / 4, kShortestChanging));
  return std::max(base::Millis(1), share_of(interval, 1.0 + check.jitter * (2.0 * chance - 1.0)));
}

}  // namespace weir::health
