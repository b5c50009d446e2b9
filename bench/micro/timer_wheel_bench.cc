// What a deadline costs a session: moving it, as each piece of data does, and a turn of the wheel with many
// armed entries of which some fire and arm themselves again.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "net/timer_wheel.h"

namespace weir::net {
namespace {

constexpr base::Millis kIdleTimeout{60'000};

class Deadline final : public WheelEntry {
 public:
  Deadline(TimerWheel& wheel, std::uint64_t& fired) : wheel_(wheel), fired_(fired) {}

 private:
  void on_deadline(base::TimePoint now) override {
    ++fired_;
    wheel_.arm(*this, now + kIdleTimeout);
  }
  TimerWheel& wheel_;
  std::uint64_t& fired_;
};

struct Armed {
  explicit Armed(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      deadlines.push_back(std::make_unique<Deadline>(wheel, fired));
      wheel.arm(*deadlines.back(), start + kIdleTimeout * i / count);
    }
  }
  const base::TimePoint start = base::precise_now();
  TimerWheel wheel{start};
  std::uint64_t fired = 0;
  std::vector<std::unique_ptr<Deadline>> deadlines;
};

void move_deadline(benchmark::State& state) {
  Armed armed(static_cast<std::size_t>(state.range(0)));
  std::size_t next = 0;
  base::TimePoint now = armed.start;
  for (auto _ : state) {
    now += base::Micros(10);
    armed.wheel.arm(*armed.deadlines[next], now + kIdleTimeout);
    // In no order that the caches like.
    next = (next + 7'919) % armed.deadlines.size();
  }
}
BENCHMARK(move_deadline)->Arg(100)->Arg(10'000)->Arg(100'000);

// A tick, in which one entry in a thousand is due.
void advance_a_tick(benchmark::State& state) {
  Armed armed(static_cast<std::size_t>(state.range(0)));
  base::TimePoint now = armed.start;
  for (auto _ : state) {
    now += TimerWheel::kTick;
    armed.wheel.advance(now);
  }
  state.counters["fired"] =
      benchmark::Counter(static_cast<double>(armed.fired), benchmark::Counter::kAvgIterations);
}
BENCHMARK(advance_a_tick)->Arg(100)->Arg(10'000)->Arg(100'000);

}  // namespace
}  // namespace weir::net
