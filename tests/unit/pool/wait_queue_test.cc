#include "pool/wait_queue.h"

#include <gtest/gtest.h>

#include <list>
#include <random>

#include "unit/pool/waiting.h"

namespace weir::pool {
namespace {

std::vector<const Waiter*> all_of(const WaitQueue& queue) {
  std::vector<const Waiter*> all;
  for (const Waiter* at = queue.first(); at != nullptr; at = WaitQueue::after(*at)) all.push_back(at);
  return all;
}

class WaitQueueTest : public testing::Test {
 protected:
  WaitQueueTest() {
    for (int i = 0; i < 5; ++i) guests.emplace_back(bell);
    for (Guest& guest : guests) waiters.push_back(&guest.waiter);
  }
  std::vector<const Waiter*> these(std::initializer_list<std::size_t> positions) const {
    std::vector<const Waiter*> some;
    for (const std::size_t at : positions) some.push_back(waiters[at]);
    return some;
  }
  Bell bell;
  std::list<Guest> guests;
  std::vector<Waiter*> waiters;
  WaitQueue queue;
};

TEST_F(WaitQueueTest, KeepsTheOrderOfComing) {
  EXPECT_TRUE(queue.empty());
  for (const std::size_t i : {2u, 0u, 1u}) queue.push(*waiters[i]);
  EXPECT_EQ(all_of(queue), these({2, 0, 1}));
  EXPECT_EQ(queue.size(), 3u);
}

TEST_F(WaitQueueTest, LetsAnyoneGoFromAnyPlace) {
  for (Waiter* waiter : waiters) queue.push(*waiter);
  queue.remove(*waiters[2]);
  EXPECT_EQ(all_of(queue), these({0, 1, 3, 4}));
  queue.remove(*waiters[0]);
  EXPECT_EQ(all_of(queue), these({1, 3, 4}));
  queue.remove(*waiters[4]);
  EXPECT_EQ(all_of(queue), these({1, 3}));
  queue.push(*waiters[0]);
  EXPECT_EQ(all_of(queue), these({1, 3, 0})) << "who comes again stands at the end";
  for (const std::size_t i : {1u, 3u, 0u}) queue.remove(*waiters[i]);
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.first(), nullptr);
}

TEST_F(WaitQueueTest, LetsOneThatComesAgainStandBeforeThoseWhoCameAfterIt) {
  for (Waiter* waiter : waiters) queue.push(*waiter);
  for (const std::size_t i : {0u, 1u, 2u}) queue.remove(*waiters[i]);
  queue.push(*waiters[1], true);
  EXPECT_EQ(all_of(queue), these({1, 3, 4}));
  queue.push(*waiters[2], true);
  EXPECT_EQ(all_of(queue), these({1, 2, 3, 4}));
  for (const std::size_t i : {1u, 2u, 3u, 4u}) queue.remove(*waiters[i]);
  queue.push(*waiters[3], true);
  EXPECT_EQ(all_of(queue), these({3}));
  queue.push(*waiters[4], true);
  EXPECT_EQ(all_of(queue), these({3, 4}));
  queue.push(*waiters[0]);
  EXPECT_EQ(all_of(queue), these({3, 4, 0})) << "who comes anew stands at the end";
}

TEST_F(WaitQueueTest, StandsLikeAListAfterManyRandomMoves) {
  std::mt19937 random(1);
  std::vector<const Waiter*> model;
  for (int step = 0; step < 10'000; ++step) {
    Waiter* waiter = waiters[random() % waiters.size()];
    const auto found = std::find(model.begin(), model.end(), waiter);
    if (found == model.end()) {
      queue.push(*waiter);
      model.push_back(waiter);
    } else {
      queue.remove(*waiter);
      model.erase(found);
    }
    ASSERT_EQ(all_of(queue), model);
    ASSERT_EQ(queue.size(), model.size());
  }
}

}  // namespace
}  // namespace weir::pool
