// What a client's admission and the end of its connection cost, among 65 536 known clients in random order,
// alone and with other threads in the same table; and what an attack costs that keeps the table full. The
// clock is not read: a gate reads it once for all its rules.
#include <benchmark/benchmark.h>

#include <chrono>
#include <random>
#include <vector>

#include "admission/client_table.h"

namespace weir::admission {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::uint32_t kClients = 65'536;
constexpr base::TimePoint kStart{seconds(1000)};

base::Address client(std::uint32_t number) {
  in_addr ip{};
  ip.s_addr = htonl(0x0a00'0000 + number);
  return base::Address::ipv4(ip, 1234);
}

ClientTableSettings settings() { return {.capacity = kClients, .prefix = {}, .seed = 0x5eed}; }

// A table that knows all clients: each has one connection, which stays.
struct Filled {
  explicit Filled(ClientLimits limits) : table(settings(), limits), permits(kClients) {
    for (std::uint32_t i = 0; i < kClients; ++i) {
      static_cast<void>(table.admit(client(i), base::TimePoint(seconds(1)), permits[i]));
    }
  }
  ClientTable table;
  std::vector<ClientPermit> permits;
};

// Random without the cost of a good generator in the loop.
struct Order {
  explicit Order(int thread) : state(static_cast<std::uint32_t>(thread) * 2'654'435'761u + 1) {}
  std::uint32_t next() {
    state = state * 1'664'525u + 1'013'904'223u;
    return (state >> 8) % kClients;
  }
  std::uint32_t state;
};

// From one admission to the next, of whichever thread, `step` passes. `start` goes on from one run to the
// next, as the table remembers.
void admit_and_release(benchmark::State& state, ClientTable& table, base::TimePoint& start,
                       nanoseconds step) {
  Order order(state.thread_index());
  base::TimePoint now = start;
  const nanoseconds own_step = step * state.threads();
  std::size_t refused = 0;
  for (auto _ : state) {
    now += own_step;
    ClientPermit permit;
    if (table.admit(client(order.next()), now, permit) != ClientOutcome::kAdmitted) ++refused;
  }
  state.counters["refused"] =
      benchmark::Counter(static_cast<double>(refused) / static_cast<double>(state.iterations()),
                         benchmark::Counter::kAvgThreads);
  if (state.thread_index() != 0) return;
  start = now;
  state.counters["bytes_per_client"] = static_cast<double>(table.memory_bytes()) / kClients;
}

// Each client has other connections beside.
void client_table_known_client(benchmark::State& state) {
  static Filled filled({.max_connections = 1000, .rate = Gcra({1'000'000, seconds(1)}, 1'000'000)});
  static base::TimePoint start = kStart;
  admit_and_release(state, filled.table, start, nanoseconds(500));
}
BENCHMARK(client_table_known_client)->ThreadRange(1, 4)->UseRealTime();

// Each connection is its client's only one. A client comes every thirteen seconds or so and is remembered for
// ten, so that nearly as many clients as the table is meant for wait to be forgotten at any time.
void client_table_client_without_connections(benchmark::State& state) {
  static ClientTable table(settings(),
                           {.max_connections = 1000, .rate = Gcra({6, base::Rate{}.period * 60}, 100)});
  static base::TimePoint start = kStart;
  admit_and_release(state, table, start, microseconds(200));
}
BENCHMARK(client_table_client_without_connections)->ThreadRange(1, 4)->UseRealTime();

// Without a rate nothing is remembered: each admission takes a place and each release frees it.
void client_table_comes_and_goes(benchmark::State& state) {
  static ClientTable table(settings(), {.max_connections = 1000, .rate = {}});
  static base::TimePoint start = kStart;
  admit_and_release(state, table, start, nanoseconds(500));
}
BENCHMARK(client_table_comes_and_goes)->ThreadRange(1, 4)->UseRealTime();

// Unknown clients at a table in which everybody has a connection.
void client_table_full_of_connections(benchmark::State& state) {
  static std::vector<ClientPermit> permits;
  static ClientTable& table = *[] {
    auto* made = new ClientTable(settings(), {.max_connections = 10, .rate = Gcra({1, seconds(1)}, 1)});
    permits.resize(2 * kClients);
    for (std::uint32_t i = 0; i < permits.size(); ++i) {
      static_cast<void>(made->admit(client(i), base::TimePoint(seconds(1)), permits[i]));
    }
    return made;
  }();
  Order order(state.thread_index());
  base::TimePoint now{seconds(1000)};
  for (auto _ : state) {
    now += nanoseconds(500);
    ClientPermit permit;
    benchmark::DoNotOptimize(table.admit(client(0x80'0000 + order.next()), now, permit));
  }
}
BENCHMARK(client_table_full_of_connections)->ThreadRange(1, 4)->UseRealTime();

// A flood of clients that come once: 2 million a second, each remembered for 100 ms. The table is full all
// the time, one in three or so finds that somebody can just be forgotten, and the others are refused.
void client_table_flood_of_strangers(benchmark::State& state) {
  static ClientTable table(settings(), {.max_connections = 10, .rate = Gcra({10, seconds(1)}, 1)});
  static base::TimePoint start{seconds(1000)};
  base::TimePoint now = start;
  std::uint32_t number = static_cast<std::uint32_t>(state.thread_index()) << 22;
  std::size_t full = 0;
  for (auto _ : state) {
    now += nanoseconds(500);
    ClientPermit permit;
    if (table.admit(client(++number & 0xff'ffff), now, permit) == ClientOutcome::kTableFull) ++full;
  }
  if (state.thread_index() == 0) start = now;
  state.counters["full"] = benchmark::Counter(
      static_cast<double>(full) / static_cast<double>(state.iterations()), benchmark::Counter::kAvgThreads);
}
BENCHMARK(client_table_flood_of_strangers)->ThreadRange(1, 4)->UseRealTime();

}  // namespace
}  // namespace weir::admission
