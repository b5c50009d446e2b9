// Buffers of one fixed size for bytes in flight, one pool a worker. A buffer is borrowed only while bytes are
// in it, so an idle session holds none. Bounded: at `limit` outstanding `acquire` gives nothing, and the
// caller has to do without. A few free ones are kept, the last used first, because it is still warm in the
// cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace weir::net {

class BufferPool;

// A borrowed buffer and the bytes in it, [begin, end). Move-only; the destructor gives it back to its pool.
class Buffer {
 public:
  static constexpr std::size_t kSize = std::size_t{32} * 1024;

  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { release(); }

  explicit operator bool() const { return block_ != nullptr; }
  // Precondition of all but `size` and `release`: it is none of the false ones.
  std::byte* memory() { return block_->bytes; }

  const std::byte* data() const { return block_->bytes + block_->begin; }
  std::size_t size() const { return block_ == nullptr ? 0 : block_->end - block_->begin; }

  // Says that `size` bytes were written at `memory()`.
  void fill(std::size_t size) {
    block_->begin = 0;
    block_->end = static_cast<std::uint32_t>(size);
  }
  // Says that the first `size` bytes are done with.
  void consume(std::size_t size) { block_->begin += static_cast<std::uint32_t>(size); }

  void release();

 private:
  friend class BufferPool;
  // With the way back and the bounds of its bytes, so that what each session holds is small.
  struct Block {
    explicit Block(BufferPool& owner) : pool(owner) {}
    BufferPool& pool;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::byte bytes[kSize];
  };
  explicit Buffer(Block* block) : block_(block) {}

  Block* block_ = nullptr;
};

class BufferPool {
 public:
  explicit BufferPool(std::size_t limit) : limit_(limit), scratch_(new std::byte[Buffer::kSize]) {}
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // An empty buffer, or a false one when `limit` are out or memory is.
  Buffer acquire();

  // `Buffer::kSize` bytes that keep nothing beyond the call that uses them. For the time when `acquire` gives
  // nothing.
  std::byte* scratch() { return scratch_.get(); }

  std::size_t outstanding() const { return outstanding_; }
  std::size_t limit() const { return limit_; }
  // Of those that are out all stay out.
  void set_limit(std::size_t limit) { limit_ = limit; }

 private:
  friend class Buffer;
  static constexpr std::size_t kKept = 16;
  void give_back(Buffer::Block* block);

  std::size_t limit_;
  std::size_t outstanding_ = 0;
  std::vector<std::unique_ptr<Buffer::Block>> free_;
  const std::unique_ptr<std::byte[]> scratch_;
};

}  // namespace weir::net
