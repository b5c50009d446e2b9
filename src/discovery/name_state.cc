#include "discovery/name_state.h"

#include <algorithm>

#include "balance/random.h"
#include "base/assert.h"

namespace weir::discovery {

using base::Millis;

namespace {

// Neighbouring seeds must not begin alike, as they would in so simple a generator.
std::minstd_rand::result_type spread(std::uint64_t seed) {
  return static_cast<std::minstd_rand::result_type>(balance::Random(seed).next() & 0x7fffffff);
}

}  // namespace

NameState::NameState(NameRules rules, std::uint64_t seed, base::TimePoint now)
    : rules_(rules), random_(spread(seed)), next_(now), asked_at_(now), good_until_(now), whole_until_(now) {}

Millis NameState::jittered(Millis wait) {
  const double part = std::uniform_real_distribution<double>(0.0, kQuestionJitter)(random_);
  const auto early = Millis(static_cast<Millis::rep>(static_cast<double>(wait.count()) * part));
  return std::max(kQuestionFloor, wait - early);
}

void NameState::asked(base::TimePoint now) {
  WEIR_ASSERT(!asking_);
  asking_ = true;
  asked_at_ = now;
}

void NameState::answered(base::TimePoint now, std::chrono::seconds ttl, Extent extent) {
  WEIR_ASSERT(asking_);
  asking_ = false;
  failures_ = 0;
  answered_at_ = now;
  // Bounded before it is turned into finer units.
  ttl_ = std::clamp<std::chrono::seconds>(ttl, std::chrono::seconds(0), std::chrono::hours(24));
  good_until_ = now + ttl_;
  // The ceiling is for what others say: an interval is asked for by the operator.
  const Millis wait = rules_.interval ? std::max(*rules_.interval, kQuestionFloor)
                                      : std::clamp(ttl_, kQuestionFloor, kQuestionCeiling);
  next_ = now + jittered(wait);
  if (extent == Extent::kWhole) {
    whole_until_ = good_until_;
  } else {
    next_ = std::min(next_, now + jittered(kLongestRetry));
  }
}

bool NameState::failed(base::TimePoint now, Kind kind) {
  WEIR_ASSERT(asking_);
  asking_ = false;
  // Doubled as often as it takes to reach the longest, and not until it overflows.
  const Millis wait = kFirstRetry * (1 << std::min(failures_, 5u));
  ++failures_;
  const Millis longest = std::clamp(rules_.interval.value_or(kLongestRetry), kQuestionFloor, kLongestRetry);
  next_ = now + jittered(std::min(wait, longest));
  if (rules_.hold_last_good) return false;
  return kind == Kind::kNoSuchName || now >= good_until_;
}

void NameState::connects_fail(base::TimePoint now) {
  if (asking_ || is_failing()) return;
  next_ = std::min(next_, std::max(now, asked_at_ + kQuestionFloor));
}

}  // namespace weir::discovery
