#include "net/buffer_pool.h"

#include <new>

#include "base/assert.h"

namespace weir::net {

Buffer::Buffer(Buffer&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    release();
    block_ = std::exchange(other.block_, nullptr);
  }
  return *this;
}

void Buffer::release() {
  if (block_ != nullptr) block_->pool.give_back(std::exchange(block_, nullptr));
}

BufferPool::~BufferPool() { WEIR_ASSERT(outstanding_ == 0); }

Buffer BufferPool::acquire() {
  if (outstanding_ >= limit_) return {};
  Buffer::Block* block = nullptr;
  if (!free_.empty()) {
    block = free_.back().release();
    free_.pop_back();
    block->begin = block->end = 0;
  } else {
    block = new (std::nothrow) Buffer::Block(*this);
    if (block == nullptr) return {};
  }
  ++outstanding_;
  return Buffer(block);
}

void BufferPool::give_back(Buffer::Block* block) {
  std::unique_ptr<Buffer::Block> given(block);
  --outstanding_;
  if (free_.size() < kKept) free_.push_back(std::move(given));
}

}  // namespace weir::net
