// What the whole question at the door costs, from a client's address to the permits and back: an access list
// of 100 000 networks, a client's connections and rate among 65 536 clients, and the listener's rate. Alone,
// and from several workers whose gates share the limits. The clock is read once a client by whoever asks, so
// only the benchmark that says so has it in.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "admission/gate.h"
#include "base/clock.h"
#include "networks.h"

namespace weir::admission {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::size_t kNetworks = 100'000;
constexpr std::size_t kClients = 65'536;

// Nobody reaches it.
Gcra no_rate_to_speak_of() { return Gcra({base::kMostEventsPerSecond, seconds(1)}, Gcra::kMostBurst); }

const AccessList& denying_list() {
  static const AccessList& list = *[] {
    ClientList deny;
    for (const auto& entry : Source(AF_INET, kSpread).entries(kNetworks))
      deny.prefixes.push_back(entry.prefix);
    return new AccessList({}, deny);
  }();
  return list;
}

// IPv4 clients all over the address space that the list denies, or does not; as numbers, so that looking them
// up costs next to nothing.
std::vector<std::uint32_t> clients(PrefixMatch wanted) {
  Source source(AF_INET, kSpread);
  std::vector<std::uint32_t> found;
  while (found.size() < kClients) {
    for (const base::Address& client : source.addresses({})) {
      if (found.size() < kClients && denying_list().prefixes().match(client) == wanted)
        found.push_back(ntohl(client.ipv4_host().s_addr));
    }
  }
  return found;
}

base::Address address(std::uint32_t host) { return base::Address::ipv4({htonl(host)}, 1234); }

LimitSettings settings(ClientLimits client) {
  LimitSettings made;
  made.rate = no_rate_to_speak_of();
  made.client = client;
  made.table = {.capacity = kClients, .prefix = {}, .seed = 0x5eed};
  return made;
}

// What the gates of all workers ask.
struct Door {
  explicit Door(ClientLimits client, PrefixMatch who = PrefixMatch::kNone)
      : rules{std::shared_ptr<const AccessList>(&denying_list(), [](const AccessList*) {}),
              std::make_shared<LimitSet>(settings(client)), nullptr},
        callers(clients(who)) {}

  // Each client opens a connection that stays.
  Door& with_one_connection_each() {
    Gate gate(rules);
    kept.resize(callers.size());
    for (std::size_t i = 0; i < callers.size(); ++i)
      static_cast<void>(gate.admit(address(callers[i]), base::TimePoint(seconds(1)), kept[i]));
    return *this;
  }

  Gate::Rules rules;
  std::vector<std::uint32_t> callers;
  std::vector<LimitPermits> kept;
  base::TimePoint now{seconds(1000)};  // goes on from one run to the next, as the limits remember
};

// Random without the cost of a good generator in the loop. Who is next depends on the last decision, so that
// questions cannot overlap: this is the time of one.
struct Order {
  explicit Order(int thread) : state(static_cast<std::uint32_t>(thread) * 2'654'435'761u + 1) {}
  std::size_t next(const Decision& last) {
    state = state * 1'664'525u + 1'013'904'223u + (last.would_refuse ? 2 : 0);
    return (state >> 8) % kClients;
  }
  std::uint32_t state;
};

template <class Clock>
void ask(benchmark::State& state, const Door& door, Clock& clock) {
  Gate gate(door.rules);
  Order order(state.thread_index());
  Decision decision;
  std::size_t refused = 0;
  for (auto _ : state) {
    LimitPermits permits;
    decision = gate.admit(address(door.callers[order.next(decision)]), clock(), permits);
    refused += decision.refused ? 1 : 0;
  }
  state.counters["refused"] =
      benchmark::Counter(static_cast<double>(refused) / static_cast<double>(state.iterations()),
                         benchmark::Counter::kAvgThreads);
}

// With a clock that costs nothing; from one question to the next, of whichever thread, `step` passes.
void ask(benchmark::State& state, Door& door, nanoseconds step) {
  base::TimePoint now = door.now;
  const nanoseconds own_step = step * state.threads();
  auto clock = [&now, own_step] { return now += own_step; };
  ask(state, door, clock);
  if (state.thread_index() == 0) door.now = now;
}

constexpr std::uint32_t kMany = 1000;
constexpr nanoseconds kStep{500};

void gate_admits_known_client(benchmark::State& state) {
  static Door& door =
      (new Door({.max_connections = kMany, .rate = no_rate_to_speak_of()}))->with_one_connection_each();
  ask(state, door, kStep);
}
BENCHMARK(gate_admits_known_client)->ThreadRange(1, 4)->UseRealTime();

void gate_admits_known_client_and_reads_the_clock(benchmark::State& state) {
  static Door& door =
      (new Door({.max_connections = kMany, .rate = no_rate_to_speak_of()}))->with_one_connection_each();
  auto clock = [] { return base::precise_now(); };
  ask(state, door, clock);
}
BENCHMARK(gate_admits_known_client_and_reads_the_clock)->ThreadRange(1, 4)->UseRealTime();

// Each connection is its client's only one. A client comes every thirteen seconds or so and is remembered for
// ten: most questions find a client that is known, and each finds others to forget.
void gate_admits_client_without_connections(benchmark::State& state) {
  static Door& door = *new Door({.max_connections = kMany, .rate = Gcra({6, base::Rate{}.period * 60}, 100)});
  ask(state, door, microseconds(200));
}
BENCHMARK(gate_admits_client_without_connections)->ThreadRange(1, 4)->UseRealTime();

void gate_refuses_client_with_too_many(benchmark::State& state) {
  static Door& door =
      (new Door({.max_connections = 1, .rate = no_rate_to_speak_of()}))->with_one_connection_each();
  ask(state, door, kStep);
}
BENCHMARK(gate_refuses_client_with_too_many)->ThreadRange(1, 4)->UseRealTime();

void gate_denies(benchmark::State& state) {
  static Door& door =
      *new Door({.max_connections = kMany, .rate = no_rate_to_speak_of()}, PrefixMatch::kDeny);
  ask(state, door, kStep);
}
BENCHMARK(gate_denies)->ThreadRange(1, 4)->UseRealTime();

}  // namespace
}  // namespace weir::admission
