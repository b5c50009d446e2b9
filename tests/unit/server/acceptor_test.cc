#include "server/acceptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "unit/support.h"

namespace weir::server {
namespace {

// An acceptor on a loop that counts what is accepted in each turn.
class Accepting : public testing::Test, public Acceptor::Owner {
 protected:
  void listen(int backlog) {
    test::Listening listening = test::listen_on_loopback(backlog);
    address = listening.address;
    socket = std::make_shared<ListeningSocket>(std::move(listening.fd), address);
    acceptor.emplace(*loop, *this, Acceptor::Rules{slots, config::WhenFull::kWait}, door, socket);
  }

  void connect(int count) {
    for (int i = 0; i < count; ++i) clients.push_back(test::connect_to(address));
  }

  // Everybody may come in.
  static std::shared_ptr<const Listener> listener() {
    auto made = std::make_shared<Listener>();
    made->door.gate = {std::make_shared<admission::AccessList>(),
                       std::make_shared<admission::LimitSet>(admission::LimitSettings{}), nullptr};
    return made;
  }

  Accepting() {
    loop->at_end_of_turn([this] {
      if (admitted.size() > seen) turns.push_back(admitted.size() - seen);
      seen = admitted.size();
      if (seen >= wanted) loop->stop();
    });
  }

  // Runs until `count` clients were accepted in all; how many more in each turn that accepted any.
  std::vector<std::size_t> accept_all(std::size_t count) {
    wanted = count;
    acceptor->resume();
    loop->run();
    return std::exchange(turns, {});
  }

  void accepted(session::Admitted&& client, Door&) override { admitted.push_back(std::move(client)); }

  std::unique_ptr<net::EventLoop> loop = std::move(*net::EventLoop::create());
  admission::ConnectionSlots slots{1'000, [] {}};
  session::ListenerCounters counters;
  admission::RefusalSamples samples;
  net::TimerWheel wheel{base::precise_now()};
  Tarpit tarpit{wheel};
  Door door{listener(), {counters, samples, tarpit}};
  base::Address address;
  std::shared_ptr<ListeningSocket> socket;
  std::optional<Acceptor> acceptor;
  std::vector<base::UniqueFd> clients;
  std::vector<session::Admitted> admitted;
  std::size_t seen = 0;
  std::size_t wanted = 0;
  std::vector<std::size_t> turns;
};

TEST_F(Accepting, TakesBatchesThatGrowToABoundWhileTheQueueIsFarFromFull) {
  listen(500);
  connect(300);
  EXPECT_EQ(accept_all(300), (std::vector<std::size_t>{1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 64, 64, 42}));
  EXPECT_EQ(counters.large_batches.value(), 0u);
}

TEST_F(Accepting, BeginsWithSmallBatchesAgainWhenTheQueueWasEmpty) {
  listen(500);
  connect(20);
  EXPECT_EQ(accept_all(20), (std::vector<std::size_t>{1, 1, 1, 1, 2, 4, 8, 2}));
  connect(3);
  EXPECT_EQ(accept_all(23), (std::vector<std::size_t>{1, 1, 1}));
}

TEST_F(Accepting, TakesAllThatWaitWhenTheQueueIsOverThreeQuartersFull) {
  listen(400);
  connect(400);
  EXPECT_EQ(accept_all(400), (std::vector<std::size_t>{1, 1, 1, 1, 2, 4, 390}));
  EXPECT_EQ(counters.large_batches.value(), 1u);
}

// Then the loop is told of the queue in every third turn only.
TEST_F(Accepting, GrowsItsBatchesAlsoWhileMoreIsReadyThanATurnIsToldOf) {
  struct Busy {
    void on_ready(net::Ready) {}
    net::Watch watch;
    test::SocketPair pair = test::unix_pair();
  };
  std::vector<std::unique_ptr<Busy>> others;
  for (int i = 0; i < 600; ++i) {
    Busy& busy = *others.emplace_back(std::make_unique<Busy>());
    test::send_some(busy.pair.b.get(), "x");
    busy.watch.bind<&Busy::on_ready>(*loop, busy.pair.a.get(), &busy);
    ASSERT_TRUE(busy.watch.want(net::Interest::kRead));
  }
  listen(500);
  connect(300);
  EXPECT_EQ(accept_all(300), (std::vector<std::size_t>{1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 64, 64, 42}));
}

TEST_F(Accepting, TellsWhatItsQueueHolds) {
  listen(100);
  connect(7);
  EXPECT_EQ(socket->queue(), (net::AcceptQueue{7, 100}));
  accept_all(7);
  EXPECT_EQ(socket->queue(), (net::AcceptQueue{0, 100}));
  acceptor->drain();
  EXPECT_EQ(socket->queue(), std::nullopt) << "it is closed";
}

// The number of a closed socket may be another socket's at once, as below.
TEST(ASocketOfAnotherProcess, IsNoneThatAChangedListOfItsFilterIsPutOn) {
  auto made = net::PacketFilter::create({}, net::FilterMode::kClassic);
  if (!made) GTEST_SKIP() << "NOT CHECKED: no packet filter is to be had here: " << made.error().message();
  const std::shared_ptr<net::PacketFilter> filter = std::move(*made);
  test::Listening listening = test::listen_on_loopback();
  ListeningSocket socket(std::move(listening.fd), listening.address);
  ASSERT_TRUE(socket.set_filter(filter).has_value());
  const auto copy = socket.copy();
  ASSERT_TRUE(copy.has_value());
  const int number = socket.fd();
  net::PacketRules nobody;
  nobody.default_deny = true;

  socket.leave_to_another();
  ASSERT_TRUE(filter->update(nobody).has_value());
  test::connect_to(listening.address);
  socket.close();
  const test::Listening stranger = test::listen_on_loopback();
  base::UniqueFd same;
  if (stranger.fd.get() != number) same = base::UniqueFd(::dup3(stranger.fd.get(), number, O_CLOEXEC));
  ASSERT_TRUE(stranger.fd.get() == number || same.get() == number);
  ASSERT_TRUE(filter->update(nobody).has_value());
  test::connect_to(stranger.address);
  EXPECT_EQ(filter->dropped(), 0u);
}

TEST(ASocketOfAnotherProcess, HasItsFilterAgainWhereThatProcessHasDied) {
  auto made = net::PacketFilter::create({}, net::FilterMode::kClassic);
  if (!made) GTEST_SKIP() << "NOT CHECKED: no packet filter is to be had here: " << made.error().message();
  const std::shared_ptr<net::PacketFilter> filter = std::move(*made);
  test::Listening listening = test::listen_on_loopback();
  ListeningSocket socket(std::move(listening.fd), listening.address);
  ASSERT_TRUE(socket.set_filter(filter).has_value());
  socket.leave_to_another();
  ASSERT_TRUE(socket.take().has_value());
  net::PacketRules nobody;
  nobody.default_deny = true;
  ASSERT_TRUE(filter->update(nobody).has_value());
  const net::Connecting denied = net::start_connect(listening.address, {});
  EXPECT_TRUE(test::eventually([&] { return filter->dropped() > 0; }));
  EXPECT_FALSE(net::is_ready(denied.fd.get(), net::Interest::kWrite));
}

// The number of a closed socket may be another socket's at once.
TEST_F(Accepting, CanBeAskedForItsQueueWhileItCloses) {
  listen(100);
  std::atomic<bool> closed = false;
  std::thread other([&] {
    while (!closed) {
      const auto queue = socket->queue();
      EXPECT_EQ(queue ? queue->limit : 100, 100u);
    }
  });
  acceptor->drain();
  const test::Listening newcomer = test::listen_on_loopback(50);
  closed = true;
  other.join();
}

TEST_F(Accepting, LeavesTheSocketOpenForAnotherOneWhenItGoes) {
  listen(100);
  connect(3);
  EXPECT_EQ(accept_all(2), (std::vector<std::size_t>{1, 1}));
  acceptor.reset();
  EXPECT_EQ(socket->queue(), (net::AcceptQueue{1, 100}));
  acceptor.emplace(*loop, *this, Acceptor::Rules{slots, config::WhenFull::kWait}, door, socket);
  EXPECT_EQ(accept_all(3), (std::vector<std::size_t>{1}));
}

TEST_F(Accepting, RefusesThoseWhoWaitedForAPermitOnceTheRuleSaysSo) {
  listen(100);
  connect(2);
  std::vector<admission::Permit> all;
  while (admission::Permit permit = slots.try_acquire()) all.push_back(std::move(permit));
  wanted = 1'000;  // the loop is the driver's
  acceptor->resume();
  test::Driver driver{*loop};
  driver.turns(3);
  EXPECT_EQ(socket->queue(), (net::AcceptQueue{2, 100}));
  acceptor->change(door, config::WhenFull::kRefuse);
  EXPECT_TRUE(driver.until([&] { return socket->queue() == net::AcceptQueue{0, 100}; }));
  EXPECT_EQ(counters.refused[static_cast<std::size_t>(admission::Refusal::kProcessConnections)].value(), 2u);
}

}  // namespace
}  // namespace weir::server
