#include "net/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "unit/support.h"

namespace weir::net {
namespace {

struct Probe {
  void on_ready(Ready ready) {
    ++calls;
    last = ready;
    if (then) then();
  }
  void on_time() {
    ++calls;
    if (then) then();
  }
  int calls = 0;
  Ready last;
  std::function<void()> then;
};

TEST(EventLoop, RunsItsHooksAfterTheCallbacksOfEachTurn) {
  const auto loop = test::make_loop();
  const test::SocketPair pair = test::unix_pair();
  std::string order;
  Probe probe;
  probe.then = [&] { order += 'c'; };
  Watch watch;
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  ASSERT_TRUE(watch.want(Interest::kRead));
  test::send_some(pair.b.get(), "x");
  loop->at_end_of_turn([&] {
    order += 'h';
    if (order.size() >= 6) loop->stop();
  });
  loop->run();
  EXPECT_EQ(order, "chchch");
}

// Times the thread went to sleep while it waited for a timer, behind a turn with an event.
long sleeps_with_busy_poll(base::Micros time) {
  const auto loop = test::make_loop();
  loop->set_busy_poll(time);
  const test::SocketPair pair = test::unix_pair();
  Probe probe;
  Watch watch;
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  EXPECT_TRUE(watch.want_edges(Interest::kRead));
  test::send_some(pair.b.get(), "x");
  Probe over;
  over.then = [&] { loop->stop(); };
  Timer timer;
  timer.bind<&Probe::on_time>(*loop, &over);
  const auto sleeps = [] {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
  };
  const long before = sleeps();
  const base::TimePoint begun = base::precise_now();
  timer.start(base::Millis(20));
  loop->run();
  EXPECT_LT(base::precise_now() - begun, base::Millis(10'000)) << "the timer was late";
  EXPECT_EQ(probe.calls, 1);
  EXPECT_EQ(over.calls, 1);
  return sleeps() - before;
}

TEST(EventLoop, StaysAwakeBehindEventsWhenToldToButNoTimerIsLate) {
  EXPECT_GE(sleeps_with_busy_poll(base::Micros(0)), 1);
  EXPECT_EQ(sleeps_with_busy_poll(base::Micros(60'000'000)), 0);
}

// The turn cannot end before it has been seen to last, so that nothing here depends on how fast the machine
// is.
TEST(EventLoop, MeasuresItsTurnsAndTheOneThatIsUnderWay) {
  constexpr base::Micros kLong{2'000};
  const auto loop = test::make_loop();
  TurnMeter meter;
  loop->measure_turns(meter);
  const test::SocketPair pair = test::unix_pair();
  std::atomic<bool> seen{false};
  Probe probe;
  probe.then = [&] {
    while (!seen.load()) std::this_thread::yield();
    loop->stop();
  };
  Watch watch;
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  ASSERT_TRUE(watch.want(Interest::kRead));
  EXPECT_EQ(meter.age(base::precise_now()), base::Micros(0));
  std::thread other([&] {
    // Also when the assertions fail the loop has to end.
    const base::TimePoint deadline = base::precise_now() + test::kPatience;
    while (meter.age(base::precise_now()) < kLong && base::precise_now() < deadline) {
      std::this_thread::yield();
    }
    seen.store(true);
  });
  test::send_some(pair.b.get(), "x");
  loop->run();
  other.join();
  EXPECT_EQ(meter.age(base::precise_now()), base::Micros(0)) << "no turn is under way any more";
  const metrics::HistogramReading turns = meter.turns().read();
  EXPECT_EQ(std::accumulate(turns.buckets.begin(), turns.buckets.end(), std::uint64_t{0}), 1u);
  EXPECT_GE(turns.microseconds, static_cast<std::uint64_t>(kLong.count()));
}

TEST(EventLoop, DoesNotCountAsATurnWhatItWaits) {
  const auto loop = test::make_loop();
  TurnMeter meter;
  loop->measure_turns(meter);
  Probe over;
  over.then = [&] { loop->stop(); };
  Timer timer;
  timer.bind<&Probe::on_time>(*loop, &over);
  const base::TimePoint begun = base::precise_now();
  timer.start(base::Millis(50));
  loop->run();
  const auto took = std::chrono::duration_cast<base::Micros>(base::precise_now() - begun);
  EXPECT_LE(meter.turns().read().microseconds, static_cast<std::uint64_t>((took - base::Millis(40)).count()));
}

TEST(EventLoop, CanRunAgainAfterAStop) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  int turns = 0;
  EXPECT_TRUE(driver.until([&] { return ++turns == 3; }));
  EXPECT_TRUE(driver.until([&] { return ++turns == 6; }));
}

TEST(Watch, CallsOnlyForTheInterestThatIsAsked) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::unix_pair();
  test::send_some(pair.b.get(), "x");
  Probe probe;
  Watch watch;
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  driver.turns(3);
  EXPECT_EQ(probe.calls, 0) << "bound, but nothing asked";

  ASSERT_TRUE(watch.want(Interest::kWrite));
  ASSERT_TRUE(driver.until([&] { return probe.calls > 0; }));
  EXPECT_TRUE(probe.last.write);
  EXPECT_FALSE(probe.last.read) << "readable, but not asked for";

  ASSERT_TRUE(watch.want(Interest::kRead));
  driver.turns(2);
  EXPECT_TRUE(probe.last.read);
  EXPECT_FALSE(probe.last.write);

  ASSERT_TRUE(watch.want(Interest::kBoth));
  driver.turns(2);
  EXPECT_TRUE(probe.last.read);
  EXPECT_TRUE(probe.last.write);

  ASSERT_TRUE(watch.want(Interest::kNone));
  const int calls = probe.calls;
  driver.turns(3);
  EXPECT_EQ(probe.calls, calls);
}

TEST(Watch, CallsAgainWhileTheConditionHolds) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::unix_pair();
  test::send_some(pair.b.get(), "x");
  Probe probe;
  Watch watch;
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  ASSERT_TRUE(watch.want(Interest::kRead));
  EXPECT_TRUE(driver.until([&] { return probe.calls >= 5; })) << "must be level-triggered";
}

TEST(Watch, MayBeStoppedInItsOwnCallback) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::unix_pair();
  test::send_some(pair.b.get(), "x");
  Probe probe;
  Watch watch;
  probe.then = [&] { watch.stop(); };
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  ASSERT_TRUE(watch.want(Interest::kBoth));
  driver.turns(5);
  EXPECT_EQ(probe.calls, 1);
  EXPECT_EQ(watch.interest(), Interest::kNone);
  watch.stop();
}

TEST(Watch, AStoppedWatchIsNotCalledThoughItWasReadyInTheSameTurn) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::unix_pair();
  test::send_some(pair.a.get(), "x");
  test::send_some(pair.b.get(), "x");
  Probe first;
  Probe second;
  auto watch_a = std::make_unique<Watch>();
  auto watch_b = std::make_unique<Watch>();
  // Whichever is called first takes the other away.
  first.then = [&] { watch_b.reset(); };
  second.then = [&] { watch_a.reset(); };
  watch_a->bind<&Probe::on_ready>(*loop, pair.a.get(), &first);
  watch_b->bind<&Probe::on_ready>(*loop, pair.b.get(), &second);
  ASSERT_TRUE(watch_a->want(Interest::kRead));
  ASSERT_TRUE(watch_b->want(Interest::kRead));
  driver.turns(5);
  EXPECT_TRUE((first.calls == 0) != (second.calls == 0)) << first.calls << " and " << second.calls;
}

TEST(Watch, OnANumberThatWasClosedAndGivenAgainInTheSameTurnIsCalled) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  for (const Interest interest : {Interest::kRead, Interest::kBoth}) {
    test::SocketPair old_pair = test::tcp_pair();
    test::SocketPair new_pair = test::tcp_pair();
    test::send_some(new_pair.b.get(), "x");
    Probe old_probe;
    Probe new_probe;
    base::UniqueFd given_again;
    Watch old_watch;
    Watch new_watch;
    old_probe.then = [&] {
      old_watch.stop();
      const int number = old_pair.a.release();
      ::close(number);
      given_again = base::UniqueFd(::fcntl(new_pair.a.get(), F_DUPFD_CLOEXEC, number));
      new_pair.a.reset();
      ASSERT_EQ(given_again.get(), number);
      new_watch.bind<&Probe::on_ready>(*loop, number, &new_probe);
      ASSERT_TRUE(new_watch.want(interest));
    };
    old_watch.bind<&Probe::on_ready>(*loop, old_pair.a.get(), &old_probe);
    ASSERT_TRUE(old_watch.want(Interest::kRead));
    test::send_some(old_pair.b.get(), "y");
    EXPECT_TRUE(driver.until([&] { return new_probe.last.read; }, base::Millis(5'000)));
    EXPECT_EQ(old_probe.calls, 1);
  }
}

TEST(Watch, ShowsAHangUpAsReadability) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  test::SocketPair pair = test::tcp_pair();
  Probe probe;
  Watch watch;
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  ASSERT_TRUE(watch.want(Interest::kRead));
  abort_connection(pair.b);
  EXPECT_TRUE(driver.until([&] { return probe.last.read; }));
}

TEST(Watch, OfADescriptorThatCannotBeWatchedSaysSo) {
  const auto loop = test::make_loop();
  const test::TempFolder folder;
  Probe probe;
  Watch watch;
  const base::UniqueFd file(::open(folder.file("x").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  watch.bind<&Probe::on_ready>(*loop, file.get(), &probe);  // epoll takes no regular files
  EXPECT_FALSE(watch.want(Interest::kRead));
  EXPECT_EQ(errno, EPERM);
  EXPECT_FALSE(watch.want_edges(Interest::kRead));
  EXPECT_EQ(watch.interest(), Interest::kNone);
}

TEST(Watch, ForEdgesCallsOnceForWhatHoldsAndOnceForWhatComes) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::tcp_pair();
  test::send_some(pair.b.get(), "x");
  ASSERT_TRUE(test::wait_for(pair.a.get(), POLLIN));
  Probe probe;
  Watch watch;
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  ASSERT_TRUE(watch.want_edges(Interest::kRead));
  ASSERT_TRUE(driver.until([&] { return probe.calls > 0; }));
  EXPECT_TRUE(probe.last.read);
  EXPECT_FALSE(probe.last.write) << "not asked for";
  EXPECT_FALSE(probe.last.read_on);
  driver.turns(5);
  EXPECT_EQ(probe.calls, 1) << "it holds still, and has been told";
  test::send_some(pair.b.get(), "y");
  EXPECT_TRUE(driver.until([&] { return probe.calls == 2; }));
  ASSERT_TRUE(watch.want_edges(Interest::kBoth));
  ASSERT_TRUE(driver.until([&] { return probe.calls == 3; }));
  EXPECT_TRUE(probe.last.write) << "what holds when the interest grows is told";
}

TEST(Watch, ForEdgesTellsOfAnEndOfUrgentDataAndOfAReset) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  for (int way = 0; way < 3; ++way) {
    test::SocketPair pair = test::tcp_pair();
    Probe probe;
    Watch watch;
    watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
    ASSERT_TRUE(watch.want_edges(Interest::kRead));
    if (way == 0) ::shutdown(pair.b.get(), SHUT_WR);
    if (way == 1) {
      ASSERT_EQ(::send(pair.b.get(), "!", 1, MSG_OOB), 1);
    }
    if (way == 2) abort_connection(pair.b);
    ASSERT_TRUE(driver.until([&] { return probe.last.read_on || probe.last.ended; })) << way;
    EXPECT_EQ(probe.last.ended, way != 1) << way;
    EXPECT_EQ(probe.last.read_on, way != 0) << way;
    EXPECT_EQ(probe.last.failed, way == 2) << way;
  }
}

TEST(Watch, CallsAgainInTheNextTurnWhenAsked) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::unix_pair();
  Probe probe;
  Watch watch;
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  ASSERT_TRUE(watch.want_edges(Interest::kRead));
  probe.then = [&] {
    if (probe.calls < 3) watch.call_again();
  };
  watch.call_again();
  ASSERT_TRUE(driver.until([&] { return probe.calls == 3; }));
  EXPECT_FALSE(probe.last.read || probe.last.write || probe.last.read_on);
  driver.turns(5);
  EXPECT_EQ(probe.calls, 3);
  watch.call_again();
  watch.stop();
  driver.turns(5);
  EXPECT_EQ(probe.calls, 3) << "stopped since";
}

TEST(Watch, IsCalledOnceATurnHoweverMuchItLeavesForLater) {
  const auto loop = test::make_loop();
  const test::SocketPair pair = test::unix_pair();
  Probe probe;
  Watch watch;
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  ASSERT_TRUE(watch.want_edges(Interest::kRead));
  probe.then = [&] {
    watch.call_again();
    watch.call_again();
  };
  int turns = 0;
  int most_in_a_turn = 0;
  // An event for each turn, beside what is left.
  test::send_some(pair.b.get(), "x");
  loop->at_end_of_turn([&] {
    most_in_a_turn = std::max(most_in_a_turn, std::exchange(probe.calls, 0));
    test::send_some(pair.b.get(), "x");
    if (++turns == 50) loop->stop();
  });
  loop->run();
  EXPECT_EQ(most_in_a_turn, 1);
}

TEST(Watch, AnotherOwnerHearsWhatComesAfterItWasHandedOver) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::SocketPair pair = test::unix_pair();
  Probe first;
  Probe second;
  Watch watch;
  watch.bind<&Probe::on_ready>(*loop, pair.a.get(), &first);
  ASSERT_TRUE(watch.want_edges(Interest::kRead));
  watch.hand_to<&Probe::on_ready>(&second);
  test::send_some(pair.b.get(), "x");
  ASSERT_TRUE(driver.until([&] { return second.calls == 1; }));
  EXPECT_EQ(first.calls, 0);
}

// A duplicate of the descriptor, in a child for example, keeps the kernel's registration alive after the
// close.
TEST(Watch, AForgottenOneIsNotCalledThoughTheKernelStillTells) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  test::SocketPair pair = test::unix_pair();
  const base::UniqueFd duplicate(::fcntl(pair.a.get(), F_DUPFD_CLOEXEC, 0));
  Probe probe;
  auto watch = std::make_unique<Watch>();
  watch->bind<&Probe::on_ready>(*loop, pair.a.get(), &probe);
  ASSERT_TRUE(watch->want_edges(Interest::kRead));
  watch->forget();
  pair.a.reset();
  watch.reset();
  Watch other;
  Probe other_probe;
  const test::SocketPair another = test::unix_pair();
  other.bind<&Probe::on_ready>(*loop, another.a.get(), &other_probe);
  ASSERT_TRUE(other.want_edges(Interest::kRead));
  test::send_some(pair.b.get(), "x");
  driver.turns(5);
  EXPECT_EQ(probe.calls + other_probe.calls, 0);
}

TEST(Timer, FiresOnceAndNotBeforeItsDelay) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  Probe probe;
  Timer timer;
  timer.bind<&Probe::on_time>(*loop, &probe);
  const base::TimePoint begun = base::precise_now();
  timer.start(base::Millis(40));
  ASSERT_TRUE(driver.until([&] { return probe.calls > 0; }));
  EXPECT_GE(base::precise_now() - begun, base::Millis(40));
  driver.turns(30);
  EXPECT_EQ(probe.calls, 1);
}

TEST(Timer, StartingAgainForgetsTheEarlierStart) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  Probe probe;
  Timer timer;
  timer.bind<&Probe::on_time>(*loop, &probe);
  timer.start(base::Millis(1));
  timer.start(base::Millis(60'000));
  driver.turns(20);
  EXPECT_EQ(probe.calls, 0);
  timer.start(base::Millis(1));
  EXPECT_TRUE(driver.until([&] { return probe.calls == 1; }));
}

TEST(Timer, AStoppedOneDoesNotFire) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  Probe probe;
  Timer timer;
  timer.stop();
  timer.bind<&Probe::on_time>(*loop, &probe);
  timer.start(base::Millis(1));
  timer.stop();
  driver.turns(20);
  EXPECT_EQ(probe.calls, 0);
}

TEST(InterestIn, JoinsReadingAndWriting) {
  EXPECT_EQ(interest_in(false, false), Interest::kNone);
  EXPECT_EQ(interest_in(true, false), Interest::kRead);
  EXPECT_EQ(interest_in(false, true), Interest::kWrite);
  EXPECT_EQ(interest_in(true, true), Interest::kBoth);
}

}  // namespace
}  // namespace weir::net
