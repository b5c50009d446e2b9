#include "server/listener_tally.h"

#include <gtest/gtest.h>

#include <map>

namespace weir::server {
namespace {

TEST(ListenerTally, HasCountersForEachWorkerThatStayWhereTheyAre) {
  ListenerTally tally;
  session::ListenerCounters& third = tally.of(2);
  third.accepted.add(5);
  tally.of(7).accepted.add(1);
  EXPECT_EQ(&tally.of(2), &third);
  EXPECT_NE(&tally.of(7), &third);
}

TEST(ListenerTally, ShowsThoseOfWorkersThatCountHere) {
  ListenerTally tally;
  tally.of(3).accepted.add(4);
  tally.of(1).accepted.add(2);
  std::map<std::size_t, std::uint64_t> seen;
  tally.each([&](std::size_t worker, const session::ListenerCounters& counters) {
    seen[worker] = counters.accepted.value();
  });
  EXPECT_EQ(seen, (std::map<std::size_t, std::uint64_t>{{1, 2}, {3, 4}}));
}

TEST(ListenerTally, AddsUpWhatIsOpen) {
  ListenerTally tally;
  EXPECT_EQ(tally.open(), 0u);
  tally.of(0).accepted.add(4);
  tally.of(0).closed[0].add(1);
  tally.of(5).accepted.add(2);
  EXPECT_EQ(tally.open(), 5u);
}

}  // namespace
}  // namespace weir::server
