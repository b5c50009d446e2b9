// When what fails at the backends of a name is worth a question before its time: at the first failure, and
// the longer they go on failing the more seldom. Pure: `now` is an argument. One for each name.
#pragma once

#include <algorithm>
#include <optional>

#include "base/clock.h"

namespace weir::discovery {

class EarlyQuestions {
 public:
  static constexpr base::Millis kFirstWait{1'000};  // doubled with each question
  static constexpr base::Millis kLongestWait{30'000};
  static constexpr base::Millis kQuiet{60'000};  // without a failure: the next one is a first one again

  // Something has failed. True: ask now.
  [[nodiscard]] bool failed(base::TimePoint now) {
    if (!last_failure_ || now - *last_failure_ >= kQuiet) reset();
    last_failure_ = now;
    if (next_ && now < *next_) return false;
    next_ = now + wait_;
    wait_ = std::min(wait_ * 2, kLongestWait);
    return true;
  }

  // The name has another answer: what fails now is something new.
  void reset() {
    wait_ = kFirstWait;
    next_.reset();
  }

 private:
  base::Millis wait_ = kFirstWait;
  std::optional<base::TimePoint> next_;
  std::optional<base::TimePoint> last_failure_;
};

}  // namespace weir::discovery
