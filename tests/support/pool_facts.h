// What Weir says of its pools at /v1/backends, and waiting for a backend to be in a state.
#pragma once

#include <cstdint>
#include <string>

#include "support/weir_process.h"

namespace weir::test {

struct BackendFacts {
  std::string state;
  std::string state_reason;
  std::uint64_t in_flight = 0;
  std::uint64_t sessions = 0;
  std::uint64_t attempts = 0;
  std::uint64_t failures = 0;
  std::uint64_t early_resets = 0;
  std::uint64_t ejections = 0;
  std::uint64_t checks_passed = 0;
  std::uint64_t checks_failed = 0;
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
