#include "net/buffer_pool.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::net {
namespace {

TEST(BufferPool, GivesNoMoreThanItsLimit) {
  BufferPool pool(2);
  EXPECT_EQ(pool.limit(), 2u);
  Buffer a = pool.acquire();
  Buffer b = pool.acquire();
  ASSERT_TRUE(a);
  ASSERT_TRUE(b);
  EXPECT_NE(a.memory(), b.memory());
  EXPECT_FALSE(pool.acquire());
  EXPECT_EQ(pool.outstanding(), 2u);
  a.release();
  EXPECT_EQ(pool.outstanding(), 1u);
  EXPECT_TRUE(pool.acquire());
}

TEST(BufferPool, OfZeroGivesNothingButScratch) {
  BufferPool pool(0);
  EXPECT_FALSE(pool.acquire());
  std::byte* scratch = pool.scratch();
  ASSERT_NE(scratch, nullptr);
  scratch[0] = scratch[Buffer::kSize - 1] = std::byte{1};
}

TEST(BufferPool, GivesTheLastUsedFirst) {
  BufferPool pool(8);
  Buffer a = pool.acquire();
  Buffer b = pool.acquire();
  std::byte* const first = a.memory();
  std::byte* const second = b.memory();
  a.release();
  b.release();
  Buffer c = pool.acquire();
  Buffer d = pool.acquire();
  EXPECT_EQ(c.memory(), second);
  EXPECT_EQ(d.memory(), first);
}

TEST(BufferPool, TakesBackMoreThanItKeeps) {
  BufferPool pool(100);
  for (int round = 0; round < 2; ++round) {
    std::vector<Buffer> buffers;
    std::set<std::byte*> distinct;
    for (int i = 0; i < 100; ++i) {
      buffers.push_back(pool.acquire());
      distinct.insert(buffers.back().memory());
    }
    EXPECT_EQ(distinct.size(), 100u);
    EXPECT_EQ(pool.outstanding(), 100u);
  }
  EXPECT_EQ(pool.outstanding(), 0u);
}

TEST(Buffer, IsEmptyAtFirstAndHasWhatWasFilledAndNotConsumed) {
  BufferPool pool(1);
  Buffer buffer = pool.acquire();
  EXPECT_EQ(buffer.size(), 0u);
  buffer.memory()[3] = std::byte{42};
  buffer.fill(10);
  EXPECT_EQ(buffer.size(), 10u);
  EXPECT_EQ(buffer.data(), buffer.memory());
  buffer.consume(3);
  EXPECT_EQ(buffer.size(), 7u);
  EXPECT_EQ(*buffer.data(), std::byte{42});
  buffer.consume(7);
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_TRUE(buffer);
  buffer.fill(Buffer::kSize);
  EXPECT_EQ(buffer.size(), Buffer::kSize);
}

TEST(Buffer, ForgetsItsBytesWhenItIsReleased) {
  BufferPool pool(1);
  Buffer buffer = pool.acquire();
  buffer.fill(10);
  buffer.release();
  EXPECT_FALSE(buffer);
  EXPECT_EQ(buffer.size(), 0u);
  buffer.release();
  EXPECT_EQ(pool.outstanding(), 0u);
  EXPECT_EQ(pool.acquire().size(), 0u);
}

TEST(Buffer, MovesItsBytesAndIsCountedOnce) {
  BufferPool pool(2);
  Buffer a = pool.acquire();
  a.fill(10);
  a.consume(4);
  Buffer b = std::move(a);
  EXPECT_FALSE(a);
  EXPECT_EQ(a.size(), 0u);
  EXPECT_EQ(b.size(), 6u);
  EXPECT_EQ(pool.outstanding(), 1u);
  Buffer c = pool.acquire();
  c.fill(1);
  c = std::move(b);
  EXPECT_FALSE(b);
  EXPECT_EQ(b.size(), 0u);
  EXPECT_EQ(c.size(), 6u);
  EXPECT_EQ(pool.outstanding(), 1u);
  Buffer& alias = c;
  c = std::move(alias);
  EXPECT_EQ(c.size(), 6u);
  EXPECT_EQ(pool.outstanding(), 1u);
}

TEST(BufferPoolDeathTest, DoesNotEndBeforeItsBuffers) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto pool = std::make_unique<BufferPool>(1);
        Buffer buffer = pool->acquire();
        pool.reset();
      },
      "assertion failed");
}

}  // namespace
}  // namespace weir::net
