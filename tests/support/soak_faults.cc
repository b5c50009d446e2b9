#include "support/soak_faults.h"

#include <algorithm>

namespace weir::test::soak {
namespace {

constexpr std::size_t kFaultyAtOnce = 2;
constexpr std::size_t kUneasyAtOnce = 3;  // faulty, or not yet known to be well again
// Checks must pass again, and the ejection must end.
constexpr Millis kRecovery{2'500};
constexpr std::size_t kNotBegun = ~std::size_t{0};

Millis length_of(FaultKind kind, Dice& dice) {
  switch (kind) {
    case FaultKind::kDies:
    case FaultKind::kStopsListening:
      // Short ones more often.
      return dice.between(Millis(500), dice.one_in(4) ? Millis(5'000) : Millis(2'000));
    case FaultKind::kHangsShortly:
      return dice.between(kIdleTimeout / 20, kIdleTimeout / 5);
    case FaultKind::kHangs:
      return kIdleTimeout + dice.between(Millis(500), Millis(3'000));
  }
  return Millis(0);
}

// A long hang, then the others in random order, each once and then each once more: a short round has them
// all, and few meet a hang, which holds up whoever does.
class Bag {
 public:
  FaultKind take(Dice& dice) {
    if (kinds_.empty()) {
      kinds_ = {FaultKind::kDies, FaultKind::kHangsShortly, FaultKind::kStopsListening};
      hang_is_due_ = !hang_is_due_;
      if (hang_is_due_) return FaultKind::kHangs;
    }
    const auto at = kinds_.begin() + static_cast<std::ptrdiff_t>(dice.next() % kinds_.size());
    const FaultKind kind = *at;
    kinds_.erase(at);
    return kind;
  }

 private:
  std::vector<FaultKind> kinds_;
  bool hang_is_due_ = false;
};

Millis end_of(const PlannedFault& fault) { return fault.at + fault.length; }

// Whether `backend` may fail at `at` beside the others.
bool fits(const std::vector<PlannedFault>& faults, std::size_t backend, Millis at) {
  std::size_t faulty = 0;
  std::size_t uneasy = 0;
  for (const PlannedFault& fault : faults) {
    if (end_of(fault) + kRecovery < at) continue;
    if (fault.backend == backend) return false;
    ++uneasy;
    faulty += end_of(fault) + Millis(300) >= at ? 1 : 0;
  }
  return faulty < kFaultyAtOnce && uneasy < kUneasyAtOnce;
}

}  // namespace

std::string_view word(FaultKind kind) {
  static constexpr std::array<std::string_view, kFaultKinds> kWords{"dies", "stops_listening",
                                                                    "hangs_shortly", "hangs"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::vector<PlannedFault> schedule_of(std::uint64_t seed, std::size_t round, std::size_t backends,
                                      Millis span) {
  Dice dice(seed, ~std::uint64_t{round});
  Bag bag;
  std::vector<PlannedFault> faults;
  Millis at{300};
  while (at < span) {
    PlannedFault fault{bag.take(dice), dice.next() % backends, at, Millis(0)};
    fault.length = length_of(fault.kind, dice);
    while (!fits(faults, fault.backend, fault.at)) {
      fault.at += Millis(100);
      fault.backend = (fault.backend + 1) % backends;
    }
    if (fault.at < span) faults.push_back(fault);
    at = fault.at + dice.between(Millis(50), Millis(800));
  }
  return faults;
}

FaultDriver::FaultDriver(std::vector<std::unique_ptr<SoakBackend>>& backends,
                         std::vector<PlannedFault> schedule, Journal& journal)
    : backends_(backends),
      schedule_(std::move(schedule)),
      journal_(journal),
      place_(schedule_.size(), kNotBegun) {
  for (std::size_t i = 0; i < schedule_.size(); ++i) {
    steps_.push_back({schedule_[i].at, i, true});
    steps_.push_back({end_of(schedule_[i]), i, false});
  }
  std::ranges::stable_sort(steps_, {}, &Step::at);
  thread_ = std::thread([this] { run(); });
}

std::vector<Fault> FaultDriver::stop() {
  if (!thread_.joinable()) return faults_;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    stopped_.notify_all();
  }
  thread_.join();
  return faults_;
}

void FaultDriver::run() {
  const auto begun = Clock::now();
  for (const Step& step : steps_) {
    std::unique_lock lock(mutex_);
    const bool stopped = stopped_.wait_until(lock, begun + step.at, [this] { return is_stopping_; });
    lock.unlock();
    if (!step.begins) {
      end(step.fault);
    } else if (!stopped) {
      begin(step.fault);
    }
  }
}

void FaultDriver::begin(std::size_t number) {
  const PlannedFault& planned = schedule_[number];
  SoakBackend& backend = *backends_[planned.backend];
  place_[number] = faults_.size();
  Fault& fault = faults_.emplace_back(Fault{planned.kind, backend.name(), Clock::now(), {}});
  switch (planned.kind) {
    case FaultKind::kDies:
      backend.die();
      break;
    case FaultKind::kStopsListening:
      backend.stop_listening();
      break;
    case FaultKind::kHangsShortly:
    case FaultKind::kHangs:
      backend.hang();
      break;
  }
  fault.done = Clock::now();
  journal_.write(fault.begun, "fault backend=" + fault.backend + " what=" + std::string(word(fault.kind)) +
                                  " for_ms=" + std::to_string(planned.length.count()));
}

void FaultDriver::end(std::size_t number) {
  if (place_[number] == kNotBegun) return;
  SoakBackend& backend = *backends_[schedule_[number].backend];
  Fault& fault = faults_[place_[number]];
  switch (fault.kind) {
    case FaultKind::kDies:
    case FaultKind::kStopsListening:
      backend.listen_again();
      break;
    case FaultKind::kHangsShortly:
    case FaultKind::kHangs:
      backend.go_on();
      break;
  }
  fault.over = Clock::now();
  journal_.write(fault.over, "over backend=" + fault.backend + " what=" + std::string(word(fault.kind)));
}

}  // namespace weir::test::soak
