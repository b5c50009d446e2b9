#include "health/attention.h"

#include <algorithm>

#include "base/assert.h"

namespace weir::health {
namespace {

constexpr base::Millis kShortest{1};

// How late a timer may come on a machine that is merely busy.
base::Millis tolerance(base::Millis piece) { return std::max(piece / 2, base::Millis(10)); }

}  // namespace

void Attention::start(base::TimePoint now, base::Millis limit) {
  WEIR_ASSERT(limit >= kShortest);
  piece_begun_ = now;
  piece_ = std::max(kShortest, (limit + base::Millis(kPieces - 1)) / kPieces);
  left_ = static_cast<int>((limit + piece_ - kShortest) / piece_);
  forgiven_ = 0;
}

base::Millis Attention::wait(base::TimePoint now) const {
  return std::max(kShortest, std::chrono::ceil<base::Millis>(piece_begun_ + piece_ - now));
}

bool Attention::is_used_up(base::TimePoint now) {
  const auto taken = now - piece_begun_;
  if (taken < piece_) return false;
  piece_begun_ = now;
  if (taken > piece_ + tolerance(piece_) && forgiven_ < kForgiven) {
    ++forgiven_;
    return false;
  }
  return --left_ <= 0;
}

}  // namespace weir::health
