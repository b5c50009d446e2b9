// Bounds the bytes of one direction to a rate: a token bucket, kept as the time at which it was empty, so
// that it fills by itself and no timer runs for it. A direction that has used it up rests until a tick's
// worth is there again: a wheel entry, about sixteen times a second, however small its packets are. Lives
// with its relay, which exists only while the rate is asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

#include "net/timer_wheel.h"

namespace weir::relay {

// Pure: it asks no clock.
class TokenBucket {
 public:
  // `rate` in bytes a second, 1 to `kMostRate`. Holds at most 3 ticks of the wheel's worth (192 ms), so that
  // the lateness of a tick is made up for and idleness buys little; begins with one tick's worth.
  static constexpr std::uint64_t kMostRate = 1ull << 36;  // 64 GiB/s; the products below stay within 64 bits
  TokenBucket(std::uint64_t rate, base::TimePoint now) : rate_(rate), empty_at_(now - kRest) {}

  // Bytes that may pass now.
  std::uint64_t available(base::TimePoint now) const {
    const auto filled = std::clamp(now - empty_at_, std::chrono::nanoseconds(0), most_filled());
    return static_cast<std::uint64_t>(filled.count()) * rate_ / kSecond;
  }

  // `bytes`, at most what was available, have passed.
  void take(std::uint64_t bytes, base::TimePoint now) {
    // Rounded up: many small takes must not pass more than the rate.
    const std::uint64_t time = (bytes * kSecond + rate_ - 1) / rate_;
    empty_at_ = std::max(empty_at_, now - most_filled()) + std::chrono::nanoseconds(time);
  }

  // When a tick's worth, and at least one byte, is there.
  base::TimePoint ready_at() const {
    return empty_at_ + std::max<std::chrono::nanoseconds>(kRest, one_byte());
  }

 private:
  static constexpr std::uint64_t kSecond = 1'000'000'000;
  static constexpr base::Millis kRest = net::TimerWheel::kTick;

  std::chrono::nanoseconds one_byte() const {
    return std::chrono::nanoseconds((kSecond + rate_ - 1) / rate_);
  }
  std::chrono::nanoseconds most_filled() const {
    return std::max<std::chrono::nanoseconds>(3 * kRest, 2 * one_byte());
  }

  const std::uint64_t rate_;
  base::TimePoint empty_at_;
};

// A bucket and the rest that follows when it is empty.
class Throttle final : private net::WheelEntry {
 public:
  // `rested` is called on the wheel's loop, once for each `rest`.
  Throttle(net::TimerWheel& wheel, std::uint64_t rate, std::function<void()> rested)
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
