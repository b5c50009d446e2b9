#include "relay/reset_linger.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <vector>

#include "unit/support.h"

namespace weir::relay {
namespace {

// A direction that has nothing left to move after `bytes`.
Direction done_after(std::size_t bytes) {
  Direction direction;
  direction.bytes = bytes;
  direction.done = true;
  return direction;
}

TEST(ResetLinger, IsOverWhenEverythingIsAcknowledgedButNotBeforeALaterTurn) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::tcp_pair();
  int done = 0;
  const Direction rest = done_after(0);
  ResetLinger linger(*loop, rest, pair.a.get(), base::Millis(60'000), [&] { ++done; });
  EXPECT_EQ(done, 0);
  EXPECT_TRUE(driver.until([&] { return done == 1; }));
  driver.turns(100);
  EXPECT_EQ(done, 1);
}

TEST(ResetLinger, WaitsWhileTheOtherSideDoesNotTake) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::tcp_pair();
  const std::size_t sent = test::fill_up(pair.a.get());
  int done = 0;
  const Direction rest = done_after(sent);
  ResetLinger linger(*loop, rest, pair.a.get(), base::Millis(60'000), [&] { ++done; });
  driver.turns(50);
  EXPECT_EQ(done, 0);
  std::size_t got = 0;
  EXPECT_TRUE(driver.until([&] {
    char buffer[64 * 1024];
    const ssize_t n = ::recv(pair.b.get(), buffer, sizeof(buffer), 0);
    if (n > 0) got += static_cast<std::size_t>(n);
    return done == 1;
  }));
  EXPECT_EQ(got, sent) << "was over before everything had been taken";
}

TEST(ResetLinger, GivesUpAfterItsLimitAndNotBefore) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::tcp_pair();
  const Direction rest = done_after(test::fill_up(pair.a.get()));
  int done = 0;
  const base::TimePoint begun = base::precise_now();
  ResetLinger linger(*loop, rest, pair.a.get(), base::Millis(20), [&] { ++done; });
  EXPECT_TRUE(driver.until([&] { return done == 1; }));
  EXPECT_GE(base::precise_now() - begun, base::Millis(20));
}

TEST(ResetLinger, GoesOnPastItsLimitWhileTheOtherSideTakes) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::tcp_pair();
  const std::size_t sent = test::fill_up(pair.a.get());
  const Direction rest = done_after(sent);
  int done = 0;
  const base::TimePoint begun = base::precise_now();
  constexpr base::Millis kLimit{500};
  ResetLinger linger(*loop, rest, pair.a.get(), kLimit, [&] { ++done; });
  // In pieces, the last of them after twice the limit.
  std::size_t got = 0;
  base::TimePoint next = begun;
  EXPECT_TRUE(driver.until([&] {
    const base::TimePoint now = base::precise_now();
    if (now < next) return done == 1;
    const bool last = now - begun >= 2 * kLimit;
    next = now + kLimit / 10;
    std::vector<char> buffer(last ? sent : sent / 32);
    const ssize_t n = ::recv(pair.b.get(), buffer.data(), buffer.size(), 0);
    if (n > 0) got += static_cast<std::size_t>(n);
    return done == 1;
  }));
  // What is acknowledged has arrived, taken or not.
  std::vector<char> rest_of_it(sent);
  for (ssize_t n = 0; (n = ::recv(pair.b.get(), rest_of_it.data(), rest_of_it.size(), 0)) > 0;) {
    got += static_cast<std::size_t>(n);
  }
  EXPECT_EQ(got, sent) << "was over while it was still being taken";
}

TEST(ResetLinger, EndsAtItsLimitWhenTheRestIsNeverMoved) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::tcp_pair();
  const Direction rest;  // not done, and nothing moves
  int done = 0;
  ResetLinger linger(*loop, rest, pair.a.get(), base::Millis(20), [&] { ++done; });
  EXPECT_TRUE(driver.until([&] { return done == 1; }));
}

TEST(ResetLinger, IsSilentOnceItIsGone) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::tcp_pair();
  int done = 0;
  {
    const Direction rest = done_after(0);
    const ResetLinger linger(*loop, rest, pair.a.get(), base::Millis(1), [&] { ++done; });
  }
  driver.turns(50);
  EXPECT_EQ(done, 0);
}

}  // namespace
}  // namespace weir::relay
