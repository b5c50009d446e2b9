#include "net/buffer_pool.h"

#include <new>

#include "base/assert.h"

namespace weir::net {

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      memory_(std::exchange(other.memory_, nullptr)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    release();
    pool_ = std::exchange(other.pool_, nullptr);
    memory_ = std::exchange(other.memory_, nullptr);
    begin_ = std::exchange(other.begin_, 0);
    end_ = std::exchange(other.end_, 0);
  }
  return *this;
}

void Buffer::release() {
  if (memory_ != nullptr) pool_->give_back(std::exchange(memory_, nullptr));
  begin_ = end_ = 0;
}

BufferPool::~BufferPool() {
  WEIR_ASSERT(outstanding_ == 0);
  for (const std::byte* memory : free_) delete[] memory;
}

Buffer BufferPool::acquire() {
  if (outstanding_ >= limit_) return {};
  std::byte* memory = nullptr;
  if (!free_.empty()) {
    memory = free_.back();
    free_.pop_back();
  } else {
    memory = new (std::nothrow) std::byte[Buffer::kSize];
    if (memory == nullptr) return {};
  }
  ++outstanding_;
  return {this, memory};
}

void BufferPool::give_back(std::byte* memory) {
  --outstanding_;
  if (free_.size() < kKept) {
    free_.push_back(memory);
  } else {
    delete[] memory;
  }
}

}  // namespace weir::net
