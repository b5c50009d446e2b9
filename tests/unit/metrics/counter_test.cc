#include "metrics/counter.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace weir::metrics {
namespace {

TEST(Counter, IsNeverSeenToGoBackByAReader) {
  Counter counter;
  std::thread writer([&] {
    for (int i = 0; i < 100'000; ++i) counter.add(i % 3 == 0 ? 2 : 1);
  });
  std::uint64_t last = 0;
  bool monotonic = true;
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t now = counter.value();
    monotonic = monotonic && now >= last;
    last = now;
  }
  writer.join();
  EXPECT_TRUE(monotonic);
  EXPECT_EQ(counter.value(), 133'334u);
}

TEST(SharedCounter, LosesNoAdditionOfManyThreads) {
  SharedCounter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25'000; ++i) counter.add(3);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 300'000u);
}

TEST(SharedGauge, ComesBackToZeroWhenAllHaveLeft) {
  SharedGauge gauge;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25'000; ++i) {
        gauge.enter();
        gauge.leave();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(gauge.value(), 0);
  gauge.enter();
  EXPECT_EQ(gauge.value(), 1);
}

}  // namespace
}  // namespace weir::metrics
