#include "pool/sources.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace weir::pool {

void PortCounters::found_dry(base::TimePoint now) {
  dry_.add();
  dry_until_.store((now + kDryPause).time_since_epoch().count(), std::memory_order_relaxed);
}

bool PortCounters::is_in_pause(base::TimePoint now) const {
  return now.time_since_epoch().count() < dry_until_.load(std::memory_order_relaxed);
}

void PortCounters::end_pause() {
  constexpr auto kNone = base::TimePoint::min().time_since_epoch().count();
  if (dry_until_.load(std::memory_order_relaxed) != kNone) dry_until_.store(kNone, std::memory_order_relaxed);
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

void PortHold::give_back() {
  if (counters_ != nullptr) counters_->end_pause();
  release();
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
    if (turn.all_[i]->is_in_pause(now)) paused_ |= std::uint64_t{1} << i;
  }
}

const std::shared_ptr<PortCounters>* SourceTurn::Order::next() {
  const std::size_t size = turn_->all_.size();
  while (step_ < size) {
    const std::size_t index = (first_ + step_++) % size;
    if (!is_paused(index)) return &turn_->all_[index];
  }
  return nullptr;
}

void SourceTurn::Order::came_to_nothing() const {
  for (std::size_t i = 0; i < turn_->all_.size(); ++i) {
    if (is_paused(i)) turn_->all_[i]->not_asked();
  }
}

}  // namespace weir::pool
