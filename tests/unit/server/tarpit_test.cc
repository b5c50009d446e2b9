#include "server/tarpit.h"

#include <gtest/gtest.h>

#include "unit/support.h"

namespace weir::server {
namespace {

class Tarpitted : public testing::Test {
 protected:
  base::TimePoint start = base::precise_now();
  net::TimerWheel wheel{start};
  admission::ConnectionSlots slots{2, [] {}};
  Tarpit tarpit{wheel};
};

TEST_F(Tarpitted, AClientIsHeldUntilItsTimeAndThenReset) {
  test::SocketPair pair = test::tcp_pair();
  tarpit.hold(std::move(pair.b), slots.try_acquire(), start + base::Millis(1'000));
  wheel.advance(start + base::Millis(900));
  EXPECT_FALSE(test::wait_for(pair.a.get(), POLLIN, base::Millis(0)));
  EXPECT_EQ(slots.used(), 1u);
  wheel.advance(start + base::Millis(1'100));
  int error = 0;
  EXPECT_EQ(test::receive(pair.a.get(), &error), "");
  EXPECT_EQ(error, ECONNRESET);
  EXPECT_EQ(slots.used(), 0u);
}

TEST_F(Tarpitted, AllAreResetAtTheEnd) {
  test::SocketPair one = test::tcp_pair();
  test::SocketPair two = test::tcp_pair();
  tarpit.hold(std::move(one.b), slots.try_acquire(), start + std::chrono::hours(1));
  tarpit.hold(std::move(two.b), slots.try_acquire(), start + std::chrono::hours(2));
  EXPECT_EQ(slots.used(), 2u);
  tarpit.clear();
  EXPECT_EQ(slots.used(), 0u);
  for (const auto* client : {&one.a, &two.a}) {
    int error = 0;
    EXPECT_EQ(test::receive(client->get(), &error), "");
    EXPECT_EQ(error, ECONNRESET);
  }
}

}  // namespace
}  // namespace weir::server
