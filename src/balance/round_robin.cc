#include "balance/round_robin.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <tuple>

namespace weir::balance {
namespace {

// Turn number `turn` of a candidate may come from `release` on and must have come by `deadline`, in turns of
// the round.
struct Window {
  std::uint64_t release;
  std::uint64_t deadline;
  std::size_t position;
  std::uint64_t turn;
};

Window window_of(std::size_t position, std::uint64_t turn, std::uint64_t weight, std::uint64_t total) {
  return {turn * total / weight, ((turn + 1) * total + weight - 1) / weight, position, turn};
}

struct LaterDeadline {
  bool operator()(const Window& a, const Window& b) const {
    return std::tie(a.deadline, a.position) > std::tie(b.deadline, b.position);
  }
};

struct LaterRelease {
  bool operator()(const Window& a, const Window& b) const {
    return std::tie(a.release, a.position) > std::tie(b.release, b.position);
  }
};

// One turn of weight 1 in virtual time; any weight up to 256 divides it with an error below 1e-7.
constexpr std::uint64_t kTurnLength = 1ull << 32;

}  // namespace

std::vector<BackendIndex> smooth_schedule(std::span<const Candidate> candidates) {
  std::uint64_t divisor = 0;
  std::uint64_t total = 0;
  for (const Candidate& c : candidates) {
    WEIR_ASSERT(c.weight > 0);
    divisor = std::gcd(divisor, c.weight);
    total += c.weight;
  }
  std::vector<BackendIndex> schedule;
  if (candidates.empty()) return schedule;
  WEIR_ASSERT(divisor > 0);
  total /= divisor;
  schedule.reserve(total);

  std::priority_queue<Window, std::vector<Window>, LaterRelease> waiting;
  std::priority_queue<Window, std::vector<Window>, LaterDeadline> ready;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    ready.push(window_of(i, 0, candidates[i].weight / divisor, total));
  }
  for (std::uint64_t now = 0; now < total; ++now) {
    while (!waiting.empty() && waiting.top().release <= now) {
      ready.push(waiting.top());
      waiting.pop();
    }
    WEIR_ASSERT(!ready.empty());
    const Window due = ready.top();
    ready.pop();
    schedule.push_back(candidates[due.position].index);
    const std::uint64_t weight = candidates[due.position].weight / divisor;
    if (due.turn + 1 < weight) waiting.push(window_of(due.position, due.turn + 1, weight, total));
  }
  return schedule;
}

RoundRobin::RoundRobin(std::span<const Candidate> candidates) : schedule_(smooth_schedule(candidates)) {
  turns_.reserve(candidates.size());
  for (const Candidate& c : candidates) turns_.push_back({c, 0});
}

std::optional<BackendIndex> RoundRobin::pick() {
  if (schedule_.empty()) return std::nullopt;
  return schedule_[next_.fetch_add(1, std::memory_order_relaxed) % schedule_.size()];
}

std::optional<BackendIndex> RoundRobin::pick_untried(const Tried& tried) {
  const std::lock_guard lock(retry_mutex_);
  Turn* next = nullptr;
  std::uint64_t start = 0;
  for (Turn& turn : turns_) {
    if (tried.contains(turn.candidate.index)) continue;
    const std::uint64_t its_start = std::max(turn.finish, virtual_time_);
    if (next == nullptr || its_start < start) {
      next = &turn;
      start = its_start;
    }
  }
  if (next == nullptr) return std::nullopt;
  virtual_time_ = start;
  next->finish = start + kTurnLength / next->candidate.weight;
  return next->candidate.index;
}

}  // namespace weir::balance
