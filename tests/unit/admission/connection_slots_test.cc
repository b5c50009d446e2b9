#include "admission/connection_slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "admission/refusals.h"

namespace weir::admission {
namespace {

TEST(ConnectionSlots, GiveNoMoreThanTheLimitAndTakeThemBack) {
  ConnectionSlots slots(2, [] {});
  Permit a = slots.try_acquire();
  Permit b = slots.try_acquire();
  EXPECT_TRUE(a);
  EXPECT_TRUE(b);
  EXPECT_FALSE(slots.try_acquire());
  EXPECT_EQ(slots.used(), 2u);
  a.release();
  EXPECT_FALSE(a);
  EXPECT_EQ(slots.used(), 1u);
  a.release();
  EXPECT_EQ(slots.used(), 1u);
  EXPECT_TRUE(slots.try_acquire());
  EXPECT_EQ(slots.used(), 1u);
}

TEST(ConnectionSlots, OfZeroNeverGive) {
  ConnectionSlots slots(0, [] {});
  EXPECT_FALSE(slots.try_acquire());
  EXPECT_FALSE(slots.acquire_or_ask());
  EXPECT_EQ(slots.used(), 0u);
}

TEST(Permit, MovesTheRightAndCountsItOnce) {
  ConnectionSlots slots(3, [] {});
  {
    Permit a = slots.try_acquire();
    Permit b = std::move(a);
    EXPECT_FALSE(a);
    EXPECT_TRUE(b);
    EXPECT_EQ(slots.used(), 1u);
    Permit c = slots.try_acquire();
    c = std::move(b);
    EXPECT_EQ(slots.used(), 1u);
    Permit& alias = c;
    c = std::move(alias);
    EXPECT_TRUE(c);
    EXPECT_EQ(slots.used(), 1u);
  }
  EXPECT_EQ(slots.used(), 0u);
}

TEST(ConnectionSlots, TellOnceForEachAskingAndOnlyThen) {
  int told = 0;
  ConnectionSlots slots(2, [&] { ++told; });
  Permit a = slots.acquire_or_ask();
  Permit b = slots.acquire_or_ask();
  EXPECT_FALSE(slots.try_acquire());
  a.release();
  EXPECT_EQ(told, 0) << "nobody asked";
  a = slots.acquire_or_ask();
  EXPECT_TRUE(a);
  EXPECT_FALSE(slots.acquire_or_ask());
  EXPECT_EQ(told, 0);
  a.release();
  EXPECT_EQ(told, 1);
  b.release();
  EXPECT_EQ(told, 1) << "one asking, one telling";
}

TEST(ConnectionSlots, NeverExceedTheLimitUnderManyThreads) {
  constexpr std::uint32_t kLimit = 3;
  constexpr int kThreads = 8;
  ConnectionSlots slots(kLimit, [] {});
  std::atomic<std::uint32_t> holders{0};
  std::atomic<std::uint32_t> most{0};
  std::atomic<int> granted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20'000; ++i) {
        Permit permit = slots.try_acquire();
        if (!permit) continue;
        granted.fetch_add(1);
        const std::uint32_t now = holders.fetch_add(1) + 1;
        std::uint32_t seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        holders.fetch_sub(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(granted.load(), 0);
  EXPECT_LE(most.load(), kLimit);
  EXPECT_EQ(slots.used(), 0u);
}

// Every thread waits to be told when it found none; one that is not told waits for ever, which shows as a
// missed deadline.
TEST(ConnectionSlots, NeverLoseAWakeUp) {
  constexpr int kThreads = 6;
  constexpr int kRounds = 4'000;
  std::mutex mutex;
  std::condition_variable freed;
  std::uint64_t tellings = 0;  // guarded by mutex
  ConnectionSlots slots(2, [&] {
    {
      const std::lock_guard lock(mutex);
      ++tellings;
    }
    freed.notify_all();
  });
  std::atomic<int> lost{0};
  std::atomic<std::uint64_t> waits{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds && lost == 0; ++i) {
        for (;;) {
          std::uint64_t before = 0;
          {
            const std::lock_guard lock(mutex);
            before = tellings;
          }
          Permit permit = slots.acquire_or_ask();
          if (permit) {
            if (i % 4 == 0) std::this_thread::yield();
            break;
          }
          waits.fetch_add(1);
          std::unique_lock lock(mutex);
          if (!freed.wait_for(lock, std::chrono::seconds(20), [&] { return tellings != before; })) {
            lost.fetch_add(1);
            return;
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lost.load(), 0);
  EXPECT_GT(waits.load(), 0u) << "nobody ever had to wait: the test shows nothing";
  EXPECT_EQ(slots.used(), 0u);
}

TEST(Refusal, HasOneWordForEach) {
  EXPECT_EQ(word(Refusal::kProcessConnections), "process_connections");
  EXPECT_EQ(word(Refusal::kNoDescriptors), "no_descriptors");
}

TEST(ConnectionSlots, WithALowerLimitGiveNoneUntilEnoughHaveComeBack) {
  ConnectionSlots slots(3, [] {});
  Permit a = slots.try_acquire();
  Permit b = slots.try_acquire();
  Permit c = slots.try_acquire();
  slots.set_limit(2);
  EXPECT_EQ(slots.used(), 3u) << "nobody is thrown out";
  a.release();
  EXPECT_FALSE(slots.try_acquire());
  b.release();
  EXPECT_TRUE(slots.try_acquire());
}

TEST(ConnectionSlots, WithAHigherLimitTellWhoHasAsked) {
  int told = 0;
  ConnectionSlots slots(1, [&] { ++told; });
  Permit a = slots.try_acquire();
  ASSERT_FALSE(slots.acquire_or_ask());
  slots.set_limit(1);
  EXPECT_EQ(told, 0) << "there is no more room than before";
  slots.set_limit(2);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(slots.try_acquire());
  slots.set_limit(5);
  EXPECT_EQ(told, 1) << "nobody has asked since";
}

}  // namespace
}  // namespace weir::admission
