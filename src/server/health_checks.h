// The checks of the pools' backends: says to the prober what to probe, and to the pools what came of it. They
// come from the pool's source addresses in turn and through its interface; those of a transparent pool from
// this host's own address. On the control loop.
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/model.h"
#include "health/prober.h"
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

  // A backend has joined the pool at that position, or has left one. One that is not checked is ignored.
  void add(std::size_t pool, const std::shared_ptr<pool::Backend>& backend, health::FirstProbe first);
  void remove(const pool::Backend& backend);

 private:
  struct Checked {
    std::size_t pool = 0;
    std::shared_ptr<pool::Backend> backend;
    std::uint64_t way = 0;
  };

  // Where the probes of one backend come from. They do not count among the ports of its sessions: there is
  // one at a time, perhaps to another port.
  struct Way {
    Way(const pool::Origin& origin, int family) : turn(origin.sources, family), interface(origin.interface) {}
    pool::SourceTurn turn;
    std::string interface;
  };

  std::uint64_t add_way(const pool::BackendIdentity& identity, int family);
  net::Connecting connect(const health::Target& target, const net::TcpOptions& options);
  health::Pace take(health::TargetId id, const health::ProbeReport& report);
  void tell_not_made(const Checked& checked, const health::ProbeReport& report);

  const Parts parts_;
  std::vector<std::shared_ptr<const health::Check>> checks_;  // by pool; none: it has no checks
  std::unordered_map<health::TargetId, Checked> checked_;
  std::unordered_map<const pool::Backend*, health::TargetId> ids_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Way>> ways_;  // by health::Target::origin
  std::uint64_t last_way_ = 0;
  // When a check of the pool at that position last failed on this host by that fault.
  std::map<std::pair<std::size_t, health::LocalFault>, base::TimePoint> not_made_;
  health::Prober prober_;
};

// What to do about a fault of this host's that keeps checks from being made.
std::string_view advice_on(const health::LocalFault& fault);

// Probes that may be under way at the same time, each with a descriptor.
std::uint64_t most_probes(const config::Config& config);

}  // namespace weir::server
