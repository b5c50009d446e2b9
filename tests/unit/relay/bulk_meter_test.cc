#include "relay/bulk_meter.h"

#include <gtest/gtest.h>

namespace weir::relay {
namespace {

void move(BulkMeter& meter, std::uint64_t bytes, int turns) {
  for (int i = 0; i < turns; ++i) meter.moved(bytes);
}

TEST(BulkMeter, BeginsAfterAQuarterOfAMebibyteWithoutPause) {
  BulkMeter meter;
  move(meter, 64 * 1024, 3);
  EXPECT_FALSE(meter.is_bulk());
  move(meter, 64 * 1024, 1);
  EXPECT_TRUE(meter.is_bulk());
}

TEST(BulkMeter, TakesMessagesForNoBulkHoweverManyThereAre) {
  BulkMeter meter;
  move(meter, BulkMeter::kBusyTurn - 1, 100'000);
  EXPECT_FALSE(meter.is_bulk());
}

TEST(BulkMeter, CountsAnewAfterAPause) {
  BulkMeter meter;
  move(meter, 128 * 1024, 1);
  move(meter, 100, 1);
  move(meter, 128 * 1024, 1);
  EXPECT_FALSE(meter.is_bulk());
}

TEST(BulkMeter, EndsAfterAFewSmallTurnsOnEndAndMayBeginAgain) {
  BulkMeter meter;
  move(meter, 1 << 30, 1);
  ASSERT_TRUE(meter.is_bulk());
  move(meter, 0, BulkMeter::kEndAfter - 1);
  move(meter, BulkMeter::kBusyTurn, 1);
  move(meter, 0, BulkMeter::kEndAfter - 1);
  EXPECT_TRUE(meter.is_bulk());
  move(meter, 0, 1);
  EXPECT_FALSE(meter.is_bulk());
  move(meter, 0, 1'000);
  move(meter, BulkMeter::kBusyTurn, 7);
  EXPECT_FALSE(meter.is_bulk());
  move(meter, BulkMeter::kBusyTurn, 1);
  EXPECT_TRUE(meter.is_bulk());
}

}  // namespace
}  // namespace weir::relay
