// One backend of a pool: what it is (fixed), how it is reached (which a change of the configuration may
// change) and what it has done (live counters that any worker moves). A live block: held by its pool and by
// the sessions that use it, so that it outlives a change of the configuration. How it stands now is its
// pool's to say (`roster.h`).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "metrics/counter.h"
#include "pool/backend_mode.h"
#include "pool/sources.h"

namespace weir::pool {

// How it stands. Only `kUp` takes new sessions; in a panic `kEjected` and `kDown` too.
enum class BackendState : std::uint8_t { kUp, kDrain, kMaintenance, kEjected, kDown };

inline constexpr std::array<std::string_view, 5> kBackendStateWords{"up", "drain", "maintenance", "ejected",
                                                                    "down"};

constexpr std::string_view word(BackendState state) {
  return kBackendStateWords[static_cast<std::size_t>(state)];
}

struct BackendIdentity {
  std::string name;                            // unique in its pool
  base::Address address;                       // empty when the name did not resolve
  std::uint32_t weight = 1;                    // 0: no new sessions; this and the next two at first
  std::optional<std::uint32_t> most_sessions;  // nothing: as many as come
  bool is_backup = false;                      // used while no other is to be had
  BackendMode mode = BackendMode::kUp;         // at first
  std::string unresolved;                      // why there is no address; empty when there is one
  // These three at first; `Backend::way` has them as they are now.
  std::string host;                      // the name that led to the address; empty: none
  bool may_self_connect = false;         // see BackendWay
  std::shared_ptr<const Origin> origin;  // its pool's; none: as the kernel likes
};

// How one backend is reached. Constant but for the counters of its sources.
struct BackendWay {
  // `before`: the way before it, whose sources keep their counters.
  BackendWay(const BackendIdentity& identity, const BackendWay* before);

  // Whether `identity` says the same of it.
  bool is_of(const BackendIdentity& identity) const;
  bool is_transparent() const { return origin != nullptr && origin->transparent; }

  std::string host;  // the name that led to the address; empty: none
  // Whether a connect to it could meet itself: a port of this host inside the kernel's ephemeral range (see
  // connector).
  bool may_self_connect = false;
  std::shared_ptr<const Origin> origin;  // none: as the kernel likes
  // The source addresses of connections to it, with what they hold: one without an address where the kernel
  // chooses, or the client's own is used.
  mutable SourceTurn sources;
};

struct alignas(64) BackendCounters {
  metrics::SharedCounter attempts;         // connects begun by sessions, and warm connections taken
  metrics::SharedCounter failed_attempts;  // connects that did not come to stand, or warm ones that were lost
  metrics::SharedCounter sessions;         // connects that stood
  metrics::SharedCounter early_resets;     // of these, reset by it before it had sent anything
  metrics::SharedCounter ejections;
  metrics::SharedCounter checks_passed;
  metrics::SharedCounter checks_failed;
  metrics::SharedCounter checks_not_made;  // by a fault of this host's (health::Verdict::kNotMade)
  metrics::SharedGauge warm;               // connections that wait for a client
  metrics::SharedCounter warm_used;        // of those there were, handed to a session
  metrics::SharedCounter warm_given_up;    // closed by the backend or lost before that, or it spoke
  metrics::SharedCounter warm_failed;      // connects meant to become warm that did not come to stand
  metrics::SharedCounter upload_bytes;     // client to backend
  metrics::SharedCounter download_bytes;
};

class Backend {
 public:
  explicit Backend(BackendIdentity identity);
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const BackendIdentity& identity() const { return identity_; }
  const std::string& name() const { return identity_.name; }
  BackendCounters& counters() { return counters_; }
  const BackendCounters& counters() const { return counters_; }

  // How it is reached now. Valid as long as the backend, so that connects which go another way by now may end
  // as they began. Any thread.
  const BackendWay& way() const { return *way_.load(std::memory_order_acquire); }
  // All that it has had, the present one among them. On the thread of `take_way`.
  const std::vector<std::unique_ptr<const BackendWay>>& ways() const { return ways_; }
  // From now on as `identity` says, which is of the same backend. A way that it has had before is taken
  // again, so that their number is that of those that differ. One thread at a time.
  void take_way(const BackendIdentity& identity);

  // Sessions have failed there and none has been served since: what is served is worth telling the pool. Any
  // thread.
  bool is_suspect() const { return suspect_.load(std::memory_order_relaxed); }
  void set_suspect(bool suspect) { suspect_.store(suspect, std::memory_order_relaxed); }

 private:
  const BackendIdentity identity_;
  std::atomic<bool> suspect_{false};
  std::atomic<const BackendWay*> way_;
  std::vector<std::unique_ptr<const BackendWay>> ways_;  // all that it has had
  BackendCounters counters_;
};

}  // namespace weir::pool
