#include "load/pace.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

#include "support/listener.h"

namespace weir::load {
namespace {

using base::Millis;

Connections clients(const base::Address& target, unsigned connections, std::size_t bytes_per_tick = 0) {
  Clients wanted;
  wanted.target = target;
  wanted.connections = connections;
  wanted.bytes_per_tick = bytes_per_tick;
  return std::move(*Connections::create(wanted));
}

std::uint64_t errors(const Tally& tally) {
  return tally.connect_errors + tally.read_errors + tally.status_errors + tally.timeouts + tally.unanswered;
}

// What this process says on stderr, while it lives.
class Stderr {
 public:
  Stderr() : real_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    said_ = base::UniqueFd(ends[0]);
    const base::UniqueFd end(ends[1]);
    ::dup2(end.get(), STDERR_FILENO);
  }
  ~Stderr() { ::dup2(real_.get(), STDERR_FILENO); }
  Stderr(const Stderr&) = delete;
  Stderr& operator=(const Stderr&) = delete;

  void wait_for(std::string_view line) {
    std::string said;
    while (said.find(line) == std::string::npos) {
      pollfd waiting{said_.get(), POLLIN, 0};
      char byte = 0;
      ASSERT_EQ(::poll(&waiting, 1, static_cast<int>(test::kPatience.count())), 1) << line << " is not said";
      ASSERT_EQ(::read(said_.get(), &byte, 1), 1);
      said += byte;
    }
  }

 private:
  base::UniqueFd real_, said_;
};

class PaceTest : public ::testing::Test {
 protected:
  PaceTest() : responder_(std::move(*Responder::create({port_.address()}, ""))) {}

  const test::DeadPort port_;
  Responder responder_;
};

TEST_F(PaceTest, AStopOfTheServerCountsForEachRequestThatItDelays) {
  std::atomic<bool> is_over = false;
  std::thread server([&] {
    while (responder_.open() == 0 && !is_over) responder_.answer(Millis(1));
    const base::TimePoint stop = base::precise_now() + Millis(300);
    while (base::precise_now() < stop) responder_.answer(Millis(1));
    test::observe_for(Millis(200));
    while (!is_over) responder_.answer(Millis(1));
  });
  Connections load = clients(port_.address(), 4);
  run_open(load, {Millis(100), Millis(1'000)}, 1'000);
  is_over = true;
  server.join();
  EXPECT_EQ(load.tally().requests, 1'000u);
  EXPECT_EQ(errors(load.tally()), 0u);
  // 150 of them were due so early in the stop that they waited for 50 ms and more.
  EXPECT_GT(load.tally().latency.quantile(0.86), Millis(50));
  EXPECT_LT(load.tally().latency.quantile(0.5), Millis(50));
}

TEST_F(PaceTest, EachRequestThatIsDueIsAskedHoweverLate) {
  Connections load = clients(port_.address(), 4);
  ASSERT_TRUE(load.answer_by(responder_));
  run_open(load, {Millis(0), Millis(5)}, 1e6);
  EXPECT_EQ(load.tally().requests, 5'000u);
  EXPECT_EQ(errors(load.tally()), 0u);
}

TEST_F(PaceTest, AnOpenLoadLastsItsTimeWhenItsLastRequestIsDueBeforeItsEnd) {
  Connections load = clients(port_.address(), 1);
  ASSERT_TRUE(load.answer_by(responder_));
  const base::TimePoint start = base::precise_now();
  run_open(load, {Millis(0), Millis(300)}, 10);
  EXPECT_GE(base::precise_now() - start, Millis(300));
  EXPECT_EQ(load.tally().requests, 3u);
}

TEST(Pace, AnOpenLoadIsOverBeforeItWaitsForWhatIsUnanswered) {
  constexpr unsigned kRequests = 4;
  Stderr said;
  test::Listener listener;
  std::thread server([&] {
    std::vector<test::Socket> accepted;
    for (unsigned i = 0; i < kRequests; ++i) {
      accepted.push_back(listener.accept());
      accepted.back().receive_some();
    }
    said.wait_for("over\n");
    for (test::Socket& one : accepted) one.send_all("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
  });
  Connections load = clients(listener.address(), kRequests);
  run_open(load, {Millis(0), Millis(200)}, 20);
  server.join();
  EXPECT_EQ(load.tally().requests, kRequests);
  EXPECT_EQ(load.tally().bytes, 0u) << "they came when it was over";
  EXPECT_EQ(errors(load.tally()), 0u);
}

TEST(Pace, ASlowReaderThatIsGivenNothingOrNothingMoreIsUnanswered) {
  test::Listener listener;
  test::Socket first;
  std::thread server([&] {
    first = listener.accept();
    first.receive_some();
    // More than half of what may be read in all.
    first.send_all("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + std::string(70, 'x'));
  });
  Connections load = clients(listener.address(), 3, 10);
  run_closed(load, {Millis(0), Millis(2'000)});
  server.join();
  EXPECT_EQ(load.tally().unanswered, 3u);
}

TEST_F(PaceTest, ASlowReaderThatIsGivenWhatItMayReadIsNot) {
  Connections load = clients(port_.address(), 3, 10);
  ASSERT_TRUE(load.answer_by(responder_));
  run_closed(load, {Millis(0), Millis(2'000)});
  EXPECT_EQ(errors(load.tally()), 0u);
}

}  // namespace
}  // namespace weir::load
