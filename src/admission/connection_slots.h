// How many of something there may be at once, as permits: connections of the process or of limits, refused
// clients that are held, handshakes. Exact across workers: a permit is taken before there is one more, and
// given back by its destructor, wherever that one ends. A worker that found none free asks to be told, and is
// told by whoever gives one back. Any thread; outlives every permit.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace weir::admission {

class ConnectionSlots;

// The right to hold one connection. Move-only; the destructor gives it back.
class Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
  Permit& operator=(Permit&& other) noexcept {
    if (this != &other) {
      release();
      slots_ = std::exchange(other.slots_, nullptr);
    }
    return *this;
  }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() { release(); }

  explicit operator bool() const { return slots_ != nullptr; }
  void release();

 private:
  friend class ConnectionSlots;
  explicit Permit(ConnectionSlots* slots) : slots_(slots) {}

  ConnectionSlots* slots_ = nullptr;
};

class ConnectionSlots {
 public:
  // `on_free` is called, from the thread that gives a permit back, once after each `acquire_or_ask` in vain.
  // It must not block.
  ConnectionSlots(std::uint32_t limit, std::function<void()> on_free)
      : limit_(limit), on_free_(std::move(on_free)) {}
  ConnectionSlots(const ConnectionSlots&) = delete;
  ConnectionSlots& operator=(const ConnectionSlots&) = delete;

  // A permit, or an empty one when `limit` are out.
  Permit try_acquire();

  // The same, and when there is none, `on_free` will be called as soon as one may be had again: no wake-up is
  // lost between the look and the asking.
  Permit acquire_or_ask();

  // From now on so many. Those that are out stay out: with fewer, none is given until enough have come back.
  // Who has asked is told when there is room by this. Any thread.
  void set_limit(std::uint32_t limit);

  std::uint32_t used() const { return used_.load(std::memory_order_acquire); }
  std::uint32_t limit() const { return limit_.load(std::memory_order_relaxed); }

 private:
  friend class Permit;
  void give_back();
  void tell_who_asked();

  std::atomic<std::uint32_t> limit_;
  const std::function<void()> on_free_;
  std::atomic<std::uint32_t> used_{0};
  std::atomic<bool> asked_{false};
};

inline void Permit::release() {
  if (auto* slots = std::exchange(slots_, nullptr)) slots->give_back();
}

}  // namespace weir::admission
