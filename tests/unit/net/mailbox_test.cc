#include "net/mailbox.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "unit/support.h"

namespace weir::net {
namespace {

template <class Message>
std::unique_ptr<Mailbox<Message>> make_mailbox(EventLoop& loop, std::size_t capacity) {
  auto mailbox = Mailbox<Message>::create(loop, capacity);
  EXPECT_TRUE(mailbox.has_value());
  return std::move(*mailbox);
}

TEST(Mailbox, DeliversInTheOrderOfPostingWhatWasPostedBeforeItOpened) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const auto mailbox = make_mailbox<int>(*loop, 100);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(mailbox->post(int(i)));
  std::vector<int> got;
  mailbox->open([&](int&& message) { got.push_back(message); });
  EXPECT_TRUE(got.empty()) << "delivers on the loop, not in open";
  ASSERT_TRUE(driver.until([&] { return got.size() == 10; }));
  EXPECT_EQ(got, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(Mailbox, KeepsWhatIsPostedWhileItsLoopRunsUntilItOpens) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const auto mailbox = make_mailbox<int>(*loop, 4);
  const auto other = make_mailbox<int>(*loop, 4);
  ASSERT_TRUE(mailbox->post(1));
  int got = 0;
  int turns = 0;
  other->open([&](int&&) { ++turns; });
  ASSERT_TRUE(other->post(0));
  ASSERT_TRUE(driver.until([&] { return turns == 1; }));
  ASSERT_TRUE(other->post(0));
  ASSERT_TRUE(driver.until([&] { return turns == 2; }));
  mailbox->open([&](int&& message) { got = message; });
  EXPECT_TRUE(driver.until([&] { return got == 1; }));
}

TEST(Mailbox, WhenFullRefusesAndLeavesTheMessageAsItWas) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const auto mailbox = make_mailbox<std::unique_ptr<int>>(*loop, 2);
  ASSERT_TRUE(mailbox->post(std::make_unique<int>(1)));
  ASSERT_TRUE(mailbox->post(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(mailbox->post(std::move(third)));
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(*third, 3);
  std::vector<int> got;
  mailbox->open([&](std::unique_ptr<int>&& message) { got.push_back(*message); });
  ASSERT_TRUE(driver.until([&] { return got.size() == 2; }));
  EXPECT_TRUE(mailbox->post(std::move(third)));
  EXPECT_EQ(third, nullptr);
  ASSERT_TRUE(driver.until([&] { return got.size() == 3; }));
  EXPECT_EQ(got, (std::vector<int>{1, 2, 3}));
}

TEST(Mailbox, AHandlerMayPostToItsOwnMailbox) {
  const auto loop = test::make_loop();
  test::Driver driver(*loop);
  const auto mailbox = make_mailbox<int>(*loop, 1);
  int last = 0;
  mailbox->open([&](int&& message) {
    last = message;
    if (message == 100) return;
    ASSERT_TRUE(mailbox->post(message + 1));
  });
  ASSERT_TRUE(mailbox->post(1));
  EXPECT_TRUE(driver.until([&] { return last == 100; }));
}

TEST(Mailbox, FreesWhatWasNeverDelivered) {
  const auto loop = test::make_loop();
  const auto watched = std::make_shared<int>(1);
  {
    const auto mailbox = make_mailbox<std::shared_ptr<int>>(*loop, 4);
    ASSERT_TRUE(mailbox->post(std::shared_ptr<int>(watched)));
    EXPECT_EQ(watched.use_count(), 2);
  }
  EXPECT_EQ(watched.use_count(), 1);
}

// The loop sleeps between messages: one whose wake-up was lost would wait until the deadline.
TEST(Mailbox, LosesNoMessageAndNoWakeUpOfManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kEach = 20'000;
  struct Message {
    int thread = 0;
    int number = 0;
  };
  const auto loop = test::make_loop();
  const auto mailbox = make_mailbox<Message>(*loop, 64);
  std::array<int, kThreads> next{};
  int received = 0;
  bool in_order = true;
  mailbox->open([&](Message&& message) {
    in_order = in_order && next[static_cast<std::size_t>(message.thread)]++ == message.number;
    if (++received == kThreads * kEach) loop->stop();
  });
  // Ends a run that has lost something.
  struct Watchdog {
    EventLoop* loop;
    void bark() { loop->stop(); }
  } watchdog{loop.get()};
  Timer timer;
  timer.bind<&Watchdog::bark>(*loop, &watchdog);
  timer.start(base::Millis(60'000));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&mailbox, t] {
      for (int i = 0; i < kEach; ++i) {
        while (!mailbox->post({t, i})) std::this_thread::yield();
      }
    });
  }
  loop->run();
  EXPECT_EQ(received, kThreads * kEach);
  EXPECT_TRUE(in_order);
  // Should the run have ended early, whoever still posts has to be able to.
  const auto drain = [&] {
    test::Driver driver(*loop);
    return driver.until([&] { return received == kThreads * kEach; });
  };
  if (received != kThreads * kEach) static_cast<void>(drain());
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace weir::net
