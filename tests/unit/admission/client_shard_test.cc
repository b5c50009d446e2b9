#include "admission/client_shard.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace weir::admission {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::uint64_t kSeed = 7;

base::TimePoint at(nanoseconds since_boot) { return base::TimePoint(since_boot); }

ClientShard::Admission admit(ClientShard& shard, std::uint8_t number, nanoseconds now) {
  const ClientKey key{0, number};
  return shard.admit(key, hash(key, kSeed), at(now));
}

// One connection a second, remembered for a second.
ClientLimits one_a_second(std::uint64_t burst = 1) {
  return {.max_connections = {}, .rate = Gcra({1, seconds(1)}, burst)};
}

TEST(ClientShard, AnAdmittedClientKeepsItsEntryWhileOthersComeAndGo) {
  ClientShard shard(10, {}, kSeed);
  const auto first = admit(shard, 1, seconds(1));
  ASSERT_EQ(first.outcome, ClientOutcome::kAdmitted);
  for (std::uint8_t i = 2; i < 200; ++i) {
    const auto other = admit(shard, i, seconds(i));
    ASSERT_EQ(other.outcome, ClientOutcome::kAdmitted);
    EXPECT_NE(other.entry, first.entry);
    shard.release(other.entry);
  }
  EXPECT_EQ(admit(shard, 1, seconds(200)).entry, first.entry);
}

TEST(ClientShard, AsManyAsCanBeForgottenMakeRoomAtOnePointOfTime) {
  constexpr std::uint8_t kRoom = 100;
  ClientShard shard(kRoom, one_a_second(), kSeed);
  for (std::uint8_t i = 0; i < kRoom; ++i) shard.release(admit(shard, i, seconds(1)).entry);
  EXPECT_EQ(shard.size(), kRoom);
  EXPECT_EQ(admit(shard, 200, milliseconds(1900)).outcome, ClientOutcome::kTableFull);
  for (std::uint8_t i = kRoom; i < 2 * kRoom; ++i) {
    EXPECT_EQ(admit(shard, i, seconds(3)).outcome, ClientOutcome::kAdmitted) << int{i};
  }
  EXPECT_EQ(admit(shard, 200, seconds(3)).outcome, ClientOutcome::kTableFull);
}

// All but the last have connections again when the time comes at which they could have been forgotten.
TEST(ClientShard, WhoHasConnectionsAgainIsPassedOverUntilSomebodyCanBeForgotten) {
  constexpr std::uint8_t kRoom = 50;
  ClientShard shard(kRoom, one_a_second(2), kSeed);
  std::vector<std::uint32_t> open;
  for (std::uint8_t i = 0; i < kRoom; ++i) shard.release(admit(shard, i, milliseconds(1000 + i)).entry);
  for (std::uint8_t i = 0; i + 1 < kRoom; ++i) {
    const auto again = admit(shard, i, milliseconds(1100));
    ASSERT_EQ(again.outcome, ClientOutcome::kAdmitted);
    open.push_back(again.entry);
  }
  EXPECT_EQ(admit(shard, 100, seconds(5)).outcome, ClientOutcome::kAdmitted) << "in the place of the last";
  EXPECT_EQ(admit(shard, 101, seconds(5)).outcome, ClientOutcome::kTableFull);
  for (const std::uint32_t entry : open) shard.release(entry);
  for (std::uint8_t i = 0; i + 1 < kRoom; ++i) {
    EXPECT_EQ(admit(shard, static_cast<std::uint8_t>(101 + i), seconds(5)).outcome, ClientOutcome::kAdmitted);
  }
}

TEST(ClientShard, WhoWasAdmittedMeanwhileWaitsAnew) {
  ClientShard shard(1, one_a_second(3), kSeed);
  shard.release(admit(shard, 1, seconds(10)).entry);
  shard.release(admit(shard, 1, milliseconds(10'500)).entry);
  EXPECT_EQ(admit(shard, 2, milliseconds(11'500)).outcome, ClientOutcome::kTableFull);
  EXPECT_EQ(admit(shard, 2, milliseconds(11'990)).outcome, ClientOutcome::kTableFull);
  EXPECT_EQ(admit(shard, 2, milliseconds(12'010)).outcome, ClientOutcome::kAdmitted);
}

TEST(ClientShard, TakesLittleMoreThanItsEntriesNeed) {
  const ClientShard shard(1000, one_a_second(), kSeed);
  EXPECT_EQ(shard.capacity(), 1000u);
  EXPECT_GE(shard.memory_bytes(), 1000u * 56);
  EXPECT_LE(shard.memory_bytes(), 1000u * 56 + 512);
}

}  // namespace
}  // namespace weir::admission
