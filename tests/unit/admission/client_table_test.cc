#include "admission/client_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

namespace weir::admission {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

base::TimePoint at(nanoseconds since_boot) { return base::TimePoint(since_boot); }

base::Address client(std::uint32_t number) {
  in_addr ip{};
  ip.s_addr = htonl(0x0a00'0000 + number);
  return base::Address::ipv4(ip, 1234);
}

ClientTableSettings room_for(std::uint32_t capacity, std::uint64_t seed = 1) {
  return {.capacity = capacity, .prefix = {}, .seed = seed};
}

Gcra per_second(std::uint64_t count, std::uint64_t burst) { return Gcra({count, seconds(1)}, burst); }

ClientLimits connections(std::uint32_t most) { return {.max_connections = most, .rate = {}}; }
ClientLimits rate(Gcra rule) { return {.max_connections = {}, .rate = rule}; }

// Admits and lets go of the connection at once.
ClientOutcome visit(ClientTable& table, std::uint32_t number, base::TimePoint now) {
  ClientPermit permit;
  return table.admit(client(number), now, permit);
}

TEST(ClientTable, AClientHasNoMoreConnectionsThanItMayAndGetsThemBack) {
  ClientTable table(room_for(10), connections(2));
  const base::TimePoint now = at(seconds(1));
  ClientPermit a;
  ClientPermit b;
  ClientPermit c;
  ClientPermit other;
  EXPECT_EQ(table.admit(client(1), now, a), ClientOutcome::kAdmitted);
  EXPECT_EQ(table.admit(client(1), now, b), ClientOutcome::kAdmitted);
  EXPECT_EQ(table.admit(client(1), now, c), ClientOutcome::kTooManyConnections);
  EXPECT_FALSE(c);
  EXPECT_EQ(table.admit(client(2), now, other), ClientOutcome::kAdmitted);
  a.release();
  a.release();
  EXPECT_FALSE(a);
  EXPECT_EQ(table.admit(client(1), now, c), ClientOutcome::kAdmitted);
  EXPECT_EQ(table.admit(client(1), now, a), ClientOutcome::kTooManyConnections);
}

TEST(ClientTable, AClientThatIsTooFastIsRefusedAndOthersAreNot) {
  ClientTable table(room_for(10), rate(per_second(10, 2)));
  EXPECT_EQ(visit(table, 1, at(seconds(1))), ClientOutcome::kAdmitted);
  EXPECT_EQ(visit(table, 1, at(seconds(1))), ClientOutcome::kAdmitted);
  EXPECT_EQ(visit(table, 1, at(seconds(1))), ClientOutcome::kTooFast);
  EXPECT_EQ(visit(table, 2, at(seconds(1))), ClientOutcome::kAdmitted);
  EXPECT_EQ(visit(table, 1, at(milliseconds(1101))), ClientOutcome::kAdmitted);
  EXPECT_EQ(visit(table, 1, at(milliseconds(1101))), ClientOutcome::kTooFast);
}

TEST(ClientTable, WithoutLimitsClientsAreOnlyCounted) {
  ClientTable table(room_for(10), {});
  std::array<ClientPermit, 100> permits;
  for (ClientPermit& permit : permits) {
    EXPECT_EQ(table.admit(client(1), at(seconds(1)), permit), ClientOutcome::kAdmitted);
  }
  EXPECT_EQ(table.size(), 1u);
  for (ClientPermit& permit : permits) permit.release();
  EXPECT_EQ(table.size(), 0u);
}

TEST(ClientTable, OnePrefixIsOneClientAndSoAreAllUnixSockets) {
  ClientTable table({.capacity = 10, .prefix = {.ipv4_bits = 24, .ipv6_bits = 64}, .seed = 1},
                    connections(1));
  ClientPermit a;
  ClientPermit b;
  EXPECT_EQ(table.admit(client(1), at(seconds(1)), a), ClientOutcome::kAdmitted);
  EXPECT_EQ(table.admit(client(255), at(seconds(1)), b), ClientOutcome::kTooManyConnections);
  EXPECT_EQ(table.admit(client(256), at(seconds(1)), b), ClientOutcome::kAdmitted);
  ClientPermit c;
  EXPECT_EQ(table.admit(base::Address::unix_path(""), at(seconds(1)), c), ClientOutcome::kAdmitted);
  ClientPermit d;
  EXPECT_EQ(table.admit(base::Address::unix_path("/x"), at(seconds(1)), d),
            ClientOutcome::kTooManyConnections);
}

TEST(ClientPermit, MovesTheConnectionAndCountsItOnce) {
  ClientTable table(room_for(10), connections(3));
  {
    ClientPermit a;
    ASSERT_EQ(table.admit(client(1), at(seconds(1)), a), ClientOutcome::kAdmitted);
    ClientPermit b = std::move(a);
    EXPECT_TRUE(b);
    ClientPermit c;
    ASSERT_EQ(table.admit(client(2), at(seconds(1)), c), ClientOutcome::kAdmitted);
    EXPECT_EQ(table.size(), 2u);
    c = std::move(b);
    EXPECT_EQ(table.size(), 1u) << "what it held before is released";
    ClientPermit& alias = c;
    c = std::move(alias);
    EXPECT_TRUE(c);
    EXPECT_EQ(table.size(), 1u);
  }
  EXPECT_EQ(table.size(), 0u);
}

TEST(ClientPermit, ThatHeldAConnectionReleasesItWhenItIsFilledAgain) {
  ClientTable table(room_for(10), connections(1));
  ClientPermit permit;
  ASSERT_EQ(table.admit(client(1), at(seconds(1)), permit), ClientOutcome::kAdmitted);
  ASSERT_EQ(table.admit(client(2), at(seconds(1)), permit), ClientOutcome::kAdmitted);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(visit(table, 1, at(seconds(1))), ClientOutcome::kAdmitted);
}

TEST(ClientPermit, UndoneCountsNeitherAsAConnectionNorTowardsTheRate) {
  ClientTable table(room_for(10), {.max_connections = 1, .rate = per_second(1, 1)});
  for (int i = 0; i < 10; ++i) {
    ClientPermit permit;
    ASSERT_EQ(table.admit(client(1), at(seconds(1)), permit), ClientOutcome::kAdmitted) << i;
    permit.undo();
    EXPECT_FALSE(permit);
    permit.undo();
  }
  EXPECT_EQ(visit(table, 1, at(seconds(1))), ClientOutcome::kAdmitted);
  EXPECT_EQ(visit(table, 1, at(seconds(1))), ClientOutcome::kTooFast);
}

TEST(ClientTable, ARefusalRemembersNobodyNew) {
  ClientTable none(room_for(4), {.max_connections = 0, .rate = per_second(1, 1)});
  EXPECT_EQ(visit(none, 1, at(seconds(1))), ClientOutcome::kTooManyConnections);
  EXPECT_EQ(none.size(), 0u);

  ClientTable table(room_for(1), rate(per_second(1, 1)));
  ClientPermit permit;
  ASSERT_EQ(table.admit(client(1), at(seconds(1)), permit), ClientOutcome::kAdmitted);
  permit.undo();
  EXPECT_EQ(table.size(), 0u) << "refused by another rule";
  ASSERT_EQ(visit(table, 2, at(seconds(1))), ClientOutcome::kAdmitted);
  EXPECT_EQ(visit(table, 3, at(seconds(1))), ClientOutcome::kTableFull);
  EXPECT_EQ(visit(table, 2, at(seconds(1))), ClientOutcome::kTooFast);
  EXPECT_EQ(table.size(), 1u);
}

TEST(ClientTable, IsFullOnlyWhileNobodyCanBeForgotten) {
  ClientTable table(room_for(3), rate(per_second(1, 1)));
  ClientPermit open;
  ASSERT_EQ(table.admit(client(1), at(seconds(10)), open), ClientOutcome::kAdmitted);
  ASSERT_EQ(visit(table, 2, at(milliseconds(10'100))), ClientOutcome::kAdmitted);
  ASSERT_EQ(visit(table, 3, at(milliseconds(10'200))), ClientOutcome::kAdmitted);
  EXPECT_EQ(visit(table, 4, at(milliseconds(11'050))), ClientOutcome::kTableFull) << "1 has a connection";
  EXPECT_EQ(visit(table, 4, at(milliseconds(11'150))), ClientOutcome::kAdmitted) << "2 may go";
  EXPECT_EQ(visit(table, 5, at(milliseconds(11'150))), ClientOutcome::kTableFull);
  EXPECT_EQ(visit(table, 5, at(milliseconds(11'250))), ClientOutcome::kAdmitted) << "3 may go";
  open.release();
  EXPECT_EQ(visit(table, 6, at(milliseconds(11'250))), ClientOutcome::kAdmitted) << "1 may go now";
  EXPECT_EQ(visit(table, 7, at(milliseconds(11'250))), ClientOutcome::kTableFull);
}

TEST(ClientTable, FillingItWithOthersGivesNobodyAFreshStart) {
  constexpr std::uint32_t kRoom = 64;
  ClientTable table(room_for(kRoom), {.max_connections = 2, .rate = per_second(10, 5)});
  nanoseconds now = seconds(1);
  std::array<ClientPermit, 2> held;
  for (ClientPermit& permit : held) {
    ASSERT_EQ(table.admit(client(1), at(now), permit), ClientOutcome::kAdmitted);
  }
  int admitted = 0;  // of a client that always asks for more than it may
  int full = 0;
  const nanoseconds start = now;
  for (std::uint32_t other = 1000; other < 21'000; ++other) {
    now += nanoseconds(500'000);
    if (visit(table, other, at(now)) == ClientOutcome::kTableFull) ++full;
    ASSERT_EQ(visit(table, 1, at(now)), ClientOutcome::kTooManyConnections);
    if (visit(table, 2, at(now)) == ClientOutcome::kAdmitted) ++admitted;
    ASSERT_LE(admitted, 5 + (now - start) / milliseconds(100) + 1);
    ASSERT_LE(table.size(), kRoom);
  }
  EXPECT_GT(full, 0) << "the table was never full: the test shows nothing";
  EXPECT_GT(admitted, 50);
}

TEST(ClientTable, AKnownClientIsServedWhileItIsFull) {
  ClientTable table(room_for(2), connections(2));
  std::array<ClientPermit, 4> permits;
  EXPECT_EQ(table.admit(client(1), at(seconds(1)), permits[0]), ClientOutcome::kAdmitted);
  EXPECT_EQ(table.admit(client(2), at(seconds(1)), permits[1]), ClientOutcome::kAdmitted);
  EXPECT_EQ(table.admit(client(3), at(seconds(1)), permits[2]), ClientOutcome::kTableFull);
  EXPECT_FALSE(permits[2]);
  EXPECT_EQ(table.admit(client(1), at(seconds(1)), permits[3]), ClientOutcome::kAdmitted);
}

TEST(ClientTable, AClockThatLagsLetsNobodyBeForgottenAndComeBackEarlier) {
  ClientTable table(room_for(1), rate(per_second(1, 1)));
  ASSERT_EQ(visit(table, 1, at(seconds(10))), ClientOutcome::kAdmitted);
  // Client 1 is forgotten for the sake of a client that is refused elsewhere.
  ClientPermit permit;
  ASSERT_EQ(table.admit(client(2), at(milliseconds(11'010)), permit), ClientOutcome::kAdmitted);
  permit.undo();
  ASSERT_EQ(visit(table, 1, at(milliseconds(10'990))), ClientOutcome::kAdmitted);
  EXPECT_EQ(visit(table, 1, at(milliseconds(12'000))), ClientOutcome::kTooFast) << "counted from 11.010 s on";
  EXPECT_EQ(visit(table, 1, at(milliseconds(12'020))), ClientOutcome::kAdmitted);
}

TEST(ClientTable, ForgetsPastClientsAsItGoes) {
  ClientTable table(room_for(1000), rate(per_second(1, 1)));
  for (std::uint32_t i = 0; i < 500; ++i)
    ASSERT_EQ(visit(table, i, at(seconds(1))), ClientOutcome::kAdmitted);
  EXPECT_EQ(table.size(), 500u);
  for (std::uint32_t i = 0; i < 250; ++i) {
    ASSERT_EQ(visit(table, 1000, at(seconds(10 + i))), ClientOutcome::kAdmitted);
  }
  EXPECT_EQ(table.size(), 1u);
}

// What the table does, said as plainly as it can be.
class Oracle {
 public:
  Oracle(std::size_t capacity, ClientLimits limits) : capacity_(capacity), limits_(limits) {}

  ClientOutcome admit(std::uint32_t number, base::TimePoint now) {
    std::erase_if(clients_, [&](const auto& entry) {
      const Client& c = entry.second;
      return c.open == 0 && (!limits_.rate || Gcra::is_past(c.arrival, limits_.rate->at(now)));
    });
    const bool known = clients_.contains(number);
    if (!known && limits_.max_connections == 0u) return ClientOutcome::kTooManyConnections;
    if (!known && clients_.size() == capacity_) return ClientOutcome::kTableFull;
    Client& c = clients_[number];
    if (limits_.max_connections && c.open >= *limits_.max_connections)
      return ClientOutcome::kTooManyConnections;
    if (limits_.rate && !limits_.rate->admit(c.arrival, limits_.rate->at(now)))
      return ClientOutcome::kTooFast;
    ++c.open;
    return ClientOutcome::kAdmitted;
  }
  void release(std::uint32_t number) { --clients_.at(number).open; }
  void undo(std::uint32_t number) {
    if (limits_.rate) Gcra::give_back(clients_.at(number).arrival);
    release(number);
  }
  std::size_t size() const { return clients_.size(); }

 private:
  struct Client {
    std::uint32_t open = 0;
    Ticks arrival = 0;
  };
  std::size_t capacity_;
  ClientLimits limits_;
  std::map<std::uint32_t, Client> clients_;
};

struct Held {
  std::uint32_t number;
  ClientPermit permit;
};

using Outcomes = std::array<int, 4>;  // how often each was seen

int& count(Outcomes& outcomes, ClientOutcome outcome) { return outcomes[static_cast<std::size_t>(outcome)]; }

void compare_with_oracle(std::uint32_t capacity, ClientLimits limits, std::uint64_t seed, Outcomes& seen) {
  SCOPED_TRACE("seed " + std::to_string(seed) + ", capacity " + std::to_string(capacity));
  ClientTable table(room_for(capacity, seed), limits);
  Oracle oracle(capacity, limits);
  std::mt19937_64 random(seed);
  std::vector<Held> held;
  nanoseconds now = seconds(100);
  const std::uint64_t clients = capacity * 2 + 1;
  for (int step = 0; step < 20'000; ++step) {
    now += nanoseconds(random() % 400 == 0 ? random() % 3'000'000'000 : random() % 10'000'000);
    // Times of many connections and times of few.
    const bool busy = (step / 1000) % 2 == 0;
    if (!held.empty() && random() % 10 < (busy ? 4u : 6u)) {
      const std::size_t i = random() % held.size();
      std::swap(held[i], held.back());
      if (random() % 4 == 0) {
        oracle.undo(held.back().number);
        held.back().permit.undo();
      } else {
        oracle.release(held.back().number);
      }
      held.pop_back();
      continue;
    }
    const auto number = static_cast<std::uint32_t>(random() % clients);
    ClientPermit permit;
    const ClientOutcome outcome = table.admit(client(number), at(now), permit);
    ASSERT_EQ(outcome, oracle.admit(number, at(now))) << "step " << step;
    ASSERT_EQ(outcome == ClientOutcome::kAdmitted, static_cast<bool>(permit));
    ++count(seen, outcome);
    if (permit) held.push_back({number, std::move(permit)});
    ASSERT_GE(table.size(), oracle.size());
    ASSERT_LE(table.size(), capacity);
  }
  held.clear();
  // Everybody's burst is whole again, and each visit forgets two.
  for (std::uint32_t i = 0; i <= capacity; ++i) {
    now += seconds(1000);
    EXPECT_EQ(visit(table, 1, at(now)), ClientOutcome::kAdmitted);
  }
  EXPECT_LE(table.size(), 1u);
}

TEST(ClientTable, DoesWhatAPlainMapWouldUnderRandomOperations) {
  for (const ClientLimits& limits : {ClientLimits{.max_connections = 3, .rate = per_second(10, 3)},
                                     rate(per_second(3, 2)), connections(2)}) {
    Outcomes seen{};
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      for (const std::uint32_t capacity : {1u, 5u, 40u}) compare_with_oracle(capacity, limits, seed, seen);
    }
    // Every outcome that these limits know was compared.
    EXPECT_GT(count(seen, ClientOutcome::kAdmitted), 10'000);
    EXPECT_GT(count(seen, ClientOutcome::kTableFull), 1000);
    if (limits.rate) {
      EXPECT_GT(count(seen, ClientOutcome::kTooFast), 100);
    }
    if (limits.max_connections) {
      EXPECT_GT(count(seen, ClientOutcome::kTooManyConnections), 100);
    }
  }
}

TEST(ClientTable, HoldsWhatWasAskedForWhateverTheSeed) {
  for (const std::uint32_t capacity : {4096u, 10'000u, 65'536u}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      ClientTable table(room_for(capacity, seed), connections(1));
      std::vector<ClientPermit> permits(capacity);
      for (std::uint32_t i = 0; i < capacity; ++i) {
        ASSERT_EQ(table.admit(client(i), at(seconds(1)), permits[i]), ClientOutcome::kAdmitted)
            << i << " of " << capacity;
      }
      EXPECT_EQ(table.size(), capacity);
    }
  }
}

TEST(ClientTable, ASmallOneIsFullAtTheNumberThatWasAskedFor) {
  ClientTable table(room_for(4095), connections(1));
  EXPECT_EQ(table.capacity(), 4095u);
  std::vector<ClientPermit> permits(4096);
  for (std::uint32_t i = 0; i < 4095; ++i) {
    ASSERT_EQ(table.admit(client(i), at(seconds(1)), permits[i]), ClientOutcome::kAdmitted);
  }
  EXPECT_EQ(table.admit(client(4095), at(seconds(1)), permits[4095]), ClientOutcome::kTableFull);
}

TEST(ClientTable, TakesNoMoreThan64BytesAClientAndAllOfThemAtOnce) {
  ClientTable table(room_for(65'536), {.max_connections = 1, .rate = per_second(1, 1)});
  EXPECT_LE(table.memory_bytes(), 65'536u * 64);
  EXPECT_GE(table.capacity(), 65'536u);
  EXPECT_LE(table.capacity(), 65'536u * 8 / 7);
  const std::size_t before = table.memory_bytes();
  std::size_t full = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    full += visit(table, i, at(seconds(1))) == ClientOutcome::kTableFull ? 1 : 0;
  }
  EXPECT_GT(full, 0u);
  EXPECT_EQ(table.size(), table.capacity());
  EXPECT_EQ(table.memory_bytes(), before);
}

template <class Body>
void on_threads(int count, Body body) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int t = 0; t < count; ++t) threads.emplace_back([&, t] { body(t); });
  for (std::thread& thread : threads) thread.join();
}

TEST(ClientTable, NoClientExceedsItsConnectionsUnderManyThreadsThatPassPermitsOn) {
  constexpr int kThreads = 4;
  constexpr std::uint32_t kClients = 7;
  constexpr std::uint32_t kMost = 3;
  ClientTable table(room_for(5), connections(kMost));
  std::array<std::atomic<std::uint32_t>, kClients> holders{};
  std::atomic<std::uint32_t> most{0};
  std::atomic<int> passed_on{0};
  std::mutex mutex;
  std::vector<Held> given;  // guarded by mutex: taken by any thread, released by any other
  on_threads(kThreads, [&](int thread) {
    std::mt19937_64 random(static_cast<std::uint64_t>(thread));
    for (int i = 0; i < 10'000; ++i) {
      const auto number = static_cast<std::uint32_t>(random() % kClients);
      Held mine{number, {}};
      if (table.admit(client(number), at(seconds(1)), mine.permit) == ClientOutcome::kAdmitted) {
        const std::uint32_t now = holders[number].fetch_add(1) + 1;
        std::uint32_t seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
      }
      std::optional<Held> theirs;
      {
        const std::lock_guard lock(mutex);
        if (mine.permit) given.push_back(std::move(mine));
        if (given.size() > random() % 8) {
          theirs.emplace(std::move(given.front()));
          given.erase(given.begin());
        }
      }
      if (!theirs) continue;
      passed_on.fetch_add(1);
      holders[theirs->number].fetch_sub(1);
      if (random() % 3 == 0) theirs->permit.undo();
    }
  });
  EXPECT_GT(passed_on.load(), 1000);
  EXPECT_LE(most.load(), kMost);
  given.clear();
  EXPECT_EQ(table.size(), 0u) << "every count is back to zero";
}

TEST(ClientTable, ThreadsTogetherAdmitOfEachClientExactlyItsBurst) {
  constexpr std::uint32_t kClients = 50;
  ClientTable table(room_for(kClients), rate(per_second(1, 20)));
  std::array<std::atomic<int>, kClients> admitted{};
  on_threads(4, [&](int thread) {
    std::mt19937_64 random(static_cast<std::uint64_t>(thread));
    for (int i = 0; i < 10'000; ++i) {
      const auto number = static_cast<std::uint32_t>(random() % kClients);
      ClientPermit permit;
      if (table.admit(client(number), at(seconds(1)), permit) != ClientOutcome::kAdmitted) continue;
      if (random() % 4 == 0) {
        permit.undo();
      } else {
        admitted[number].fetch_add(1);
      }
    }
  });
  // An admission that is undone a little later may have cost another thread one: what is left is there.
  for (std::uint32_t number = 0; number < kClients; ++number) {
    while (visit(table, number, at(seconds(1))) == ClientOutcome::kAdmitted) admitted[number].fetch_add(1);
    EXPECT_EQ(admitted[number].load(), 20) << number;
  }
}

TEST(ClientTable, OverflowingItFromManyThreadsKeepsItsBound) {
  constexpr std::uint32_t kRoom = 100;
  ClientTable table(room_for(kRoom), {.max_connections = 2, .rate = per_second(1000, 1)});
  std::atomic<std::int64_t> clock{1'000'000'000};
  std::atomic<int> full{0};
  std::atomic<int> admitted{0};
  on_threads(4, [&](int thread) {
    std::mt19937_64 random(static_cast<std::uint64_t>(thread));
    std::vector<ClientPermit> held(20);
    for (int i = 0; i < 10'000; ++i) {
      const nanoseconds now(clock.fetch_add(5'000));
      const auto number = static_cast<std::uint32_t>(random() % 1000);
      const ClientOutcome outcome = table.admit(client(number), at(now), held[random() % held.size()]);
      if (outcome == ClientOutcome::kTableFull) full.fetch_add(1);
      if (outcome == ClientOutcome::kAdmitted) admitted.fetch_add(1);
      if (i % 100 == 0) {
        EXPECT_LE(table.size(), kRoom);
      }
    }
  });
  EXPECT_GT(full.load(), 0);
  EXPECT_GT(admitted.load(), 1000);
  const base::TimePoint later = at(nanoseconds(clock.load()) + seconds(10));
  for (std::uint32_t i = 0; i < kRoom; ++i) {
    EXPECT_EQ(visit(table, 5000 + i, later), ClientOutcome::kAdmitted) << "nobody is stuck in the table";
  }
}

TEST(ClientTable, WithOtherLimitsKeepsWhatClientsHaveOpen) {
  ClientTable table(room_for(10), connections(3));
  const base::TimePoint now = at(seconds(100));
  std::vector<ClientPermit> permits(3);
  for (ClientPermit& permit : permits)
    ASSERT_EQ(table.admit(client(1), now, permit), ClientOutcome::kAdmitted);
  table.change(connections(4), now);
  ClientPermit fourth;
  EXPECT_EQ(table.admit(client(1), now, fourth), ClientOutcome::kAdmitted);
  EXPECT_EQ(visit(table, 1, now), ClientOutcome::kTooManyConnections);
  table.change(connections(1), now);
  EXPECT_EQ(visit(table, 1, now), ClientOutcome::kTooManyConnections);
  fourth.release();
  for (ClientPermit& permit : permits) permit.release();
  EXPECT_EQ(visit(table, 1, now), ClientOutcome::kAdmitted);
}

TEST(ClientTable, WithAnotherRateKeepsWhatEachClientHasUsedUp) {
  ClientTable table(room_for(10), rate(per_second(1, 10)));
  const base::TimePoint now = at(seconds(100));
  for (int i = 0; i < 7; ++i) ASSERT_EQ(visit(table, 1, now), ClientOutcome::kAdmitted);
  table.change(rate(per_second(1'000, 10)), now);
  int admitted = 0;
  while (visit(table, 1, now) == ClientOutcome::kAdmitted) ++admitted;
  EXPECT_EQ(admitted, 3);
  EXPECT_EQ(visit(table, 2, now), ClientOutcome::kAdmitted) << "it is not the others' doing";
  EXPECT_EQ(visit(table, 1, now + seconds(1)), ClientOutcome::kAdmitted);
}

TEST(ClientTable, WithoutARateAndWithOneAgainClientsBeginFresh) {
  ClientTable table(room_for(10), rate(per_second(1, 2)));
  const base::TimePoint now = at(seconds(100));
  for (int i = 0; i < 2; ++i) ASSERT_EQ(visit(table, 1, now), ClientOutcome::kAdmitted);
  ASSERT_EQ(visit(table, 1, now), ClientOutcome::kTooFast);
  table.change(connections(5), now);
  EXPECT_EQ(visit(table, 1, now), ClientOutcome::kAdmitted);
  table.change(rate(per_second(1, 2)), now);
  EXPECT_EQ(visit(table, 1, now), ClientOutcome::kAdmitted);
}

TEST(ClientTable, ForgetsThoseWhoAreDueByTheNewRate) {
  ClientTable table(room_for(4), rate(per_second(1, 10)));
  base::TimePoint now = at(seconds(100));
  for (std::uint32_t number = 1; number <= 4; ++number) {
    for (std::uint32_t i = 0; i < number; ++i) ASSERT_EQ(visit(table, number, now), ClientOutcome::kAdmitted);
  }
  EXPECT_EQ(visit(table, 5, now), ClientOutcome::kTableFull);
  table.change(rate(per_second(1'000, 10)), now);
  // The first of them lacks one, which is there again after a millisecond.
  now += milliseconds(2);
  EXPECT_EQ(visit(table, 5, now), ClientOutcome::kAdmitted);
  now += milliseconds(10);
  for (std::uint32_t number = 6; number <= 9; ++number) {
    EXPECT_EQ(visit(table, number, now), ClientOutcome::kAdmitted);
    now += milliseconds(2);
  }
}

TEST(ClientTable, IsLikeOneOfTheSameSizeAndPrefixes) {
  const ClientTable table(room_for(10), connections(1));
  EXPECT_TRUE(table.is_like(room_for(10, 99)));
  EXPECT_FALSE(table.is_like(room_for(11)));
  ClientTableSettings wider = room_for(10);
  wider.prefix.ipv6_bits = 48;
  EXPECT_FALSE(table.is_like(wider));
}

}  // namespace
}  // namespace weir::admission
