// What Weir says of its pools at /v1/pools, and waiting for a backend to be in a state.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "support/weir_process.h"

namespace weir::test {

struct BackendFacts {
  std::string state;
  std::string state_reason;
  double weight_ratio = 1;  // below 1 during a slow start
  std::uint64_t in_flight = 0;
  std::uint64_t sessions = 0;
  std::uint64_t attempts = 0;
  std::uint64_t failures = 0;
  std::uint64_t early_resets = 0;
  std::uint64_t ejections = 0;
  std::uint64_t checks_passed = 0;
  std::uint64_t checks_failed = 0;
  std::uint64_t warm = 0;
  std::uint64_t warm_used = 0;
  std::uint64_t warm_given_up = 0;
  std::uint64_t warm_failed = 0;
};

// Of one source of a backend; -1 where Weir says that it is not known.
struct PortFacts {
  std::int64_t held = -1;
  std::int64_t time_wait = -1;
  std::int64_t free = -1;
  std::int64_t usable = -1;
  std::int64_t dry_in = -1;  // seconds
  std::int64_t dry_total = -1;
};

struct PoolFacts {
  std::uint64_t healthy = 0;
  std::uint64_t waiting = 0;
  std::uint64_t retries = 0;
  std::uint64_t retries_denied = 0;
  std::uint64_t fallbacks = 0;
  bool panic = false;
};

// Throw when there is no such pool or backend.
BackendFacts facts_of(const WeirProcess& weir, const std::string& backend, const std::string& pool = "web");
// By source, those that have been used.
std::map<std::string, PortFacts> ports_of(const WeirProcess& weir, const std::string& backend,
                                          const std::string& pool = "web");
PoolFacts pool_facts(const WeirProcess& weir, const std::string& pool = "web");

// Wait for it; a test's own claim about the outcome is that they are true.
[[nodiscard]] bool becomes(const WeirProcess& weir, const std::string& backend, const std::string& state,
                           Millis patience = kPatience);
[[nodiscard]] bool waiting_become(const WeirProcess& weir, std::uint64_t sessions);

// The events of that name that tell of `backend`.
std::vector<LogLine> events_of(const WeirProcess& weir, const std::string& event, const std::string& backend);
// Waits until there are `count` of them; the last one. Fails the test at the deadline.
LogLine wait_for_event_of(const WeirProcess& weir, const std::string& event, const std::string& backend,
                          std::size_t count = 1);

}  // namespace weir::test
