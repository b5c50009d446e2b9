// Probes many targets on one loop, each again and again: with jitter, a bounded number at once, and never two
// probes of one target at a time. It knows nothing of pools: results go to a callback, whose answer says
// whether the target is changing. On its loop's thread only.
//
// When more probes are due than may be under way, the others wait in the order in which they were due; a
// target's interval then counts from when its probe really started.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "health/probe.h"
#include "health/schedule.h"

namespace weir::health {

// Names a target of a prober; never given twice.
using TargetId = std::uint64_t;

enum class FirstProbe : std::uint8_t {
  kSpread,  // within the check's interval or a second, whichever is shorter: many are added together
  kAtOnce,  // what is known of it may be old
};

class Prober {
 public:
  struct Settings {
    std::size_t max_in_flight = 256;  // each holds a descriptor; at least 1
    std::uint64_t seed = 1;           // of the jitter: processes that start together should differ in it
  };

  // Called for each probe that is over, from the loop and never from within `add` or `remove`. May add and
  // remove targets, this one too, but not destroy the prober. `kNotMade` is no verdict: count it, but neither
  // as rise nor as fall.
  using Report = std::function<Pace(TargetId, const ProbeReport&)>;

  Prober(net::EventLoop& loop, Settings settings, Report report, Connect connect = connect_directly);
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Precondition: the check's times are at least 1 ms and its jitter is from 0 to 1.
  TargetId add(Target target, FirstProbe first = FirstProbe::kSpread);

  // No report of this target comes any more; a probe that is under way is given up and its connection reset.
  // An id that is not known, or not any more, is ignored.
  void remove(TargetId id);

  std::size_t size() const { return targets_.size(); }
  std::size_t in_flight() const { return slots_.size() - idle_.size(); }

 private:
  // A probe that is used by one target after the other.
  struct Slot final : Probe::Owner {
    explicit Slot(Prober& owner) : prober(owner), probe(owner.loop_, *this, owner.connect_) {}
    void probe_ended(ProbeReport report) override { prober.ended(*this, report); }
    Prober& prober;
    TargetId target = 0;
    Probe probe;
  };
  struct Entry {
    Target target;
    Slot* slot = nullptr;     // while a probe is under way
    base::TimePoint begun{};  // of the last probe
    base::TimePoint due{};    // of the next, while none is under way
  };

  void launch();
  void launch_one(TargetId id, base::TimePoint now);
  void ended(Slot& slot, const ProbeReport& report);
  void schedule(TargetId id, Entry& entry, base::TimePoint due);
  void arm();
  bool has_room() const { return !idle_.empty() || slots_.size() < settings_.max_in_flight; }
  double chance() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }

  net::EventLoop& loop_;
  const Settings settings_;
  const Report report_;
  const Connect connect_;
  std::mt19937_64 random_;
  net::Timer timer_;
  TargetId last_id_ = 0;
  std::unordered_map<TargetId, Entry> targets_;
  std::set<std::pair<base::TimePoint, TargetId>> due_;  // all targets but those in flight
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> idle_;
};

}  // namespace weir::health
