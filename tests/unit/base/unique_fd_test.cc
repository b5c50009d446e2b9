#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <type_traits>
#include <utility>

namespace weir::base {
namespace {

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

static_assert(!std::is_copy_constructible_v<UniqueFd> && !std::is_copy_assignable_v<UniqueFd>);

TEST(UniqueFd, AnEmptyOneIsFalseAndClosesNothing) {
  UniqueFd fd;
  EXPECT_FALSE(fd);
  EXPECT_EQ(fd.get(), -1);
  fd.reset();
}

TEST(UniqueFd, DescriptorZeroIsOwnedLikeAnyOther) {
  UniqueFd fd(0);
  EXPECT_TRUE(fd);
  EXPECT_EQ(fd.release(), 0);
}

TEST(UniqueFd, TheDescriptorIsClosedAtTheEndOfTheScope) {
  int raw = -1;
  {
    const UniqueFd fd(open_null());
    raw = fd.get();
    ASSERT_TRUE(is_open(raw));
  }
  EXPECT_FALSE(is_open(raw));
}

TEST(UniqueFd, AReleasedDescriptorStaysOpen) {
  UniqueFd fd(open_null());
  const int raw = fd.release();
  EXPECT_FALSE(fd);
  fd.reset();
  EXPECT_TRUE(is_open(raw));
  ::close(raw);
}

TEST(UniqueFd, AMoveEmptiesTheSource) {
  UniqueFd from(open_null());
  const int raw = from.get();
  UniqueFd to(std::move(from));
  EXPECT_EQ(from.get(), -1);  // NOLINT(bugprone-use-after-move): this is what is tested
  EXPECT_EQ(to.get(), raw);
  EXPECT_TRUE(is_open(raw));
}

TEST(UniqueFd, AssigningClosesWhatWasHeld) {
  UniqueFd held(open_null());
  const int old = held.get();
  UniqueFd next(open_null());
  const int raw = next.get();
  held = std::move(next);
  EXPECT_FALSE(is_open(old));
  EXPECT_EQ(held.get(), raw);
}

TEST(UniqueFd, AssigningToItselfKeepsTheDescriptor) {
  UniqueFd fd(open_null());
  UniqueFd& same = fd;
  fd = std::move(same);
  EXPECT_TRUE(is_open(fd.get()));
}

}  // namespace
}  // namespace weir::base
