#include "limits/loads.h"

#include <time.h>

#include <algorithm>

namespace weir::limits {
namespace {

constexpr base::Millis kStep{1};
constexpr std::size_t kSpareDescriptors = 32;
constexpr int kBatch = 64;

double seconds_of(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

// User and system time of this process so far.
double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// Notes how long a load took, at its end.
class Measured {
 public:
  explicit Measured(Attempts& attempts) : attempts_(attempts) { attempts.count_anew(); }
  ~Measured() { attempts_.tally().cpu_seconds = cpu_seconds() - cpu_at_start_; }
  Measured(const Measured&) = delete;
  Measured& operator=(const Measured&) = delete;

  std::chrono::nanoseconds elapsed() const { return base::precise_now() - start_; }
  void all_begun() { attempts_.tally().seconds = seconds_of(elapsed()); }

 private:
  Attempts& attempts_;
  double cpu_at_start_ = cpu_seconds();
  base::TimePoint start_ = base::precise_now();
};

bool has_room(const Attempts& attempts) { return attempts.under_way() + kSpareDescriptors < attempts.room(); }

}  // namespace

void offer(Attempts& attempts, std::uint32_t per_second, base::Millis length) {
  Measured measured(attempts);
  Tally& tally = attempts.tally();
  for (auto elapsed = measured.elapsed(); elapsed < length; elapsed = measured.elapsed()) {
    const double due = seconds_of(elapsed) * per_second;
    const double behind = due - static_cast<double>(tally.offered);
    tally.latest_ms = std::max(tally.latest_ms, behind * 1000 / per_second);
    // In batches, so that answers are looked at in between.
    for (int i = 0; i < kBatch && static_cast<double>(tally.offered) < due && has_room(attempts); ++i) {
      attempts.begin();
    }
    attempts.wait(behind > kBatch ? base::Millis(0) : kStep);
  }
  measured.all_begun();
  attempts.finish();
}

void flood(Attempts& attempts, std::uint32_t at_once, std::uint64_t count) {
  Measured measured(attempts);
  const Tally& tally = attempts.tally();
  while (tally.offered < count) {
    while (tally.offered < count && attempts.under_way() < at_once && has_room(attempts)) attempts.begin();
    attempts.wait(kStep);
  }
  measured.all_begun();
  attempts.finish();
}

void knock(Attempts& attempts, std::uint64_t count) {
  Measured measured(attempts);
  for (std::uint64_t i = 0; i < count; ++i) attempts.begin_and_abandon();
  measured.all_begun();
}

void crowd(Attempts& attempts, std::uint64_t count) {
  Measured measured(attempts);
  attempts.when_served(Attempts::Served::kKeep);
  const Tally& tally = attempts.tally();
  while (tally.offered < count) {
    for (int i = 0; i < kBatch && tally.offered < count; ++i) attempts.begin();
    attempts.wait(base::Millis(0));
  }
  measured.all_begun();
  attempts.finish();
}

}  // namespace weir::limits
