#include "net/event_loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>

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

// Interest is told to the kernel at the end of a turn: what was taken back and asked for anew under the same
// number must not cancel out, or the new socket would never be heard of.
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

TEST(Watch, OfADescriptorThatCannotBeWatchedIsReported) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const test::TempFolder folder;
  std::string reported;
  report_loop_warnings([&](std::string_view message) { reported += message; });
  Probe probe;
  Watch watch;
  const base::UniqueFd file(::open(folder.file("x").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  watch.bind<&Probe::on_ready>(*loop, file.get(), &probe);  // epoll takes no regular files
  EXPECT_TRUE(watch.want(Interest::kRead));
  EXPECT_TRUE(driver.until([&] { return !reported.empty(); }));
  report_loop_warnings(nullptr);
  EXPECT_NE(reported.find("Epoll ADD"), std::string::npos) << reported;
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
  // libevent counts from the kernel's coarse clock, which may lie a tick of at most 10 ms back.
  EXPECT_GE(base::precise_now() - begun, base::Millis(30));
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
