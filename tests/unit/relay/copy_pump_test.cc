#include "relay/copy_pump.h"

#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <random>

#include "unit/support.h"

namespace weir::relay {
namespace {

enum class Kind { kUnix, kTcp };

std::string kind_name(const testing::TestParamInfo<Kind>& info) {
  return info.param == Kind::kUnix ? "Unix" : "Tcp";
}

// source_peer -> [source ... target] -> target_peer; the pump moves what is in the brackets.
class CopyPump : public testing::TestWithParam<Kind> {
 protected:
  static test::SocketPair make_pair() {
    return GetParam() == Kind::kUnix ? test::unix_pair() : test::tcp_pair();
  }

  Pumped pump() { return pump_by_copy(direction, {source.a.get()}, {target.a.get()}, buffers); }
  // Waits for the source first, so that what has been sent has arrived.
  Pumped pump_when_readable() {
    EXPECT_TRUE(test::wait_for(source.a.get(), POLLIN));
    return pump();
  }
  std::string arrived() { return test::receive(target.b.get()); }

  net::BufferPool buffers{4};
  Direction direction;
  test::SocketPair source = make_pair();
  test::SocketPair target = make_pair();
};

std::string noise(std::size_t size, std::mt19937& random) {
  std::string data(size, '\0');
  for (char& c : data) c = static_cast<char>(random());
  return data;
}

std::size_t waiting_in(int fd) {
  int bytes = 0;
  EXPECT_EQ(::ioctl(fd, FIONREAD, &bytes), 0);
  return static_cast<std::size_t>(bytes);
}

TEST_P(CopyPump, MovesWhatIsThereAndCountsIt) {
  test::send_some(source.b.get(), "hello");
  EXPECT_EQ(pump_when_readable(), Pumped::kDrained);
  EXPECT_EQ(arrived(), "hello");
  EXPECT_EQ(direction.bytes, 5u);
  EXPECT_FALSE(direction.blocked);
  EXPECT_FALSE(direction.held);
  EXPECT_EQ(buffers.outstanding(), 0u) << "an idle direction holds no buffer";
  test::send_some(source.b.get(), "more");
  EXPECT_EQ(pump_when_readable(), Pumped::kDrained);
  EXPECT_EQ(direction.bytes, 9u);
}

TEST_P(CopyPump, OfAnEmptySourceDoesNothing) {
  EXPECT_EQ(pump(), Pumped::kDrained);
  EXPECT_EQ(direction.bytes, 0u);
  EXPECT_EQ(buffers.outstanding(), 0u);
}

TEST_P(CopyPump, TellsTheEndOfTheStreamAfterEverythingBeforeIt) {
  test::send_some(source.b.get(), "last words");
  source.b.reset();
  Pumped outcome = pump_when_readable();
  if (outcome == Pumped::kDrained) outcome = pump_when_readable();
  EXPECT_EQ(outcome, Pumped::kEnded);
  EXPECT_TRUE(direction.source_ended);
  EXPECT_EQ(direction.bytes, 10u);
  EXPECT_EQ(arrived(), "last words");
  EXPECT_EQ(buffers.outstanding(), 0u);
}

TEST_P(CopyPump, KeepsWhatAFullTargetDoesNotTakeAndGoesOnLater) {
  test::shrink_send_buffer(target.a.get());
  std::mt19937 random(11);
  const std::string data = noise(2'000'000, random);
  std::size_t given = 0;
  std::string got;
  bool was_blocked = false;
  Pumped outcome = Pumped::kDrained;
  while (got.size() < data.size()) {
    given += test::send_some(source.b.get(), std::string_view(data).substr(given));
    outcome = pump();
    if (outcome == Pumped::kBlocked) {
      was_blocked = true;
      ASSERT_TRUE(direction.blocked);
      ASSERT_TRUE(direction.held);
      ASSERT_GT(direction.held.size(), 0u);
      ASSERT_EQ(buffers.outstanding(), 1u);
      if (GetParam() == Kind::kUnix) {  // TCP's buffers change by themselves
        const std::uint64_t before = direction.bytes;
        ASSERT_EQ(pump(), Pumped::kBlocked) << "nothing was taken, so nothing can move";
        ASSERT_EQ(direction.bytes, before);
      }
    }
    if (test::wait_for(target.b.get(), POLLIN, base::Millis(was_blocked ? 1 : 0)))
      got += test::receive(target.b.get());
  }
  EXPECT_TRUE(was_blocked);
  EXPECT_TRUE(got == data);
  EXPECT_EQ(direction.bytes, data.size());
  pump();
  EXPECT_EQ(buffers.outstanding(), 0u);
}

TEST_P(CopyPump, DoesABoundedShareOfWorkInOneCall) {
  // As much as a socket holds, given again and again: one call must not go on for ever.
  std::uint64_t most = 0;
  bool more = false;
  const std::string block(64 * 1024, 'b');
  const int size = 4 * 1024 * 1024;
  for (const int fd : {source.b.get(), target.a.get()})
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  for (int i = 0; i < 200; ++i) {
    while (test::send_some(source.b.get(), block) > 0) {
    }
    const std::uint64_t before = direction.bytes;
    more = pump() == Pumped::kMore || more;
    most = std::max(most, direction.bytes - before);
    if (test::wait_for(target.b.get(), POLLIN, base::Millis(0)))
      test::receive(target.b.get(), nullptr, 1 << 20);
  }
  // Eight reads, and what was held from the call before.
  EXPECT_LE(most, 9 * net::Buffer::kSize);
  // TCP brings less at a time.
  EXPECT_TRUE(more || GetParam() == Kind::kTcp) << "the share was never used up: the test shows nothing";
}

TEST_P(CopyPump, ATargetThatIsGoneIsToldAndNothingIsKept) {
  if (GetParam() == Kind::kTcp) {
    net::abort_connection(target.b);
    ASSERT_TRUE(test::wait_for(target.a.get(), POLLERR));
  } else {
    target.b.reset();
  }
  test::send_some(source.b.get(), "into the void");
  EXPECT_EQ(pump_when_readable(), Pumped::kTargetReset);
  EXPECT_FALSE(direction.held);
  EXPECT_EQ(buffers.outstanding(), 0u);
  EXPECT_EQ(direction.bytes, 0u);
}

TEST_P(CopyPump, ATargetThatGoesWhileBytesAreHeldGivesTheBufferBack) {
  test::shrink_send_buffer(target.a.get());
  test::fill_up(source.b.get());
  Pumped outcome = Pumped::kMore;
  while (outcome != Pumped::kBlocked) outcome = pump_when_readable();
  ASSERT_EQ(buffers.outstanding(), 1u);
  net::abort_connection(target.b);
  ASSERT_TRUE(test::wait_for(target.a.get(), POLLHUP));
  EXPECT_EQ(pump(), Pumped::kTargetReset);
  EXPECT_EQ(buffers.outstanding(), 0u);
}

TEST_P(CopyPump, WithoutBuffersLosesAndDoublesNothingUnderASlowReader) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    net::BufferPool none(0);
    Direction way;
    const test::SocketPair from = make_pair();
    const test::SocketPair to = make_pair();
    test::shrink_send_buffer(to.a.get());
    std::mt19937 random(seed);
    const std::string data = noise(400'000, random);
    std::size_t given = 0;
    std::string got;
    while (got.size() < data.size()) {
      const std::size_t piece = std::uniform_int_distribution<std::size_t>(1, 50'000)(random);
      given += test::send_some(from.b.get(), std::string_view(data).substr(given, piece));
      const Pumped outcome = pump_by_copy(way, {from.a.get()}, {to.a.get()}, none);
      ASSERT_TRUE(outcome == Pumped::kDrained || outcome == Pumped::kMore || outcome == Pumped::kBlocked);
      ASSERT_EQ(way.blocked, outcome == Pumped::kBlocked);
      ASSERT_FALSE(way.held);
      const std::size_t most = std::uniform_int_distribution<std::size_t>(1, 20'000)(random);
      if (test::wait_for(to.b.get(), POLLIN, base::Millis(0)))
        got += test::receive(to.b.get(), nullptr, most);
      ASSERT_LE(got.size(), given);
      ASSERT_LE(got.size(), way.bytes);
      ASSERT_LE(way.bytes, given);
    }
    EXPECT_TRUE(got == data) << "seed " << seed;
    EXPECT_EQ(way.bytes, data.size());
  }
}

TEST_P(CopyPump, WithoutBuffersTellsTheEndOfTheStream) {
  net::BufferPool none(0);
  test::send_some(source.b.get(), "bye");
  source.b.reset();
  Pumped outcome = Pumped::kDrained;
  while (outcome == Pumped::kDrained) {
    ASSERT_TRUE(test::wait_for(source.a.get(), POLLIN));
    outcome = pump_by_copy(direction, {source.a.get()}, {target.a.get()}, none);
  }
  EXPECT_EQ(outcome, Pumped::kEnded);
  EXPECT_EQ(arrived(), "bye");
  EXPECT_EQ(direction.bytes, 3u);
}

TEST_P(CopyPump, ChangesBetweenBuffersAndNoneWithoutLosingAByte) {
  test::shrink_send_buffer(target.a.get());
  std::mt19937 random(21);
  const std::string data = noise(500'000, random);
  net::BufferPool one(1);
  net::Buffer taken;
  std::size_t given = 0;
  std::string got;
  while (got.size() < data.size()) {
    // The only buffer comes and goes, as it does when others hold it.
    if (random() % 2 == 0) {
      taken = one.acquire();
    } else {
      taken.release();
    }
    given += test::send_some(source.b.get(), std::string_view(data).substr(given));
    pump_by_copy(direction, {source.a.get()}, {target.a.get()}, one);
    if (test::wait_for(target.b.get(), POLLIN, base::Millis(0))) {
      got += test::receive(target.b.get(), nullptr, 1 + random() % 20'000);
    }
  }
  EXPECT_TRUE(got == data);
  EXPECT_EQ(direction.bytes, data.size());
}

INSTANTIATE_TEST_SUITE_P(Over, CopyPump, testing::Values(Kind::kUnix, Kind::kTcp), kind_name);

// Bytes in the target's socket that have not been sent.
int unsent(int fd) {
  int bytes = 0;
  EXPECT_EQ(::ioctl(fd, SIOCOUTQNSD, &bytes), 0);
  return bytes;
}

TEST(CopyPumpOverTcp, KeepsTheLastBytesForTheEndButNotForAReset) {
  for (const bool failed : {false, true}) {
    net::BufferPool buffers{1};
    const test::SocketPair source = test::tcp_pair();
    const test::SocketPair target = test::tcp_pair();
    Direction direction;
    direction.held = buffers.acquire();
    direction.held.fill(10);
    direction.source_ended = true;
    direction.read_on = failed;
    EXPECT_EQ(pump_by_copy(direction, {source.a.get()}, {target.a.get()}, buffers), Pumped::kEnded);
    EXPECT_EQ(unsent(target.a.get()), failed ? 0 : 10);
    ::shutdown(target.a.get(), SHUT_WR);
    EXPECT_EQ(unsent(target.a.get()), 0);
  }
}

TEST(CopyPumpOverTcp, DeliversWhatCameBeforeAReset) {
  net::BufferPool buffers(4);
  Direction direction;
  test::SocketPair source = test::tcp_pair();
  const test::SocketPair target = test::tcp_pair();
  const std::string data(100'000, 'd');
  ASSERT_EQ(test::send_some(source.b.get(), data), data.size());
  // All of it has to have arrived: an abort throws away what is still on its way.
  while (waiting_in(source.a.get()) < data.size()) ASSERT_TRUE(test::wait_for(source.a.get(), POLLIN));
  net::abort_connection(source.b);
  ASSERT_TRUE(test::wait_for(source.a.get(), POLLHUP));
  std::string got;
  Pumped outcome = Pumped::kMore;
  for (int i = 0; i < 100 && outcome != Pumped::kSourceReset; ++i) {
    outcome = pump_by_copy(direction, {source.a.get()}, {target.a.get()}, buffers);
    if (test::wait_for(target.b.get(), POLLIN, base::Millis(0))) got += test::receive(target.b.get());
  }
  EXPECT_EQ(outcome, Pumped::kSourceReset);
  while (got.size() < data.size()) got += test::receive(target.b.get());
  EXPECT_TRUE(got == data);
  EXPECT_EQ(direction.bytes, data.size());
  EXPECT_FALSE(direction.source_ended) << "a reset is no end of stream";
}

TEST(CopyPumpOverTcp, WithoutBuffersDeliversWhatCameBeforeAReset) {
  net::BufferPool none(0);
  Direction direction;
  test::SocketPair source = test::tcp_pair();
  const test::SocketPair target = test::tcp_pair();
  ASSERT_EQ(test::send_some(source.b.get(), "answer"), 6u);
  while (waiting_in(source.a.get()) < 6) ASSERT_TRUE(test::wait_for(source.a.get(), POLLIN));
  net::abort_connection(source.b);
  ASSERT_TRUE(test::wait_for(source.a.get(), POLLHUP));
  EXPECT_EQ(pump_by_copy(direction, {source.a.get()}, {target.a.get()}, none), Pumped::kSourceReset);
  EXPECT_EQ(test::receive(target.b.get()), "answer");
}

// An ICMP message about a bad packet leaves it with a socket: only a stream can break a protocol.
TEST(Pumped, AProtocolErrorOfASocketMeansThatNoAnswerCame) {
  EXPECT_EQ(source_failure(EPROTO), Pumped::kSourceLost);
  EXPECT_EQ(target_failure(EPROTO), Pumped::kTargetLost);
}

}  // namespace
}  // namespace weir::relay
