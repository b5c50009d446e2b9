// Pipes that bytes are spliced through, one pool a worker. A pipe is borrowed only while bytes are in it.
// Bounded: each takes two descriptors, and at `limit` there are no more; the caller copies then. One that
// comes back with bytes in it is closed: what one session has left must never reach another. pipe(7),
// splice(2).
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace weir::net {

class PipePool;

class Pipe {
 public:
  // To read from, and to write to. Both are non-blocking.
  int out() const { return out_.get(); }
  int in() const { return in_.get(); }
  // Bytes in it.
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }

  void filled(std::size_t bytes) { size_ += bytes; }
  void emptied(std::size_t bytes) { size_ -= bytes; }

 private:
  friend class PipePool;
  Pipe(PipePool& pool, base::UniqueFd out, base::UniqueFd in, std::size_t capacity)
      : pool_(pool), out_(std::move(out)), in_(std::move(in)), capacity_(capacity) {}

  PipePool& pool_;
  const base::UniqueFd out_;
  const base::UniqueFd in_;
  const std::size_t capacity_;
  std::size_t size_ = 0;
};

class PipePool {
 public:
  static constexpr unsigned kDescriptorsEach = 2;
  // What is asked for. A user without rights gets small pipes once all of his take too much memory
  // (fs.pipe-user-pages-soft): those are of no use, and no more is asked for during `kPause`.
  static constexpr std::size_t kCapacity = std::size_t{512} * 1024;
  static constexpr std::size_t kLeastCapacity = std::size_t{64} * 1024;
  static constexpr base::Millis kPause{1'000};

  // Gives a pipe back to its pool.
  struct GiveBack {
    void operator()(Pipe* pipe) const { pipe->pool_.give_back(pipe); }
  };
  using Handle = std::unique_ptr<Pipe, GiveBack>;

  // At most `limit` pipes, lent and kept.
  explicit PipePool(std::size_t limit) : limit_(limit) {}
  ~PipePool();
  PipePool(const PipePool&) = delete;
  PipePool& operator=(const PipePool&) = delete;

  // An empty pipe, or none: `limit` are out, or descriptors, or memory for pipes.
  Handle acquire();

  // Of those that are lent all stay so.
  void set_limit(std::size_t limit);

  // Whether more than half of the pipes are out. The rest is for those who have one only for a moment.
  bool is_short() const { return 2 * outstanding_ > limit_; }

  std::size_t outstanding() const { return outstanding_; }
  std::size_t kept() const { return free_.size(); }

 private:
  Pipe* make();
  void give_back(Pipe* pipe);

  std::size_t limit_;
  std::size_t outstanding_ = 0;
  std::vector<std::unique_ptr<Pipe>> free_;  // the last used is taken first: its memory is warm
  base::TimePoint not_before_ = base::TimePoint::min();
};

}  // namespace weir::net
