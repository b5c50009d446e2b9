// Bounds the bytes of one direction to a rate: a token bucket, kept as the time at which it was empty, so
// that it fills by itself and no timer runs for it. A direction that has used it up rests until a tick's
// worth is there again: a wheel entry, about sixteen times a second, however small its packets are. Lives
// with its relay, which exists only while the rate is asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "base/rate.h"
#include "net/timer_wheel.h"

namespace weir::relay {

// Pure: it asks no clock.
class TokenBucket {
 public:
  // `rate` in bytes. Holds at most 3 ticks of the wheel's worth (192 ms), so that the lateness of a tick is
  // made up for and idleness buys little; begins with one tick's worth.
  TokenBucket(base::Rate rate, base::TimePoint now) : rate_(rate), empty_at_(now - kRest) {}

  // Bytes that may pass now.
  std::uint64_t available(base::TimePoint now) const {
    const auto filled = std::clamp(now - empty_at_, std::chrono::nanoseconds(0), most_filled());
    return static_cast<std::uint64_t>(Wide(filled.count()) * rate_.count / period());
  }

  // `bytes` have passed. Of more than was available the rest is made up for first.
  void take(std::uint64_t bytes, base::TimePoint now) {
    empty_at_ = std::max(empty_at_, now - most_filled()) + time_of(bytes);
  }

  // When a tick's worth, and at least one byte, is there.
  base::TimePoint ready_at() const {
    return empty_at_ + std::max<std::chrono::nanoseconds>(kRest, time_of(1));
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr base::Millis kRest = net::TimerWheel::kTick;

  Wide period() const { return static_cast<Wide>(std::chrono::nanoseconds(rate_.period).count()); }

  // Rounded up: many small takes must not pass more than the rate.
  std::chrono::nanoseconds time_of(std::uint64_t bytes) const {
    const Wide time = (Wide(bytes) * period() + rate_.count - 1) / rate_.count;
    return std::chrono::nanoseconds(static_cast<std::int64_t>(time));
  }
  std::chrono::nanoseconds most_filled() const {
    return std::max<std::chrono::nanoseconds>(3 * kRest, 2 * time_of(1));
  }

  const base::Rate rate_;
  base::TimePoint empty_at_;
};

// A bucket and the rest that follows when it is empty.
class Throttle final : private net::WheelEntry {
 public:
  // `rested` is called on the wheel's loop, once for each `rest`.
  Throttle(net::TimerWheel& wheel, base::Rate rate, std::function<void()> rested)
      : wheel_(wheel), bucket_(rate, base::precise_now()), rested_(std::move(rested)) {}

  TokenBucket& bucket() { return bucket_; }

  void rest() { wheel_.arm(*this, bucket_.ready_at()); }
  void stop() { disarm(); }

 private:
  void on_deadline(base::TimePoint) override { rested_(); }

  net::TimerWheel& wheel_;
  TokenBucket bucket_;
  const std::function<void()> rested_;
};

}  // namespace weir::relay
