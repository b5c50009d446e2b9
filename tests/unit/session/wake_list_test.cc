#include "session/wake_list.h"

#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <thread>

#include "unit/pool/waiting.h"
#include "unit/support.h"

namespace weir::session {
namespace {

using pool::Guest;

class WakeListTest : public testing::Test {
 protected:
  // Notes its number when it is told.
  Guest& guest() {
    Guest& one = guests.emplace_back(list);
    one.then = [this, number = guests.size()] { told += std::to_string(number); };
    return one;
  }
  int pokes = 0;
  std::string told;
  WakeList list{[this] { ++pokes; }};
  std::list<Guest> guests;
};

TEST_F(WakeListTest, TellsEachOnceInTheOrderInWhichTheirWaitsEnded) {
  Guest& first = guest();
  Guest& second = guest();
  Guest& third = guest();
  for (Guest* one : {&third, &first, &second}) list.wake(one->waiter);
  EXPECT_EQ(told, "") << "not before it is asked to";
  list.deliver();
  EXPECT_EQ(told, "312");
  list.deliver();
  EXPECT_EQ(told, "312");
}

TEST_F(WakeListTest, PokesOnlyWhenItWasEmpty) {
  Guest& first = guest();
  Guest& second = guest();
  list.wake(first.waiter);
  list.wake(second.waiter);
  EXPECT_EQ(pokes, 1);
  list.deliver();
  EXPECT_EQ(pokes, 1);
  list.wake(first.waiter);
  EXPECT_EQ(pokes, 2);
}

TEST_F(WakeListTest, TellsABoundedNumberInATurnAndPokesForTheRest) {
  const int count = 2 * WakeList::kMostInATurn + 1;
  int heard = 0;
  for (int i = 0; i < count; ++i) {
    guest().then = [&heard] { ++heard; };
    list.wake(guests.back().waiter);
  }
  EXPECT_EQ(pokes, 1);
  list.deliver();
  EXPECT_EQ(heard, WakeList::kMostInATurn);
  EXPECT_EQ(pokes, 2);
  list.deliver();
  EXPECT_EQ(pokes, 3);
  list.deliver();
  EXPECT_EQ(heard, count);
  EXPECT_EQ(pokes, 3) << "there is nobody left";
}

TEST_F(WakeListTest, TellsNobodyThatItHasForgotten) {
  Guest& first = guest();
  Guest& second = guest();
  list.wake(first.waiter);
  list.wake(second.waiter);
  list.forget(first.waiter);
  list.forget(first.waiter);
  list.deliver();
  EXPECT_EQ(told, "2");
}

TEST_F(WakeListTest, ForgetsOneWhileItTellsAnother) {
  Guest& first = guest();
  Guest& second = guest();
  first.then = [&] { list.forget(second.waiter); };
  list.wake(first.waiter);
  list.wake(second.waiter);
  list.deliver();
  EXPECT_EQ(told, "");
}

TEST_F(WakeListTest, TellsInTheSameGoThoseWhomItsOwnNewsWake) {
  Guest& first = guest();
  Guest& second = guest();
  first.then = [&] {
    told += "1";
    list.wake(second.waiter);
  };
  list.wake(first.waiter);
  list.deliver();
  EXPECT_EQ(told, "12");
}

// Whoever is told may go away for good, and give its place to the next one in the list's own telling.
TEST_F(WakeListTest, HandsAPlaceDownAChainOfSessionsThatGoAtOnce) {
  pool::BackendIdentity identity;
  identity.name = "a";
  identity.most_sessions = 1;
  pool::PoolSettings settings;
  settings.queue_length = 10;
  const auto pool = std::make_shared<pool::Pool>(
      std::move(settings), std::vector{std::make_shared<pool::Backend>(std::move(identity))});
  pool::NoPick why_not = pool::NoPick::kNone;
  pool::Slot holder = pool->pick({0, {}}, why_not);
  for (int i = 0; i < 5; ++i) {
    Guest& one = guest();
    one.then = [this, &one] {
      told += one.at();
      one.slot.release();
    };
    ASSERT_TRUE(one.come(*pool));
  }
  holder.release();
  list.deliver();
  EXPECT_EQ(told, "aaaaa");
  EXPECT_EQ(pool->view().backends[0].in_flight, 0u);
}

TEST(WakeListOfALoop, TellsBeforeWhatIsAskedForLaterIsDoneInTheSameTurn) {
  const auto loop = test::make_loop();
  WakeList list(*loop, [] {});
  Guest guest(list);
  std::vector<bool> was_told;
  loop->at_end_of_turn([&] { was_told.push_back(guest.was_told); });
  test::Driver driver(*loop);
  list.wake(guest.waiter);
  driver.turns(1);
  ASSERT_FALSE(was_told.empty());
  EXPECT_TRUE(was_told.front());
}

TEST(WakeListOfThreads, LosesNoWordThatComesWhileItTellsOthers) {
  constexpr std::size_t kGuests = 5'000;
  std::atomic<int> pokes{0};
  WakeList list{[&pokes] { ++pokes; }};
  std::list<Guest> guests;
  for (std::size_t i = 0; i < kGuests; ++i) guests.emplace_back(list);
  std::vector<std::thread> wakers;
  for (std::size_t t = 0; t < 2; ++t) {
    wakers.emplace_back([&, t] {
      std::size_t i = 0;
      for (Guest& guest : guests) {
        if (i++ % 2 == t) list.wake(guest.waiter);
      }
    });
  }
  // A word that is waiting has always been preceded by a poke that was not answered yet.
  std::size_t told = 0;
  EXPECT_TRUE(test::eventually([&] {
    while (pokes.exchange(0) > 0) list.deliver();
    told = 0;
    for (const Guest& guest : guests) told += guest.was_told ? 1 : 0;
    return told == kGuests;
  })) << told;
  for (std::thread& waker : wakers) waker.join();
}

}  // namespace
}  // namespace weir::session
