#include "net/pipe_pool.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "unit/support.h"

namespace weir::net {
namespace {

TEST(PipePool, LendsAtMostItsLimit) {
  PipePool pool(2);
  PipePool::Handle a = pool.acquire();
  PipePool::Handle b = pool.acquire();
  ASSERT_TRUE(a && b);
  EXPECT_FALSE(pool.acquire());
  EXPECT_EQ(pool.outstanding(), 2u);
  b.reset();
  EXPECT_TRUE(pool.acquire());
}

TEST(PipePool, LendsPipesThatAreNonBlockingAndEndWithAnExec) {
  PipePool pool(1);
  const PipePool::Handle pipe = pool.acquire();
  ASSERT_TRUE(pipe);
  for (const int fd : {pipe->in(), pipe->out()}) {
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_GE(pipe->capacity(), PipePool::kLeastCapacity);
  EXPECT_EQ(pipe->capacity(), static_cast<std::size_t>(::fcntl(pipe->in(), F_GETPIPE_SZ)));
}

TEST(PipePool, KeepsAnEmptyPipeAndClosesOneWithBytesInIt) {
  PipePool pool(4);
  PipePool::Handle pipe = pool.acquire();
  ASSERT_TRUE(pipe);
  const int fd = pipe->in();
  pipe->filled(10);
  pipe->emptied(10);
  pipe.reset();
  EXPECT_EQ(pool.kept(), 1u);
  pipe = pool.acquire();
  EXPECT_EQ(pipe->in(), fd) << "the same again";
  ASSERT_EQ(::write(pipe->in(), "secret", 6), 6);
  pipe->filled(6);
  pipe.reset();
  EXPECT_EQ(pool.kept(), 0u);
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "it is closed";
  pipe = pool.acquire();
  char c = 0;
  EXPECT_EQ(::read(pipe->out(), &c, 1), -1) << "another's bytes";
}

TEST(PipePool, KeepsWithThoseThatAreOutNoMoreThanALowerLimit) {
  PipePool pool(4);
  PipePool::Handle a = pool.acquire();
  PipePool::Handle b = pool.acquire();
  PipePool::Handle c = pool.acquire();
  PipePool::Handle d = pool.acquire();
  ASSERT_TRUE(a && b && c && d);
  c.reset();
  d.reset();
  ASSERT_EQ(pool.kept(), 2u);
  pool.set_limit(3);
  EXPECT_EQ(pool.kept() + pool.outstanding(), 3u);
  pool.set_limit(1);
  EXPECT_EQ(pool.kept(), 0u);
  EXPECT_EQ(pool.outstanding(), 2u) << "those stay";
}

TEST(PipePool, WithoutDescriptorsLendsNoneAndDoesNotAskTheKernelEachTime) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  PipePool pool(4);
  rlimit low = before;
  low.rlim_cur = 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const bool got_one = static_cast<bool>(pool.acquire());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(got_one);
  EXPECT_FALSE(pool.acquire()) << "it rests";
  EXPECT_TRUE(test::eventually([&] { return static_cast<bool>(pool.acquire()); })) << "and tries again";
}

}  // namespace
}  // namespace weir::net
