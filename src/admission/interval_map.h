// A number line cut into intervals that each have a value: which one is a number in? Sorted starts, searched
// without a branch that depends on the number, and narrowed first by a small index over equal parts of the
// line. Immutable, so any thread may ask. `PrefixSet` has one for each family; what the values mean is its
// business.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace weir::admission {

// `Key` is an unsigned integer; `Value` is small.
template <class Key, class Value>
class IntervalMap {
 public:
  struct Interval {
    Key start;
    Value value;
  };

  // `intervals` are sorted, the first starts at 0, each ends where the next one starts and the last at the
  // greatest key.
  explicit IntervalMap(const std::vector<Interval>& intervals) {
    WEIR_ASSERT(!intervals.empty() && intervals.front().start == 0);
    starts_.reserve(intervals.size());
    values_.reserve(intervals.size());
    for (const Interval& interval : intervals) {
      WEIR_ASSERT(starts_.empty() || starts_.back() < interval.start);
      starts_.push_back(interval.start);
      values_.push_back(interval.value);
    }
    build_index();
  }

  Value find(Key key) const {
    // The parts lie between the first cut and the last; a key outside belongs to the part that is nearest.
    const Key part = (std::clamp(key, index_from_, index_to_) - index_from_) >> index_shift_;
    const auto* first_of_part = &first_of_part_[static_cast<std::size_t>(part)];
    const Key* start = starts_.data() + first_of_part[0];
    // From here on `start` is an interval that starts at or before the key, the last of `count` possible
    // ones.
    for (std::size_t count = first_of_part[1] - first_of_part[0] + 1; count > 1;) {
      const std::size_t half = count / 2;
      start += half & (std::size_t{0} - static_cast<std::size_t>(start[half] <= key));
      count -= half;
    }
    return values_[static_cast<std::size_t>(start - starts_.data())];
  }

  std::size_t memory_bytes() const {
    return starts_.capacity() * sizeof(Key) + values_.capacity() * sizeof(Value) +
           first_of_part_.capacity() * sizeof(std::uint32_t);
  }

 private:
  // Intervals for each part on average: fewer make the index larger than what it saves in steps.
  static constexpr std::size_t kIntervalsPerPart = 4;

  void build_index() {
    const std::size_t cuts = starts_.size() - 1;
    index_from_ = cuts > 0 ? starts_[1] : 0;
    index_to_ = starts_.back();
    // At least two, or the shift could be as wide as the key.
    const Key parts = static_cast<Key>(cuts / kIntervalsPerPart + 2);
    while ((index_to_ - index_from_) >> index_shift_ >= parts) ++index_shift_;
    // For each part the interval that its first key is in. The first part also takes what lies below it, so
    // it begins with the first interval; one number more ends the last part.
    first_of_part_.push_back(0);
    Key start = index_from_;
    for (std::uint32_t at = 0; (index_to_ - start) >> index_shift_ > 0;) {
      start += Key{1} << index_shift_;
      while (at + 1 < starts_.size() && starts_[at + 1] <= start) ++at;
      first_of_part_.push_back(at);
    }
    first_of_part_.push_back(static_cast<std::uint32_t>(cuts));
    first_of_part_.shrink_to_fit();
  }

  std::vector<Key> starts_;
  std::vector<Value> values_;
  std::vector<std::uint32_t> first_of_part_;
  Key index_from_ = 0;
  Key index_to_ = 0;
  unsigned index_shift_ = 0;
};

}  // namespace weir::admission
