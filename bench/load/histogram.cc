#include "load/histogram.h"

#include <cmath>

namespace weir::load {

std::uint64_t Histogram::end_of(std::size_t place) {
  if (place < 2 * kParts) return place;
  const std::size_t shift = place / kParts - 1;
  return ((place - shift * kParts + 1) << shift) - 1;
}

std::chrono::nanoseconds Histogram::quantile(double quantile) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t place = 0; place < counts_.size(); ++place) {
    seen += counts_[place];
    if (seen >= wanted && seen > 0) return std::chrono::nanoseconds(end_of(place));
  }
  return std::chrono::nanoseconds(0);
}

}  // namespace weir::load
