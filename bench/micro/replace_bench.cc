// What a changed answer of a name costs the pool that it fills: one of its addresses is another one, two
// answers in turn. `held` is the part for which the pool's lock is held; `prepare` the part before it.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "pool/roster.h"

namespace weir::pool {
namespace {

using Backends = std::vector<std::shared_ptr<Backend>>;

Backends answer(std::size_t count, std::uint32_t last) {
  Backends backends;
  for (std::uint32_t i = 0; i < count; ++i) {
    BackendIdentity identity;
    identity.address = base::Address::ipv4({htonl(0xc6120000 + (i + 1 < count ? i : last))}, 80);
    identity.name = "app@" + identity.address.ip_to_string();
    backends.push_back(std::make_shared<Backend>(std::move(identity)));
  }
  return backends;
}

class Answers {
 public:
  Answers(balance::PolicyName policy, std::size_t count) {
    rules.policy = policy;
    for (std::uint32_t i = 0; i < 2; ++i) of_turn[i] = answer(count, 60'000 + i);
    roster = std::make_unique<Roster>(rules, of_turn[0]);
  }

  const Backends& next() { return of_turn[++turn % 2]; }

  RosterRules rules;
  std::array<Backends, 2> of_turn;
  std::unique_ptr<Roster> roster;
  std::size_t turn = 0;
};

constexpr base::TimePoint kNow{std::chrono::hours(1)};

void held(benchmark::State& state, balance::PolicyName policy) {
  Answers answers(policy, static_cast<std::size_t>(state.range(0)));
  Roster::Groundworks before;
  for (auto _ : state) {
    state.PauseTiming();
    const Backends& wanted = answers.next();
    before = answers.roster->groundworks();
    const auto groundworks = Roster::prepare(answers.rules, wanted, before);
    state.ResumeTiming();
    answers.roster->replace(wanted, kNow, groundworks);
    state.PauseTiming();
    benchmark::DoNotOptimize(answers.roster->take_events());
    state.ResumeTiming();
  }
}

void prepare(benchmark::State& state, balance::PolicyName policy) {
  Answers answers(policy, static_cast<std::size_t>(state.range(0)));
  const auto before = answers.roster->groundworks();
  for (auto _ : state) {
    benchmark::DoNotOptimize(Roster::prepare(answers.rules, answers.of_turn[1], before));
  }
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(10)->Arg(100)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(prepare, source_hash, balance::PolicyName::kSourceHash)->Apply(sizes);
BENCHMARK_CAPTURE(held, source_hash, balance::PolicyName::kSourceHash)->Apply(sizes);
BENCHMARK_CAPTURE(held, round_robin, balance::PolicyName::kRoundRobin)->Apply(sizes);
BENCHMARK_CAPTURE(held, least_connections, balance::PolicyName::kLeastConnections)->Apply(sizes);

}  // namespace
}  // namespace weir::pool
