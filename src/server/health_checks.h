// The checks of the pools' backends: says to the prober what to probe, and to the pools what came of it. They
// come from the pool's source addresses in turn and through its interface; those of a transparent pool from
// this host's own address. On the control loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/model.h"
#include "health/prober.h"
#include "net/watch.h"
#include "pool/pool.h"
#include "server/log_writer.h"

namespace weir::server {

class HealthChecks {
 public:
  struct Parts {
    const config::Config& config;
    const std::vector<std::shared_ptr<pool::Pool>>& pools;  // in the order of the configuration
    LogWriter& log;
  };

  HealthChecks(net::EventLoop& loop, Parts parts);

  // Begins to check every backend of every pool that has checks.
  void start();

  // The pools of another configuration, from now on, and their checks; backends of those for which
  // `is_as_before` says so go on to be checked as they were, as long as they are reached as they were, and
  // the others are begun with anew. What the two refer to outlives this, or the next change.
  void change(const config::Config& config, const std::vector<std::shared_ptr<pool::Pool>>& pools,
              const std::function<bool(const std::string& pool)>& is_as_before);

  // A backend has joined the pool at that position, or has left one. One that is not checked is ignored.
  void add(std::size_t pool, const std::shared_ptr<pool::Backend>& backend, health::FirstProbe first);
  void remove(const pool::Backend& backend);

 private:
  struct Checked {
    std::shared_ptr<pool::Pool> pool;
    std::shared_ptr<pool::Backend> backend;
    const pool::BackendWay* reached_by = nullptr;
    std::uint64_t way = 0;
  };

  // Where the probes of one backend come from. They do not count among the ports of its sessions: there is
  // one at a time, perhaps to another port.
  struct Way {
    Way(const pool::Origin& origin, int family) : turn(origin.sources, family), interface(origin.interface) {}
    pool::SourceTurn turn;
    std::string interface;
  };

  std::uint64_t add_way(const pool::BackendWay& from, int family);
  net::Connecting connect(const health::Target& target, const net::TcpOptions& options);
  health::Pace take(health::TargetId id, const health::ProbeReport& report);
  void tell_not_made(const Checked& checked, const health::ProbeReport& report);
  // Those that are reached by another way than their checks are checked anew.
  void follow_ways();

  void make_checks();

  LogWriter& log_;
  const config::Config* config_;
  const std::vector<std::shared_ptr<pool::Pool>>* pools_;
  std::vector<std::shared_ptr<const health::Check>> checks_;  // by pool; none: it has no checks
  std::unordered_map<health::TargetId, Checked> checked_;
  std::unordered_map<const pool::Backend*, health::TargetId> ids_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Way>> ways_;  // by health::Target::origin
  std::uint64_t last_way_ = 0;
  // When a check of the pool last failed on this host by that fault.
  std::map<std::pair<std::string, health::LocalFault>, base::TimePoint> not_made_;
  health::Prober prober_;
  net::Timer follow_timer_;
};

// What to do about a fault of this host's that keeps checks from being made.
std::string_view advice_on(const health::LocalFault& fault);

// Probes that may be under way at the same time, each with a descriptor.
std::uint64_t most_probes(const config::Config& config);

}  // namespace weir::server
