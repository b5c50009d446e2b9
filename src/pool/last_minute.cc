#include "pool/last_minute.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"

namespace weir::pool {

void LastMinute::add(std::uint64_t count, base::TimePoint from, base::TimePoint now) {
  WEIR_ASSERT(from <= now);
  const std::int64_t last = second_of(now);
  WEIR_ASSERT(last >= newest_);
  // What is older than a minute makes room.
  for (std::int64_t s = std::max(newest_ + 1, last - kSeconds + 1); s <= last; ++s) counts_[place_of(s)] = 0;
  newest_ = last;
  const std::int64_t first = std::min(second_of(from) + 1, last);
  const std::uint64_t seconds = static_cast<std::uint64_t>(last - first) + 1;
  for (std::int64_t s = std::max(first, last - kSeconds + 1); s <= last; ++s) {
    const auto which = static_cast<std::uint64_t>(s - first);
    // The first ones take what does not divide evenly.
    counts_[place_of(s)] += count / seconds + (which < count % seconds ? 1 : 0);
  }
}

std::uint64_t LastMinute::within(std::chrono::seconds age) const {
  WEIR_ASSERT(age.count() >= 0 && age <= kLength);
  // The newest ones lie before this place, and go on from the end of the ring.
  const std::size_t end = place_of(newest_) + 1;
  const auto wanted = static_cast<std::size_t>(age.count());
  const std::size_t before = std::min(wanted, end);
  const auto sum = [this](std::size_t from, std::size_t to) {
    return std::accumulate(counts_.data() + from, counts_.data() + to, std::uint64_t{0});
  };
  return sum(end - before, end) + sum(counts_.size() - (wanted - before), counts_.size());
}

}  // namespace weir::pool
