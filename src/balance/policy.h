// What a balancing policy is: given the backends of one tier of a pool and what each has to do now, say which
// one takes the next session. Policies know nothing of sockets, health or threads; they see positions and
// numbers. The pool calls them under its lock, so that choosing a backend and taking a place there is one
// step, exact over all workers. Pure but for their own state.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>

#include "base/assert.h"

namespace weir::balance {

// A backend's position in its pool.
using BackendIndex = std::uint32_t;

// A backend as it stands now. The pool keeps these true, one for each of its positions.
struct Member {
  static constexpr std::uint32_t kNoMost = std::numeric_limits<std::uint32_t>::max();

  // Its share in proportion to the other weights. While `usable` at least 1; slow start lowers it for a time.
  std::uint32_t weight = 1;
  std::uint32_t in_flight = 0;     // places taken
  std::uint32_t most = kNoMost;    // places there are
  std::uint32_t connect_time = 0;  // microseconds, exponentially weighted; 0: not known yet
  bool usable = false;             // new sessions may go there

  bool has_room() const { return in_flight < most; }
};

// A backend that a policy may come to pick, usable now or not.
struct Candidate {
  BackendIndex index = 0;
  std::uint32_t weight = 1;  // as configured; 0: it gets no new sessions
  std::string name{};        // unique in its pool, and the same on every machine that has this configuration
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
  // In the order of the attempts. Precondition: below `size`.
  BackendIndex operator[](std::size_t at) const { return indexes_[at]; }
  bool empty() const { return count_ == 0; }

 private:
  std::array<BackendIndex, kMost> indexes_{};
  std::uint8_t count_ = 0;
};

// Whom a session can connect to at all, whatever it has tried.
class Reach {
 public:
  virtual bool reaches(BackendIndex index) const = 0;

 protected:
  ~Reach() = default;
};

// What is known of the session that needs a backend.
struct Request {
  std::uint64_t key = 0;  // of the client, evenly spread: the same client, the same key, on any machine
  const Tried& tried;
  const Reach* reach = nullptr;  // none: it can connect to each

  bool may_go_to(BackendIndex index) const {
    return !tried.contains(index) && (reach == nullptr || reach->reaches(index));
  }
};

class Policy {
 public:
  // By position in the pool. Positions that are not among the policy's candidates are not its concern.
  using Members = std::span<const Member>;

  Policy() = default;
  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;
  virtual ~Policy() = default;

  // A candidate that is usable, has room, is within reach and has not been tried; nothing when there is none
  // that this session may have. The caller takes the place and says so by `load_changed`.
  virtual std::optional<BackendIndex> pick(Members members, const Request& request) = 0;

  // Which candidates are usable, or their weights, have changed. Called once before the first pick.
  virtual void members_changed(Members) {}

  // `in_flight`, `most` or `connect_time` of one candidate has changed.
  virtual void load_changed(Members, BackendIndex) {}

  // Goes on where `before` has stopped: a policy of the same kind for other candidates of the same pool. An
  // index that both have is the same backend. Called once at most, before anything else; `before` is of no
  // use afterwards.
  virtual void go_on_from(Policy&) {}

 protected:
  static bool may_take(const Member& member, BackendIndex index, const Request& request) {
    return member.usable && member.has_room() && request.may_go_to(index);
  }
};

}  // namespace weir::balance
