#include "relay/reset_linger.h"

#include <gtest/gtest.h>

#include "unit/support.h"

namespace weir::relay {
namespace {

TEST(ResetLinger, IsOverWhenEverythingIsAcknowledgedButNotBeforeALaterTurn) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::tcp_pair();
  int done = 0;
  ResetLinger linger(*loop, pair.a.get(), base::Millis(60'000), [&] { ++done; });
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
  ResetLinger linger(*loop, pair.a.get(), base::Millis(60'000), [&] { ++done; });
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
  test::fill_up(pair.a.get());
  int done = 0;
  const base::TimePoint begun = base::precise_now();
  ResetLinger linger(*loop, pair.a.get(), base::Millis(20), [&] { ++done; });
  EXPECT_TRUE(driver.until([&] { return done == 1; }));
  EXPECT_GE(base::precise_now() - begun, base::Millis(20));
}

TEST(ResetLinger, IsSilentOnceItIsGone) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::tcp_pair();
  int done = 0;
  {
    const ResetLinger linger(*loop, pair.a.get(), base::Millis(1), [&] { ++done; });
  }
  driver.turns(50);
  EXPECT_EQ(done, 0);
}

}  // namespace
}  // namespace weir::relay
