// How much a worker's sessions may hold of what they have read before there was a backend. Bounded, since
// anybody may send a ClientHello of 64 KiB and wait.
#pragma once

#include <cstddef>
#include <utility>

namespace weir::session {

class ReadAheadBudget {
 public:
  explicit ReadAheadBudget(std::size_t most) : most_(most) {}

  bool take(std::size_t bytes) {
    if (bytes > most_ - used_) return false;
    used_ += bytes;
    return true;
  }
  void give_back(std::size_t bytes) { used_ -= bytes; }
  std::size_t used() const { return used_; }

 private:
  const std::size_t most_;
  std::size_t used_ = 0;
};

// One session's part of it, which goes back with this object. The budget outlives it.
class ReadAhead {
 public:
  explicit ReadAhead(ReadAheadBudget& budget) : budget_(budget) {}
  ~ReadAhead() { budget_.give_back(held_); }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  void shrink(std::size_t bytes) {
    budget_.give_back(bytes);
    held_ -= bytes;
  }

  // So much more. False: it is not to be had.
  bool grow(std::size_t bytes) {
    if (!budget_.take(bytes)) return false;
    held_ += bytes;
    return true;
  }

 private:
  ReadAheadBudget& budget_;
  std::size_t held_ = 0;
};

}  // namespace weir::session
