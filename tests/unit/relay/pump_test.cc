// Copying and splicing in one direction, and the change from one to the other.
#include "relay/pump.h"

#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <csignal>
#include <random>

#include "unit/support.h"

namespace weir::relay {
namespace {

// source_peer -> [source ... target] -> target_peer; the pump moves what is in the brackets.
class PumpOverTcp : public testing::Test {
 protected:
  PumpOverTcp() {
    std::signal(SIGPIPE, SIG_IGN);  // a splice to a dead target raises it
    const int inline_urgent = 1;
    ::setsockopt(source.a.get(), SOL_SOCKET, SO_OOBINLINE, &inline_urgent, sizeof(inline_urgent));
  }

  Pumped move(std::uint64_t most = kNoBound) {
    return pump(direction, {source.a.get()}, {target.a.get()}, buffers, &pipes, most);
  }
  // The next call splices, if it may.
  void make_bulk() { direction.meter.moved(BulkMeter::kBegin); }

  // Sends `data` through and reads it at the other end, in whichever pieces come.
  std::string carry(std::string_view data) {
    std::string got;
    std::size_t given = 0;
    const base::TimePoint end = base::precise_now() + base::Millis(30'000);
    while (got.size() < data.size() && base::precise_now() < end) {
      given += test::send_some(source.b.get(), data.substr(given));
      last = move();
      if (direction.pipe != nullptr || direction.meter.is_bulk()) was_bulk = true;
      if (test::wait_for(target.b.get(), POLLIN, base::Millis(0))) got += test::receive(target.b.get());
    }
    return got;
  }

  net::BufferPool buffers{4};
  net::PipePool pipes{2};
  Direction direction;
  test::SocketPair source = test::tcp_pair();
  test::SocketPair target = test::tcp_pair();
  Pumped last = Pumped::kDrained;
  bool was_bulk = false;
};

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string data(size, '\0');
  for (char& c : data) c = static_cast<char>(random());
  return data;
}

TEST_F(PumpOverTcp, CarriesBulkWholeAndInOrderAndKeepsNoPipe) {
  const std::string data = noise(20'000'000, 1);
  make_bulk();
  EXPECT_TRUE(carry(data) == data);
  EXPECT_TRUE(was_bulk);
  EXPECT_EQ(direction.bytes, data.size());
  EXPECT_EQ(pipes.outstanding(), 0u) << "nothing is in it";
  EXPECT_GE(pipes.kept(), 1u) << "it was never spliced: the test shows nothing";
}

TEST_F(PumpOverTcp, NeverSplicesWithoutPipes) {
  const std::string data = noise(1'000'000, 2);
  make_bulk();
  std::string got;
  std::size_t given = 0;
  while (got.size() < data.size()) {
    given += test::send_some(source.b.get(), std::string_view(data).substr(given));
    pump(direction, {source.a.get()}, {target.a.get()}, buffers, nullptr);
    ASSERT_EQ(direction.pipe, nullptr);
    if (test::wait_for(target.b.get(), POLLIN, base::Millis(0))) got += test::receive(target.b.get());
  }
  EXPECT_TRUE(got == data);
}

TEST_F(PumpOverTcp, KeepsInThePipeWhatAFullTargetDoesNotTake) {
  test::shrink_send_buffer(target.a.get());
  const std::string data = noise(3'000'000, 3);
  make_bulk();
  std::size_t given = 0;
  ASSERT_TRUE(test::eventually([&] {
    given += test::send_some(source.b.get(), std::string_view(data).substr(given));
    last = move();
    return direction.blocked && direction.pipe != nullptr;
  }));
  EXPECT_EQ(last, Pumped::kBlocked);
  EXPECT_GT(direction.waiting(), 0u);
  EXPECT_FALSE(direction.held);
  EXPECT_EQ(pipes.outstanding(), 1u);
  std::string got;
  ASSERT_TRUE(test::eventually([&] {
    given += test::send_some(source.b.get(), std::string_view(data).substr(given));
    if (test::wait_for(target.b.get(), POLLIN, base::Millis(0))) got += test::receive(target.b.get());
    move();
    return got.size() == data.size();
  }));
  EXPECT_TRUE(got == data);
  EXPECT_EQ(pipes.outstanding(), 0u);
}

TEST_F(PumpOverTcp, OfASlowTargetCopiesWhileMostPipesAreLent) {
  test::shrink_send_buffer(target.a.get());
  net::PipePool few{3};
  const std::string data = noise(6'000'000, 13);
  make_bulk();
  std::string got;
  std::size_t given = 0;
  bool reads = false;
  const auto step = [&] {
    given += test::send_some(source.b.get(), std::string_view(data).substr(given));
    if (reads && test::wait_for(target.b.get(), POLLIN, base::Millis(0)))
      got += test::receive(target.b.get());
    last = pump(direction, {source.a.get()}, {target.a.get()}, buffers, &few);
    return direction.blocked;
  };
  ASSERT_TRUE(test::eventually([&] { return step() && direction.pipe != nullptr; }));
  const net::PipePool::Handle a = few.acquire();
  const net::PipePool::Handle b = few.acquire();
  ASSERT_NE(b, nullptr);
  reads = true;
  ASSERT_TRUE(test::eventually([&] { return step(), direction.pipe == nullptr; }));
  EXPECT_LT(direction.bytes, data.size() / 2) << "it kept the pipe to the end";
  ASSERT_TRUE(test::eventually([&] { return step(), got.size() == data.size(); }));
  EXPECT_TRUE(got == data);
}

TEST_F(PumpOverTcp, WithEveryPipeLentCopies) {
  const net::PipePool::Handle a = pipes.acquire();
  const net::PipePool::Handle b = pipes.acquire();
  const std::string data = noise(3'000'000, 4);
  make_bulk();
  EXPECT_TRUE(carry(data) == data);
  EXPECT_EQ(pipes.outstanding(), 2u);
}

TEST_F(PumpOverTcp, TellsTheEndOfASplicedStreamAfterEverythingBeforeIt) {
  const std::string data = noise(300'000, 5);
  make_bulk();
  std::size_t given = 0;
  std::string got;
  ASSERT_TRUE(test::eventually([&] {
    given += test::send_some(source.b.get(), std::string_view(data).substr(given));
    if (given == data.size()) source.b.reset();
    last = move();
    if (test::wait_for(target.b.get(), POLLIN, base::Millis(0))) got += test::receive(target.b.get());
    return last == Pumped::kEnded && got.size() == data.size();
  }));
  EXPECT_TRUE(got == data);
  EXPECT_EQ(move(), Pumped::kEnded);
}

// A splice stops in front of an urgent byte, and at the end of the stream says that there is nothing more.
TEST_F(PumpOverTcp, LosesNothingBehindUrgentDataInBulk) {
  make_bulk();
  ASSERT_EQ(test::send_some(source.b.get(), "before"), 6u);
  ASSERT_EQ(::send(source.b.get(), "!", 1, MSG_OOB), 1);
  ASSERT_EQ(test::send_some(source.b.get(), "behind"), 6u);
  source.b.reset();
  ASSERT_TRUE(test::wait_for(source.a.get(), POLLRDHUP));
  std::string got;
  ASSERT_TRUE(test::eventually([&] {
    last = move();
    if (test::wait_for(target.b.get(), POLLIN, base::Millis(0))) got += test::receive(target.b.get());
    return last == Pumped::kEnded && got.size() >= 13;
  })) << got;
  EXPECT_EQ(got, "before!behind");
}

TEST_F(PumpOverTcp, OnceUrgentDataIsToldReads) {
  make_bulk();
  ASSERT_EQ(test::send_some(source.b.get(), "before"), 6u);
  ASSERT_EQ(::send(source.b.get(), "!", 1, MSG_OOB), 1);
  ASSERT_TRUE(test::wait_for(source.a.get(), POLLPRI));
  direction.read_on = true;
  while (move() == Pumped::kMore) {
  }
  EXPECT_EQ(test::receive(target.b.get()), "before!");
}

TEST_F(PumpOverTcp, MovesNoMoreThanItMay) {
  make_bulk();
  ASSERT_EQ(test::send_some(source.b.get(), std::string(50'000, 'x')), 50'000u);
  ASSERT_TRUE(test::eventually([&] { return net::unread_bytes(source.a.get()) == 50'000; }));
  EXPECT_EQ(move(1'234), Pumped::kMore);
  EXPECT_EQ(direction.bytes + direction.waiting(), 1'234u);
  EXPECT_EQ(net::unread_bytes(source.a.get()), 50'000 - 1'234);
}

TEST_F(PumpOverTcp, OfATargetThatIsGoneKeepsNothing) {
  make_bulk();
  net::abort_connection(target.b);
  ASSERT_TRUE(test::wait_for(target.a.get(), POLLHUP));
  ASSERT_GT(test::send_some(source.b.get(), std::string(50'000, 'x')), 0u);
  ASSERT_TRUE(test::wait_for(source.a.get(), POLLIN));
  const Pumped outcome = move();
  EXPECT_EQ(outcome, Pumped::kTargetReset);
  direction.drop();
  EXPECT_EQ(pipes.outstanding(), 0u);
  EXPECT_EQ(pipes.kept(), 0u) << "a pipe with bytes of this session went to the others";
}

TEST_F(PumpOverTcp, DeliversWhatCameBeforeAResetOfABulkSource) {
  make_bulk();
  const std::string data = noise(100'000, 6);
  ASSERT_EQ(test::send_some(source.b.get(), data), data.size());
  ASSERT_TRUE(test::eventually([&] { return net::unread_bytes(source.a.get()) == 100'000; }));
  net::abort_connection(source.b);
  ASSERT_TRUE(test::wait_for(source.a.get(), POLLHUP));
  std::string got;
  ASSERT_TRUE(test::eventually([&] {
    last = move();
    if (test::wait_for(target.b.get(), POLLIN, base::Millis(0))) got += test::receive(target.b.get());
    return last == Pumped::kSourceReset && got.size() == data.size();
  }));
  EXPECT_TRUE(got == data);
}

TEST_F(PumpOverTcp, ComesBackToCopyingWhenTheBulkIsOver) {
  const std::string data = noise(2'000'000, 7);
  make_bulk();
  ASSERT_TRUE(carry(data) == data);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(carry("a message"), "a message");
  EXPECT_FALSE(direction.meter.is_bulk());
}

}  // namespace
}  // namespace weir::relay
