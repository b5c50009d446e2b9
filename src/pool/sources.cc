#include "pool/sources.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace weir::pool {

void PortCounters::found_dry(base::TimePoint now) {
  dry_.add();
  dry_until_.store((now + kDryPause).time_since_epoch().count(), std::memory_order_relaxed);
}

bool PortCounters::lately_dry(base::TimePoint now) const {
  return now.time_since_epoch().count() < dry_until_.load(std::memory_order_relaxed);
}

PortHold::PortHold(std::shared_ptr<PortCounters> counters) : counters_(std::move(counters)) {
  WEIR_ASSERT(counters_ != nullptr);
  counters_->opened_.add();
  counters_->open_.enter();
}

PortHold& PortHold::operator=(PortHold&& other) noexcept {
  if (this != &other) {
    release();
    counters_ = std::move(other.counters_);
  }
  return *this;
}

void PortHold::release() {
  if (counters_ != nullptr) counters_->open_.leave();
  counters_.reset();
}

SourceTurn::SourceTurn(std::span<const base::Address> sources, int family, const SourceTurn* before) {
  const auto add = [&](const std::optional<base::Address>& source) {
    if (before != nullptr) {
      const auto known = std::find_if(before->all_.begin(), before->all_.end(),
                                      [&](const auto& one) { return one->source() == source; });
      if (known != before->all_.end()) return all_.push_back(*known);
    }
    all_.push_back(std::make_shared<PortCounters>(source));
  };
  for (const base::Address& source : sources) {
    if (source.family() == family) add(source);
  }
  if (all_.empty()) add(std::nullopt);
  WEIR_ASSERT(all_.size() <= kMost);
}

SourceTurn::Order::Order(const SourceTurn& turn, std::size_t first, base::TimePoint now)
    : turn_(&turn), first_(first % turn.all_.size()) {
  for (std::size_t i = 0; i < turn.all_.size(); ++i) {
    if (turn.all_[i]->lately_dry(now)) dry_ |= std::uint64_t{1} << i;
  }
}

const std::shared_ptr<PortCounters>* SourceTurn::Order::next() {
  const std::size_t size = turn_->all_.size();
  while (step_ < 2 * size) {
    const bool among_dry = step_ >= size;
    const std::size_t index = (first_ + step_++) % size;
    if (((dry_ >> index & 1) != 0) == among_dry) return &turn_->all_[index];
  }
  return nullptr;
}

}  // namespace weir::pool
