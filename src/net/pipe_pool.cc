#include "net/pipe_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/assert.h"

namespace weir::net {

PipePool::~PipePool() { WEIR_ASSERT(outstanding_ == 0); }

void PipePool::set_limit(std::size_t limit) {
  limit_ = limit;
  free_.resize(std::min(free_.size(), limit_ - std::min(limit_, outstanding_)));
}

PipePool::Handle PipePool::acquire() {
  if (outstanding_ >= limit_) return {};
  Pipe* pipe = nullptr;
  if (!free_.empty()) {
    pipe = free_.back().release();
    free_.pop_back();
  } else if (base::coarse_now() >= not_before_) {
    pipe = make();
    if (pipe == nullptr) not_before_ = base::coarse_now() + kPause;
  }
  if (pipe != nullptr) ++outstanding_;
  return Handle(pipe);
}

Pipe* PipePool::make() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  base::UniqueFd out(ends[0]);
  base::UniqueFd in(ends[1]);
  // Refused where fs.pipe-max-size or the user's share does not allow it; then it is what it is.
  ::fcntl(in.get(), F_SETPIPE_SZ, static_cast<int>(kCapacity));
  const int capacity = ::fcntl(in.get(), F_GETPIPE_SZ);
  if (capacity < static_cast<int>(kLeastCapacity)) return nullptr;
  return new Pipe(*this, std::move(out), std::move(in), static_cast<std::size_t>(capacity));
}

void PipePool::give_back(Pipe* pipe) {
  std::unique_ptr<Pipe> given(pipe);
  --outstanding_;
  if (given->size() == 0 && free_.size() + outstanding_ < limit_) free_.push_back(std::move(given));
}

}  // namespace weir::net
