#include "net/watch.h"

namespace weir::net {

bool Watch::want(Interest interest) {
  if (interest == interest_) return true;
  WEIR_ASSERT(base_ != nullptr);
  if (interest_ != Interest::kNone) event_del(&event_);
  interest_ = Interest::kNone;
  if (interest == Interest::kNone) return true;
  event_assign(&event_, base_, fd_, static_cast<short>(static_cast<short>(interest) | EV_PERSIST), callback_,
               owner_);
  if (event_add(&event_, nullptr) != 0) return false;
  interest_ = interest;
  return true;
}

void Watch::stop() {
  if (interest_ == Interest::kNone) return;
  event_del(&event_);
  interest_ = Interest::kNone;
}

void Timer::start(base::Millis delay) {
  WEIR_ASSERT(bound_);
  const auto micros = std::chrono::duration_cast<base::Micros>(delay).count();
  const timeval wait{micros / 1'000'000, micros % 1'000'000};
  event_add(&event_, &wait);
}

void Timer::stop() {
  if (bound_) event_del(&event_);
}

}  // namespace weir::net
