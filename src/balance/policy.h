// What a balancing policy is: given the pool's usable backends, say which one takes the next session.
// Policies know nothing of sockets, health or sessions; they see positions and weights. Pure but for their
// own counters, which any worker may touch at once. A policy is made anew when the set of usable backends
// changes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/assert.h"

namespace weir::balance {

// A backend's position in its pool's list.
using BackendIndex = std::uint32_t;

// A backend that may be picked. Weight is at least 1.
struct Candidate {
  BackendIndex index = 0;
  std::uint32_t weight = 1;
};

// The backends that one session has already tried, at most `kMost`: a retry must not go to any of them again.
class Tried {
 public:
  static constexpr std::size_t kMost = 8;

  void add(BackendIndex index) {
    WEIR_ASSERT(count_ < kMost);
    indexes_[count_++] = index;
  }
  bool contains(BackendIndex index) const {
    for (std::size_t i = 0; i < count_; ++i) {
      if (indexes_[i] == index) return true;
    }
    return false;
  }
  std::size_t size() const { return count_; }

 private:
  std::array<BackendIndex, kMost> indexes_{};
  std::uint8_t count_ = 0;
};

class Policy {
 public:
  Policy() = default;
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;
  virtual ~Policy() = default;

  // The backend for a session's first attempt; nothing when there is no candidate. Any thread.
  virtual std::optional<BackendIndex> pick() = 0;

  // The backend for a further attempt: one that is not in `tried`; nothing when all are. Any thread.
  virtual std::optional<BackendIndex> pick_untried(const Tried& tried) = 0;
};

}  // namespace weir::balance
