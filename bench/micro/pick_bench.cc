// What it costs to choose a backend and to take the place there, and to give it back: `pick`, in_flight + 1
// and `load_changed`, then in_flight - 1 and `load_changed`, with four sessions in flight on each backend on
// average. The pool's lock is not in it. Time is that of choosing and reserving; giving back is the counter
// `release`.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "balance/factory.h"
#include "balance/random.h"

namespace weir::balance {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kSessionsOfEach = 4;
// The clock is read once for so many.
constexpr std::size_t kBatch = 256;

enum Weights : std::int64_t { kEqual, kMixed };

struct Setting {
  PolicyName name;
  std::optional<double> hash_balance{};
  std::uint32_t most = Member::kNoMost;
};

class Load {
 public:
  Load(const Setting& setting, std::size_t count, Weights weights) : members_(count) {
    std::vector<Candidate> candidates(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto weight = weights == kEqual ? 1 : 1 + static_cast<std::uint32_t>(random_.next() % 256);
      candidates[i] = {i, weight, "10.0.0.0:" + std::to_string(i)};
      members_[i] = {.weight = weight,
                     .most = setting.most,
                     .connect_time = 200 + static_cast<std::uint32_t>(random_.next() % 1000),
                     .usable = true};
    }
    policy_ = make_policy(setting.name, candidates, {.seed = 1, .hash_balance = setting.hash_balance});
    policy_->members_changed(members_);
    for (std::size_t i = 0; i < count * kSessionsOfEach; ++i) reserve(random_.next());
  }

  void reserve(std::uint64_t key) {
    const auto picked = policy_->pick(members_, {key, tried_});
    if (!picked) return;
    ++members_[*picked].in_flight;
    policy_->load_changed(members_, *picked);
    taken_.push_back(*picked);
  }

  // As many as there are more than before, each at random.
  void choose_who_leaves(std::size_t count) {
    for (std::size_t i = 0; i < count && i < taken_.size(); ++i)
      std::swap(taken_[taken_.size() - 1 - i], taken_[random_.next() % (taken_.size() - i)]);
  }

  void release() {
    const BackendIndex index = taken_.back();
    taken_.pop_back();
    --members_[index].in_flight;
    policy_->load_changed(members_, index);
  }

  std::size_t sessions() const { return taken_.size(); }
  std::uint64_t key() { return random_.next(); }

 private:
  Random random_{1};
  const Tried tried_;
  std::vector<Member> members_;
  std::unique_ptr<Policy> policy_;
  std::vector<BackendIndex> taken_;
};

void pick(benchmark::State& state, const Setting& setting) {
  Load load(setting, static_cast<std::size_t>(state.range(0)), static_cast<Weights>(state.range(1)));
  const std::size_t sessions = load.sessions();
  std::vector<std::uint64_t> keys(kBatch);
  double releasing = 0;
  double released = 0;
  for (auto _ : state) {
    for (std::uint64_t& key : keys) key = load.key();
    const auto start = Clock::now();
    for (const std::uint64_t key : keys) load.reserve(key);
    const std::chrono::duration<double> reserving = Clock::now() - start;
    state.SetIterationTime(reserving.count() / kBatch);
    const std::size_t more = load.sessions() - sessions;
    load.choose_who_leaves(more);
    const auto turn = Clock::now();
    while (load.sessions() > sessions) load.release();
    releasing += std::chrono::duration<double>(Clock::now() - turn).count();
    released += static_cast<double>(more);
  }
  state.counters["release"] = releasing / released;
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"backends", "mixed"})->ArgsProduct({{10, 1000, 10'000}, {kEqual, kMixed}});
  // An iteration's time is that of one pick, but it does a batch.
  benchmark->UseManualTime()->Iterations(2'000);
}

BENCHMARK_CAPTURE(pick, round_robin, Setting{PolicyName::kRoundRobin})->Apply(sizes);
BENCHMARK_CAPTURE(pick, least_connections, Setting{PolicyName::kLeastConnections})->Apply(sizes);
BENCHMARK_CAPTURE(pick, random_two, Setting{PolicyName::kRandomTwo})->Apply(sizes);
BENCHMARK_CAPTURE(pick, fastest, Setting{PolicyName::kFastest})->Apply(sizes);
BENCHMARK_CAPTURE(pick, source_hash, Setting{PolicyName::kSourceHash})->Apply(sizes);
BENCHMARK_CAPTURE(pick, source_hash_bounded, Setting{PolicyName::kSourceHash, 1.25})->Apply(sizes);
// Half of them are full.
BENCHMARK_CAPTURE(pick, first, Setting{PolicyName::kFirst, {}, 2 * kSessionsOfEach})->Apply(sizes);
BENCHMARK_CAPTURE(pick, round_robin_half_full, Setting{PolicyName::kRoundRobin, {}, kSessionsOfEach + 1})
    ->Apply(sizes);

}  // namespace
}  // namespace weir::balance
