// The right to hold one session at a backend, and the way to tell the pool how that went. Move-only: its
// destructor gives the place to the next one who waits. Any thread, one at a time.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "balance/policy.h"
#include "base/clock.h"
#include "pool/backend.h"

namespace weir::pool {

class Pool;

// Why a session has its place at this backend.
enum class Choice : std::uint8_t {
  kUsable,      // the policy has picked it among those that are up
  kBackup,      // the same of the backups, since no other was usable
  kPanic,       // it is not up, but too few are: all are used
  kPassedOver,  // it should be ejected and may not: there was no other left
};

inline constexpr std::array<std::string_view, 4> kChoiceWords{"usable", "backup", "panic", "passed_over"};

constexpr std::string_view word(Choice choice) { return kChoiceWords[static_cast<std::size_t>(choice)]; }

class Slot {
 public:
  Slot() = default;
  Slot(Slot&& other) noexcept = default;
  Slot& operator=(Slot&& other) noexcept {
    release();
    pool_ = std::move(other.pool_);
    backend_ = std::move(other.backend_);
    index_ = other.index_;
    choice_ = other.choice_;
    number_ = other.number_;
    return *this;
  }
  ~Slot() { release(); }

  explicit operator bool() const { return backend_ != nullptr; }
  const std::shared_ptr<Pool>& pool() const { return pool_; }
  const std::shared_ptr<Backend>& backend() const { return backend_; }
  balance::BackendIndex index() const { return index_; }
  // In the order in which the pool's places were taken, whichever their backends are; from 1.
  std::uint64_t number() const { return number_; }

  Choice choice() const { return choice_; }

  // The backend still takes new sessions, as it did when the place was given. Precondition: not empty.
  bool is_still_usable() const;

  // Gives the place back now.
  void release();

  // The connect to the backend failed, by its fault; `what` is one word for the reason of an ejection.
  void connect_failed(base::TimePoint now, std::string_view what);
  // It stands by `now`, after `took`.
  void connected(base::TimePoint now, base::Micros took);
  // The session has been given a warm connection instead, whose connect took that long when it was made: it
  // does not say that one would stand now.
  void took_warm(base::Micros took);
  // The backend reset the connection before it had sent anything.
  void reset_early(base::TimePoint now);
  // The backend has sent something, or has ended in order.
  void served();

 private:
  friend class Pool;
  Slot(std::shared_ptr<Pool> pool, std::shared_ptr<Backend> backend, balance::BackendIndex index,
       Choice choice, std::uint64_t number)
      : pool_(std::move(pool)),
        backend_(std::move(backend)),
        index_(index),
        choice_(choice),
        number_(number) {}

  std::shared_ptr<Pool> pool_;
  std::shared_ptr<Backend> backend_;
  balance::BackendIndex index_ = 0;
  Choice choice_ = Choice::kUsable;
  std::uint64_t number_ = 0;
};

}  // namespace weir::pool
