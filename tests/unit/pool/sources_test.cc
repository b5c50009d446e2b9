#include "pool/sources.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

namespace weir::pool {
namespace {

using std::chrono::milliseconds;

std::vector<base::Address> addresses(const std::vector<std::string>& hosts) {
  std::vector<base::Address> list;
  for (const std::string& host : hosts) list.push_back(*base::parse_address(host + ":0"));
  return list;
}

std::string name_of(const PortCounters& counters) {
  return counters.source() ? counters.source()->ip_to_string() : "any";
}

using Names = std::vector<std::string>;

Names names(SourceTurn::Order order) {
  Names list;
  while (const auto* counters = order.next()) list.push_back(name_of(**counters));
  return list;
}

constexpr base::TimePoint kStart(std::chrono::seconds(1'000));

TEST(SourceTurn, GivesEachOnceBeginningWithTheNextInTurn) {
  SourceTurn turn(addresses({"192.0.2.1", "192.0.2.2", "192.0.2.3"}), AF_INET);
  EXPECT_EQ(names(turn.order(kStart)), (Names{"192.0.2.1", "192.0.2.2", "192.0.2.3"}));
  EXPECT_EQ(names(turn.order(kStart)), (Names{"192.0.2.2", "192.0.2.3", "192.0.2.1"}));
  EXPECT_EQ(names(turn.order(kStart)), (Names{"192.0.2.3", "192.0.2.1", "192.0.2.2"}));
  EXPECT_EQ(names(turn.order(kStart)), (Names{"192.0.2.1", "192.0.2.2", "192.0.2.3"}));
}

TEST(SourceTurn, GivesThoseOfTheBackendsFamily) {
  const auto both = addresses({"192.0.2.1", "[2001:db8::1]", "192.0.2.2", "[2001:db8::2]"});
  SourceTurn v4(both, AF_INET);
  SourceTurn v6(both, AF_INET6);
  EXPECT_EQ(names(v4.order(kStart)), (Names{"192.0.2.1", "192.0.2.2"}));
  EXPECT_EQ(names(v6.order(kStart)), (Names{"2001:db8::1", "2001:db8::2"}));
}

TEST(SourceTurn, LeavesTheChoiceToTheKernelWhereNoSourceFits) {
  SourceTurn none({}, AF_INET);
  EXPECT_EQ(names(none.order(kStart)), Names{"any"});
  EXPECT_EQ(names(none.order(kStart)), Names{"any"});
  SourceTurn other(addresses({"192.0.2.1"}), AF_INET6);
  EXPECT_EQ(names(other.order(kStart)), Names{"any"});
  ASSERT_EQ(other.all().size(), 1u);
  EXPECT_EQ(other.all()[0]->source(), std::nullopt);
}

TEST(SourceTurn, LeavesThoseOutThatWereLatelyFoundDry) {
  SourceTurn turn(addresses({"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}), AF_INET);
  turn.all()[0]->found_dry(kStart);
  turn.all()[2]->found_dry(kStart);
  EXPECT_EQ(names(turn.order(kStart)), (Names{"192.0.2.2", "192.0.2.4"}));
  const base::TimePoint before = kStart + PortCounters::kDryPause - milliseconds(1);
  EXPECT_EQ(names(turn.order(before)), (Names{"192.0.2.2", "192.0.2.4"}));
  const base::TimePoint after = kStart + PortCounters::kDryPause;
  EXPECT_EQ(names(turn.order(after)), (Names{"192.0.2.3", "192.0.2.4", "192.0.2.1", "192.0.2.2"}));
  EXPECT_EQ(turn.all()[0]->dry_total(), 1u);
  EXPECT_EQ(turn.all()[1]->dry_total(), 0u);
}

TEST(SourceTurn, HasNoneToTryWhileAllAreInTheirPause) {
  SourceTurn turn(addresses({"192.0.2.1", "192.0.2.2"}), AF_INET);
  for (const auto& counters : turn.all()) counters->found_dry(kStart);
  EXPECT_EQ(names(turn.order(kStart)), Names{});
  EXPECT_EQ(names(turn.order(kStart + PortCounters::kDryPause)).size(), 2u);
}

TEST(SourceTurn, CountsAsDryThoseThatWereNotAskedForAConnectionThatCameToNothing) {
  SourceTurn turn(addresses({"192.0.2.1", "192.0.2.2"}), AF_INET);
  turn.all()[0]->found_dry(kStart);
  const SourceTurn::Order order = turn.order(kStart);
  EXPECT_EQ(turn.all()[0]->dry_total(), 1u) << "that it was left out is nothing yet";
  order.came_to_nothing();
  EXPECT_EQ(turn.all()[0]->dry_total(), 2u);
  EXPECT_EQ(turn.all()[1]->dry_total(), 0u);
  EXPECT_FALSE(turn.all()[0]->is_in_pause(kStart + PortCounters::kDryPause))
      << "and it is put off no further";
}

// One that is found dry while the order is gone through is neither given twice nor left out.
TEST(SourceTurn, GivesEachOnceWhateverHappensMeanwhile) {
  SourceTurn turn(addresses({"192.0.2.1", "192.0.2.2", "192.0.2.3"}), AF_INET);
  turn.all()[1]->found_dry(kStart);
  SourceTurn::Order order = turn.order(kStart);
  Names list;
  while (const auto* counters = order.next()) {
    list.push_back(name_of(**counters));
    for (const auto& each : turn.all()) each->found_dry(kStart);
  }
  EXPECT_EQ(list, (Names{"192.0.2.1", "192.0.2.3"}));
}

TEST(SourceTurn, TakesAsManyAsItSays) {
  std::vector<std::string> hosts;
  for (std::size_t i = 0; i < SourceTurn::kMost; ++i) hosts.push_back("192.0.2." + std::to_string(i + 1));
  SourceTurn turn(addresses(hosts), AF_INET);
  const Names list = names(turn.order(kStart));
  EXPECT_EQ(list, hosts);
  EXPECT_EQ(std::set<std::string>(list.begin(), list.end()).size(), SourceTurn::kMost);
  turn.all()[SourceTurn::kMost - 1]->found_dry(kStart);
  hosts.pop_back();
  const Names others = names(turn.order(kStart));
  EXPECT_EQ(std::set<std::string>(others.begin(), others.end()),
            std::set<std::string>(hosts.begin(), hosts.end()));
}

TEST(SourceTurn, IsExactOverThreads) {
  SourceTurn turn(addresses({"192.0.2.1", "192.0.2.2", "192.0.2.3"}), AF_INET);
  std::map<std::string, int> first;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::map<std::string, int> mine;
      for (int i = 0; i < 2'500; ++i) ++mine[names(turn.order(kStart)).front()];
      const std::lock_guard lock(mutex);
      for (const auto& [name, count] : mine) first[name] += count;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(first,
            (std::map<std::string, int>{{"192.0.2.1", 3'334}, {"192.0.2.2", 3'333}, {"192.0.2.3", 3'333}}));
}

TEST(SourceTurn, KeepsTheCountersOfASourceThatStays) {
  SourceTurn before(addresses({"192.0.2.1", "192.0.2.2"}), AF_INET);
  const SourceTurn after(addresses({"192.0.2.2", "192.0.2.3"}), AF_INET, &before);
  EXPECT_EQ(after.all()[0], before.all()[1]);
  EXPECT_NE(after.all()[1], before.all()[0]);
  EXPECT_EQ(name_of(*after.all()[1]), "192.0.2.3");
  const SourceTurn none({}, AF_INET, &before);
  EXPECT_EQ(name_of(*none.all()[0]), "any");
  const SourceTurn still_none({}, AF_INET, &none);
  EXPECT_EQ(still_none.all()[0], none.all()[0]);
}

TEST(PortHold, CountsAsLongAsItLives) {
  const auto counters = std::make_shared<PortCounters>(std::nullopt);
  {
    const PortHold one(counters);
    EXPECT_EQ(counters->open(), 1u);
    PortHold two(counters);
    EXPECT_EQ(counters->open(), 2u);
    two.release();
    EXPECT_EQ(counters->open(), 1u);
    EXPECT_FALSE(two);
    two.release();
    EXPECT_EQ(counters->open(), 1u) << "once";
  }
  EXPECT_EQ(counters->open(), 0u);
  EXPECT_EQ(counters->opened_total(), 2u);
}

TEST(PortHold, EndsThePauseOfItsSourceWhenItsPortIsFree) {
  SourceTurn turn(addresses({"192.0.2.1", "192.0.2.2"}), AF_INET);
  PortHold first(turn.all()[0]);
  PortHold second(turn.all()[0]);
  for (const auto& counters : turn.all()) counters->found_dry(kStart);
  first.release();
  EXPECT_EQ(names(turn.order(kStart)), Names{}) << "it may be in TIME_WAIT";
  second.give_back();
  EXPECT_FALSE(second);
  EXPECT_EQ(names(turn.order(kStart)), Names{"192.0.2.1"});
  EXPECT_EQ(turn.all()[0]->open(), 0u);
  second.give_back();
  turn.all()[0]->found_dry(kStart);
  second.give_back();
  EXPECT_EQ(names(turn.order(kStart)), Names{}) << "it had nothing more to give";
}

TEST(PortHold, IsOneHoldHoweverOftenItIsMoved) {
  const auto a = std::make_shared<PortCounters>(std::nullopt);
  const auto b = std::make_shared<PortCounters>(std::nullopt);
  PortHold first(a);
  PortHold second(std::move(first));
  EXPECT_FALSE(first);
  EXPECT_EQ(a->open(), 1u);
  PortHold third(b);
  third = std::move(second);
  EXPECT_EQ(b->open(), 0u) << "what was held before is given up";
  EXPECT_EQ(a->open(), 1u);
  EXPECT_EQ(third.counters(), a);
  PortHold& itself = third;
  third = std::move(itself);
  EXPECT_TRUE(third);
  third = PortHold();
  EXPECT_EQ(a->open(), 0u);
  EXPECT_EQ(a->opened_total(), 1u);
}

TEST(PortHold, OutlivesTheSourceThatItWasTakenFrom) {
  PortHold hold;
  std::weak_ptr<PortCounters> counters;
  {
    SourceTurn turn(addresses({"192.0.2.1"}), AF_INET);
    counters = turn.all()[0];
    hold = PortHold(turn.all()[0]);
  }
  ASSERT_FALSE(counters.expired());
  EXPECT_EQ(counters.lock()->open(), 1u);
  hold.release();
  EXPECT_TRUE(counters.expired());
}

TEST(PortHold, IsCountedExactlyOverThreads) {
  const auto counters = std::make_shared<PortCounters>(std::nullopt);
  std::vector<std::thread> threads;
  std::vector<PortHold> kept(4);
  for (PortHold& keep : kept) {
    threads.emplace_back([&counters, &keep] {
      for (int i = 0; i < 2'000; ++i) keep = PortHold(counters);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counters->open(), 4u);
  EXPECT_EQ(counters->opened_total(), 8'000u);
}

}  // namespace
}  // namespace weir::pool
