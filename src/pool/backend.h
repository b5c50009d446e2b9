// One backend of a pool: what it is (fixed) and what it does now (live counters that any worker moves). A
// live block: held by its pool and by the sessions that use it, so that it outlives a change of the
// configuration.
#pragma once

#include <cstdint>
#include <string>

#include "base/address.h"
#include "metrics/counter.h"

namespace weir::pool {

// Usable or not, from configuration and names; health joins later.
enum class BackendState { kUp, kDown };

constexpr std::string_view word(BackendState state) { return state == BackendState::kUp ? "up" : "down"; }

struct BackendIdentity {
  std::string name;       // unique in its pool
  base::Address address;  // empty when the name did not resolve
  std::uint32_t weight = 1;
  BackendState state = BackendState::kUp;
  std::string state_reason;  // why it is down: "name does not resolve: ..."; empty when up
  // Whether a connect to it could meet itself: a loopback port inside the kernel's ephemeral range (see
  // connector).
  bool may_self_connect = false;
};

struct alignas(64) BackendCounters {
  metrics::SharedGauge in_flight;          // sessions that hold a connection to it
  metrics::SharedCounter attempts;         // connects begun
  metrics::SharedCounter failed_attempts;  // connects refused, unreachable or timed out
  metrics::SharedCounter sessions;         // connects that stood
  metrics::SharedCounter upload_bytes;     // client to backend
  metrics::SharedCounter download_bytes;
};

class Backend {
 public:
  explicit Backend(BackendIdentity identity) : identity_(std::move(identity)) {}
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const BackendIdentity& identity() const { return identity_; }
  const std::string& name() const { return identity_.name; }
  BackendCounters& counters() { return counters_; }
  const BackendCounters& counters() const { return counters_; }

 private:
  const BackendIdentity identity_;
  BackendCounters counters_;
};

}  // namespace weir::pool
