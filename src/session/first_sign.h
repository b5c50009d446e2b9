// Waits for the first sign of life on a warm connection that a session was given. Its host may have vanished
// while it waited, without a word, and then a client would hang until keep-alive or the last retransmission
// tells. A live host acknowledges what it is sent, whether its program reads or not. Pure: what the kernel
// tells and `now` are arguments. One sign is enough; after it nothing is looked at any more.
#pragma once

#include "base/clock.h"

namespace weir::session {

class FirstSign {
 public:
  enum class Finding {
    kAlive,    // a sign has come, or was not waited for
    kUnknown,  // none has come yet; look again at `due`
    kGone,     // none has come though bytes wait for an acknowledgement since the look before this one
  };

  // Waits from `now` on. An acknowledgement may take `patience`, a time longer than a round trip.
  void expect(base::TimePoint now, base::Millis patience);

  // When to look; the end of time while no sign is waited for.
  base::TimePoint due() const { return due_; }

  // What is found at `due` or later: the host was last heard of `silence` ago, and bytes are
  // `unacknowledged` or none.
  Finding look(base::TimePoint now, base::Millis silence, int unacknowledged);

 private:
  // The kernel's clock ticks less often than ours: what is nearer to the beginning is taken for before it.
  static constexpr base::Millis kBlur{50};

  base::TimePoint begun_{};
  base::TimePoint due_ = base::TimePoint::max();
  base::Millis patience_{0};
  bool was_unacknowledged_ = false;
};

}  // namespace weir::session
