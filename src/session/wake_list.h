// Brings word of the end of a wait from whoever gave a place back to the worker whose session waited: a list
// that any thread adds to, and that the worker goes through in its own time. It is never full, so no word is
// lost.
#pragma once

#include <deque>
#include <functional>
#include <mutex>

#include "net/event_loop.h"
#include "pool/waiter.h"

namespace weir::session {

class WakeList final : public pool::Waker {
 public:
  // `poke` makes the worker's loop call `deliver` soon. Any thread calls it, seldom while a call is due
  // already.
  explicit WakeList(std::function<void()> poke) : poke_(std::move(poke)) {}
  // The same, and `deliver` is called at the end of each turn of `loop`, before whatever is asked for at that
  // end from now on: sessions that close by what they are told are freed in the same turn.
  WakeList(net::EventLoop& loop, std::function<void()> poke) : WakeList(std::move(poke)) {
    loop.at_end_of_turn([this] { deliver(); });
  }

  void wake(pool::Waiter& waiter) override;
  void forget(pool::Waiter& waiter) override;

  // Tells those whose wait has ended by now, at most `kMostInATurn`, and pokes if there are more: each may
  // begin a connect, whose failure may at once end the wait of another. The worker's thread.
  void deliver();
  static constexpr int kMostInATurn = 64;

 private:
  pool::Waiter* next();
  bool has_more();

  const std::function<void()> poke_;
  std::mutex mutex_;
  std::deque<pool::Waiter*> ended_;
};

}  // namespace weir::session
