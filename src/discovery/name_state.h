// When a name is asked for again, and how long its last answer counts: rules only. Pure: `now` is an
// argument; the owner (`NameWatch`) asks and tells how it went.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

#include "base/clock.h"

namespace weir::discovery {

inline constexpr base::Millis kQuestionFloor{1'000};        // no name is asked for more often
inline constexpr base::Millis kQuestionCeiling{3'600'000};  // nor, by its TTL, more seldom
inline constexpr base::Millis kFirstRetry{1'000};           // after a failure; doubled by each further one
inline constexpr base::Millis kLongestRetry{30'000};
// What was found by others than name servers says nothing of how long it counts: so long.
inline constexpr base::Millis kUntoldTtl{60'000};
inline constexpr double kQuestionJitter = 0.1;  // as much of a wait may be cut off, so that many names spread

struct NameRules {
  std::optional<base::Millis> interval;  // between questions; nothing: as long as the answer's TTL says
  bool hold_last_good = true;            // a failure never takes the last answer away
};

class NameState {
 public:
  // The first question is due at once. `seed` decides the jitter.
  NameState(NameRules rules, std::uint64_t seed, base::TimePoint now);

  // Something is known already that was found at `now` by other ways, without a TTL: it counts for
  // `kUntoldTtl`. It is no answer: the first question is due as before.
  void found(base::TimePoint now) { good_until_ = whole_until_ = now + kUntoldTtl; }

  // When to ask next. While a question is out: when it would be asked again, were it to end now.
  base::TimePoint next_question() const { return next_; }
  bool is_asking() const { return asking_; }

  // The question goes out. Precondition: none is out.
  void asked(base::TimePoint now);

  // How it ended. Precondition: one is out. Where a part of the answer is missing the next question comes no
  // later than `kLongestRetry` from now.
  enum class Extent { kWhole, kPart };
  void answered(base::TimePoint now, std::chrono::seconds ttl, Extent extent = Extent::kWhole);
  // Whether what is missing in an answer that comes `now` is taken from those before: it is to be held, or
  // the last one that was whole still counts.
  bool keeps_missing(base::TimePoint now) const { return rules_.hold_last_good || now < whole_until_; }

  enum class Kind { kNoAnswer, kNoSuchName };
  // True: the last answer, or what was found before there was one, does not count any more, because it is not
  // to be held and either the name is gone or its TTL has passed.
  [[nodiscard]] bool failed(base::TimePoint now, Kind kind);

  // Connects to what the name gave fail: perhaps it has moved. Brings the next question forward, at most to
  // `kQuestionFloor` after the last one. Nothing changes while a question is out, or while questions fail:
  // the name servers are being spared.
  void connects_fail(base::TimePoint now);

  bool is_failing() const { return failures_ > 0; }
  std::optional<base::TimePoint> last_answer() const { return answered_at_; }
  // Of the last answer; as it said, up to a day.
  base::Millis ttl() const { return ttl_; }

 private:
  // `wait`, less a random part of at most `kQuestionJitter` of it.
  base::Millis jittered(base::Millis wait);

  const NameRules rules_;
  std::minstd_rand random_;
  base::TimePoint next_;
  base::TimePoint asked_at_;
  std::optional<base::TimePoint> answered_at_;
  base::TimePoint good_until_;   // what is known
  base::TimePoint whole_until_;  // what was known when all of it was answered
  base::Millis ttl_{0};
  unsigned failures_ = 0;  // in a row
  bool asking_ = false;
};

}  // namespace weir::discovery
