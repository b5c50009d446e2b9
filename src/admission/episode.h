// A trouble as a state with a beginning and an end, decided from a count a second or so: it begins when the
// count stays up for a while or is heavy at once, and ends when it has stayed down for a while, so that
// neither a single burst nor a pause makes it flap. What is counted is the owner's business
// (admission/flood_watch). Pure: `now` is an argument; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace weir::admission {

struct EpisodeRules {
  std::uint64_t begin_per_second = 0;  // from here on a second counts as troubled
  std::uint64_t quiet_per_second = 0;  // and up to here as quiet; what lies between changes nothing
  std::uint64_t heavy_per_second = 0;  // this much begins it at once; 0: nothing does
  base::Millis begin_after{3'000};     // troubled for so long without a second below `begin_per_second`
  base::Millis end_after{10'000};      // quiet for so long without a second above `quiet_per_second`
};

class Episode {
 public:
  enum class Change { kBegan, kEnded };

  // What is known of the current episode, or of the last one when it is over.
  struct Facts {
    base::TimePoint since;  // when its first troubled second began, before it was known to be one
    base::TimePoint last;   // when its last second that was not quiet ended
    std::uint64_t peak_per_second = 0;
    std::uint64_t total = 0;  // counted from `since` to `last`

    base::Millis lasted() const { return std::chrono::duration_cast<base::Millis>(last - since); }
  };

  explicit Episode(EpisodeRules rules) : rules_(rules) {}

  // `count` things happened between `from` and `now`. Precondition: from < now, and `from` is the `now` of
  // the call before.
  std::optional<Change> add(std::uint64_t count, base::TimePoint from, base::TimePoint now);

  bool active() const { return active_; }
  // Active, or troubled for a shorter while than makes an episode.
  bool active_or_suspected() const { return active_ || suspected_; }
  const Facts& facts() const { return facts_; }
  std::uint64_t per_second() const { return per_second_; }  // of the last call

 private:
  EpisodeRules rules_;
  bool active_ = false;
  Facts facts_;
  std::optional<Facts> suspected_;  // troubled, but not for long enough yet to be an episode
  std::uint64_t unsettled_ = 0;     // counted since `facts_.last`: the episode's if it goes on
  std::uint64_t per_second_ = 0;
};

// `count` in the time between, as a whole number a second. Precondition: from < now.
std::uint64_t rate_per_second(std::uint64_t count, base::TimePoint from, base::TimePoint now);

}  // namespace weir::admission
