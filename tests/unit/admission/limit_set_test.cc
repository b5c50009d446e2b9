#include "admission/limit_set.h"

#include <gtest/gtest.h>

namespace weir::admission {
namespace {

using std::chrono::seconds;

const base::TimePoint kStart = base::TimePoint(std::chrono::hours(100));

base::Address client(std::uint32_t number) {
  return base::Address::ipv4({htonl(0xc6120000u + number)}, 1234);
}

Gcra per_second(std::uint64_t count, std::uint64_t burst) { return Gcra({count, seconds(1)}, burst); }

TEST(LimitSet, WithoutLimitsAdmitsAnybodyAndNeedNotBeAsked) {
  LimitSet limits({});
  LimitPermits permits;
  EXPECT_FALSE(limits.limits_anything());
  for (std::uint32_t i = 0; i < 1'000; ++i) EXPECT_FALSE(limits.admit(client(i), kStart, permits));
}

TEST(LimitSet, HoldsAsManyConnectionsAsItMayAndAPermitThatComesBackMakesRoom) {
  LimitSettings settings;
  settings.max_connections = 2;
  LimitSet limits(settings);
  LimitPermits a;
  LimitPermits b;
  LimitPermits c;
  EXPECT_FALSE(limits.admit(client(1), kStart, a));
  EXPECT_FALSE(limits.admit(client(2), kStart, b));
  EXPECT_EQ(limits.admit(client(3), kStart, c), Refusal::kListenerConnections);
  a.release();
  EXPECT_FALSE(limits.admit(client(3), kStart, c));
}

TEST(LimitSet, CountsConnectionsWhileTheirNumberIsLimited) {
  LimitSettings settings;
  settings.max_connections = 2;
  LimitSet limits(settings);
  LimitSet free({});
  LimitPermits permits;
  LimitPermits unlimited;
  EXPECT_FALSE(limits.admit(client(1), kStart, permits));
  EXPECT_FALSE(free.admit(client(1), kStart, unlimited));
  EXPECT_EQ(limits.connections(), 1u);
  EXPECT_EQ(free.connections(), 0u);
  permits.release();
  EXPECT_EQ(limits.connections(), 0u);
}

TEST(LimitSet, NamesEachReasonByItself) {
  LimitSettings settings;
  settings.rate = per_second(1, 3);
  settings.client = {1, per_second(1, 2)};
  LimitSet limits(settings);
  LimitPermits permits;
  EXPECT_FALSE(limits.admit(client(1), kStart, permits));
  LimitPermits second;
  EXPECT_EQ(limits.admit(client(1), kStart, second), Refusal::kClientConnections);
  permits.release();
  EXPECT_FALSE(limits.admit(client(1), kStart, permits));
  permits.release();
  EXPECT_EQ(limits.admit(client(1), kStart, permits), Refusal::kClientRate);
  EXPECT_FALSE(limits.admit(client(2), kStart, permits));
  EXPECT_EQ(limits.admit(client(3), kStart, second), Refusal::kRate);
}

// Otherwise those who are refused by the listener's limit would use up what they may themselves.
TEST(LimitSet, ARefusalByALaterLimitCostsTheClientNothing) {
  LimitSettings settings;
  settings.max_connections = 1;
  settings.client = {std::nullopt, per_second(1, 2)};
  LimitSet limits(settings);
  LimitPermits holder;
  ASSERT_FALSE(limits.admit(client(1), kStart, holder));
  for (int i = 0; i < 100; ++i) {
    LimitPermits permits;
    EXPECT_EQ(limits.admit(client(2), kStart, permits), Refusal::kListenerConnections);
    EXPECT_FALSE(permits.client);
    EXPECT_FALSE(permits.listener);
  }
  holder.release();
  for (int i = 0; i < 2; ++i) {
    LimitPermits permits;
    EXPECT_FALSE(limits.admit(client(2), kStart, permits)) << "its whole burst is there";
  }
}

TEST(LimitSet, AFloodingClientUsesUpNothingOfTheListenersRate) {
  LimitSettings settings;
  settings.rate = per_second(1, 10);
  settings.client = {std::nullopt, per_second(1, 1)};
  LimitSet limits(settings);
  std::size_t flooded = 0;
  for (int i = 0; i < 1'000; ++i) {
    LimitPermits permits;
    flooded += limits.admit(client(1), kStart, permits) ? 0 : 1;
  }
  EXPECT_EQ(flooded, 1u);
  for (std::uint32_t i = 2; i <= 10; ++i) {
    LimitPermits permits;
    EXPECT_FALSE(limits.admit(client(i), kStart, permits)) << i;
  }
}

TEST(LimitSet, UndoingGivesEverythingBack) {
  LimitSettings settings;
  settings.max_connections = 1;
  settings.rate = per_second(1, 1);
  settings.client = {1, per_second(1, 1)};
  LimitSet limits(settings);
  for (int i = 0; i < 10; ++i) {
    LimitPermits permits;
    ASSERT_FALSE(limits.admit(client(1), kStart, permits)) << i;
    limits.undo(permits);
  }
}

TEST(LimitSet, AFullTableAdmitsOrRefusesNewClientsAsTold) {
  for (const TableFull table_full : {TableFull::kAdmit, TableFull::kRefuse}) {
    LimitSettings settings;
    settings.client = {10, std::nullopt};
    settings.table.capacity = 16;
    settings.table_full = table_full;
    LimitSet limits(settings);
    std::vector<LimitPermits> held(limits.table()->capacity());
    for (std::uint32_t i = 0; i < held.size(); ++i) ASSERT_FALSE(limits.admit(client(i), kStart, held[i]));
    LimitPermits permits;
    const auto answer = limits.admit(client(1'000), kStart, permits);
    EXPECT_EQ(answer, table_full == TableFull::kAdmit ? std::nullopt : std::optional(Refusal::kTableFull));
    EXPECT_EQ(permits.is_unlimited, table_full == TableFull::kAdmit);
    EXPECT_FALSE(permits.client);
  }
}

TEST(LimitSet, HoldsAsManyRefusedClientsAsItMay) {
  LimitSettings settings;
  settings.tarpit_max = 1;
  LimitSet limits(settings);
  Permit held = limits.hold_refused();
  EXPECT_TRUE(held);
  EXPECT_EQ(limits.held_refused(), 1u);
  EXPECT_FALSE(limits.hold_refused());
  held.release();
  EXPECT_TRUE(limits.hold_refused());
}

std::shared_ptr<LimitSet> in_place_of(const std::shared_ptr<LimitSet>& before,
                                      const LimitSettings& settings) {
  auto limits = std::make_shared<LimitSet>(settings, before);
  limits->take_over(kStart);
  return limits;
}

TEST(LimitSet, InThePlaceOfAnotherCountsTheConnectionsThatThatOneLetIn) {
  LimitSettings settings;
  settings.max_connections = 2;
  const auto before = std::make_shared<LimitSet>(settings);
  LimitPermits a;
  LimitPermits b;
  ASSERT_FALSE(before->admit(client(1), kStart, a));
  ASSERT_FALSE(before->admit(client(2), kStart, b));
  settings.max_connections = 3;
  const auto after = in_place_of(before, settings);
  LimitPermits c;
  LimitPermits d;
  EXPECT_FALSE(after->admit(client(3), kStart, c));
  EXPECT_EQ(after->admit(client(4), kStart, d), Refusal::kListenerConnections);
  EXPECT_EQ(before->admit(client(4), kStart, d), Refusal::kListenerConnections) << "who still asks that one";
  a.release();
  EXPECT_FALSE(after->admit(client(4), kStart, d));
}

TEST(LimitSet, InThePlaceOfAnotherGoesOnWithItsRateAndItsClients) {
  LimitSettings settings;
  settings.rate = per_second(1, 10);
  settings.client = {2, per_second(1, 5)};
  const auto before = std::make_shared<LimitSet>(settings);
  LimitPermits first;
  LimitPermits second;
  ASSERT_FALSE(before->admit(client(1), kStart, first));
  ASSERT_FALSE(before->admit(client(1), kStart, second));
  for (const bool is_same : {true, false}) {
    LimitSettings next = settings;
    if (!is_same) next.rate = per_second(2, 10);
    const auto after = in_place_of(before, next);
    LimitPermits permits;
    EXPECT_EQ(after->admit(client(1), kStart, permits), Refusal::kClientConnections);
    std::vector<LimitPermits> others(20);
    int admitted = 0;
    for (std::uint32_t i = 0; i < 20; ++i)
      admitted += after->admit(client(100 + i), kStart, others[i]) ? 0 : 1;
    // The first of the two shares the word of the one before, so the second finds nothing left.
    EXPECT_EQ(admitted, is_same ? 8 : 0);
  }
}

TEST(LimitSet, ChangesNothingOfTheOneBeforeUntilItTakesOver) {
  LimitSettings settings;
  settings.max_connections = 2;
  settings.client = {2, std::nullopt};
  const auto before = std::make_shared<LimitSet>(settings);
  settings.max_connections = 0;
  settings.client = {0, std::nullopt};
  const auto after = std::make_shared<LimitSet>(settings, before);
  LimitPermits permits;
  EXPECT_FALSE(before->admit(client(1), kStart, permits)) << "the new configuration may yet be refused";
  after->take_over(kStart);
  LimitPermits more;
  EXPECT_EQ(before->admit(client(1), kStart, more), Refusal::kClientConnections);
}

TEST(LimitSet, OfAnotherSizeBeginsWithAnEmptyTableAndOldPermitsComeBackToTheirs) {
  LimitSettings settings;
  settings.client = {1, std::nullopt};
  auto before = std::make_shared<LimitSet>(settings);
  LimitPermits old;
  ASSERT_FALSE(before->admit(client(1), kStart, old));
  settings.table.capacity = 100;
  const auto after = in_place_of(before, settings);
  EXPECT_NE(after->table(), before->table());
  LimitPermits permits;
  EXPECT_FALSE(after->admit(client(1), kStart, permits));
  old.release();
  EXPECT_EQ(before->table()->size(), 0u);
}

TEST(LimitSet, MayGoOnceNothingThatItGaveIsOutButWhatAnotherHasTakenOver) {
  LimitSettings settings;
  settings.max_connections = 10;
  settings.client = {5, std::nullopt};
  settings.tarpit_max = 5;
  auto before = std::make_shared<LimitSet>(settings);
  EXPECT_TRUE(before->nothing_is_out());
  LimitPermits old;
  ASSERT_FALSE(before->admit(client(1), kStart, old));
  EXPECT_FALSE(before->nothing_is_out());
  settings.max_connections = 20;
  const auto shares_all = in_place_of(before, settings);
  EXPECT_TRUE(before->nothing_is_out()) << "all of it is the other's too";
  settings.table.capacity = 100;
  const auto has_another_table = in_place_of(shares_all, settings);
  before.reset();
  EXPECT_FALSE(shares_all->nothing_is_out()) << "the client is in its table only";
  old.release();
  EXPECT_TRUE(shares_all->nothing_is_out());
  Permit held = has_another_table->hold_refused();
  ASSERT_TRUE(held);
  EXPECT_TRUE(shares_all->nothing_is_out());
}

TEST(LimitSet, IsLikeOneOfTheSameSettingsWhateverItHasCounted) {
  LimitSettings settings;
  settings.client = {1, per_second(1, 1)};
  settings.table.seed = 1;
  LimitSet limits(settings);
  LimitPermits permits;
  ASSERT_FALSE(limits.admit(client(1), kStart, permits));
  settings.table.seed = 2;
  EXPECT_TRUE(limits.is_like(settings));
  const auto differs = [&](auto change) {
    LimitSettings other = settings;
    change(other);
    return !limits.is_like(other);
  };
  EXPECT_TRUE(differs([](LimitSettings& other) { other.max_connections = 1; }));
  EXPECT_TRUE(differs([](LimitSettings& other) { other.rate = per_second(1, 1); }));
  EXPECT_TRUE(differs([](LimitSettings& other) { other.client.max_connections = 2; }));
  EXPECT_TRUE(differs([](LimitSettings& other) { other.client = {}; }));
  EXPECT_TRUE(differs([](LimitSettings& other) { other.table.capacity = 100; }));
  EXPECT_TRUE(differs([](LimitSettings& other) { other.table.prefix.ipv4_bits = 24; }));
  EXPECT_TRUE(differs([](LimitSettings& other) { other.table_full = TableFull::kRefuse; }));
  EXPECT_TRUE(differs([](LimitSettings& other) { other.dry_run = true; }));
  EXPECT_TRUE(differs([](LimitSettings& other) { other.tarpit_max = 1; }));
  // Without limits of clients there is no table, and it does not count how it would be.
  LimitSet without({});
  LimitSettings another_table;
  another_table.table.capacity = 100;
  EXPECT_TRUE(without.is_like(another_table));
}

TEST(LimitSet, LimitsThatComeOrGoDoSoWithTheNewOne) {
  const auto before = std::make_shared<LimitSet>(LimitSettings{});
  LimitSettings settings;
  settings.client = {1, std::nullopt};
  settings.rate = per_second(1, 1);
  const auto with = in_place_of(before, settings);
  LimitPermits permits;
  EXPECT_FALSE(with->admit(client(1), kStart, permits));
  LimitPermits more;
  EXPECT_EQ(with->admit(client(1), kStart, more), Refusal::kClientConnections);
  EXPECT_EQ(with->admit(client(2), kStart, more), Refusal::kRate);
  const auto without = in_place_of(with, {});
  EXPECT_FALSE(without->limits_anything());
  EXPECT_FALSE(without->admit(client(1), kStart, more));
}

}  // namespace
}  // namespace weir::admission
