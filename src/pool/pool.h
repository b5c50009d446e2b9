// A named set of backends, and who of them takes the next session. A live block, shared by every worker and
// kept by its sessions. Choosing a backend and taking a place there is one step under the pool's lock, held
// for a fraction of a microsecond, so that what is promised is exact over all workers: shares, the most
// sessions of a backend, first come first served. It opens no socket: `session/connector` does.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "metrics/histogram.h"
#include "pool/backend.h"
#include "pool/backend_tls.h"
#include "pool/client_hash.h"
#include "pool/proxy_sending.h"
#include "pool/retry_budget.h"
#include "pool/roster.h"
#include "pool/slot.h"
#include "pool/wait_queue.h"

namespace weir::pool {

struct PoolSettings {
  std::string name;
  RosterRules roster;
  ClientHashRules client_hash;
  base::Millis connect_timeout{3'000};
  std::uint32_t retries = 2;  // attempts after the first, at most Tried::kMost - 1
  std::uint32_t queue_length = 0;
  base::Millis queue_timeout{5'000};
  ProxySending send_proxy;
  BackendTls tls;
  BackendTls check_tls;      // of its checks, which have no client
  bool transparent = false;  // its backends see the client's address: not every client comes to each of them
};

inline constexpr metrics::HistogramBounds<16> kConnectBounds{
    base::Micros(100),       base::Micros(250),       base::Micros(500),       base::Micros(1'000),
    base::Micros(2'500),     base::Micros(5'000),     base::Micros(10'000),    base::Micros(25'000),
    base::Micros(50'000),    base::Micros(100'000),   base::Micros(250'000),   base::Micros(500'000),
    base::Micros(1'000'000), base::Micros(2'500'000), base::Micros(5'000'000), base::Micros(10'000'000)};

using ConnectTimes = metrics::Histogram<kConnectBounds, metrics::SharedCounter>;

struct PoolCounters {
  metrics::SharedCounter retries;
  metrics::SharedCounter retries_denied;  // by the budget
  metrics::SharedCounter queued;          // sessions that had to wait
  metrics::SharedCounter queue_refused;   // that found the queue full, or none
  metrics::SharedCounter queue_timeouts;
  metrics::SharedCounter queue_left;          // whose client went while it waited
  metrics::SharedCounter queue_microseconds;  // waited, by those whose wait has ended
  metrics::SharedCounter fallbacks;           // sessions that went on to the fallback pool
  ConnectTimes connects;  // of those that stood and that a session waited for, with their TLS
};

// How a backend stands, for those who look.
struct BackendView {
  std::shared_ptr<Backend> backend;
  BackendState state = BackendState::kUp;
  std::string reason;
  std::uint32_t in_flight = 0;
  std::uint32_t connect_time = 0;  // microseconds, a running mean of those that stood; 0: not known
  std::uint32_t weight = 1;        // these as they are now, which may differ from its identity
  double weight_ratio = 1;         // the part of it that it has now: below 1 during a slow start
  bool is_backup = false;
  bool is_passed_over = false;
  std::optional<std::uint32_t> most_sessions;
  bool has_left = false;  // it no longer belongs to the pool, and has sessions still
};

struct PoolView {
  std::vector<BackendView> backends;
  std::size_t healthy = 0;
  std::size_t total = 0;
  std::size_t waiting = 0;
  bool panic = false;
};

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(PoolSettings settings, const std::vector<std::shared_ptr<Backend>>& backends);

  const std::string& name() const { return name_; }
  // Those that hold now; `pick` tells with which a place was taken. Any thread.
  std::shared_ptr<const PoolSettings> settings() const;
  PoolCounters& counters() { return counters_; }
  const PoolCounters& counters() const { return counters_; }

  // Where sessions go for which this pool has nothing; none: they are refused. Never in a circle.
  void set_fallback(std::shared_ptr<Pool> fallback);
  std::shared_ptr<Pool> fallback() const;

  // A session that needs a place. `reach`: whom it can connect to; none: each of them.
  struct Seeker {
    std::uint64_t key = 0;  // see balance::Request
    const balance::Tried& tried;
    const ClientReach* reach = nullptr;
  };

  // A place at a backend for it, or an empty one and why. A first attempt adds to the budget of retries.
  // `settings`, where they are asked for, become those that hold now: they belong to that backend.
  Slot pick(const Seeker& seeker, NoPick& why_not, std::shared_ptr<const PoolSettings>* settings = nullptr);

  // The last resort of a session for which neither this pool nor its fallback has anything: a place at a
  // backend that is passed over, or an empty one. Nothing where there is no fallback, since `pick` comes to
  // those itself.
  Slot pick_passed_over(const ClientReach* reach, std::shared_ptr<const PoolSettings>* settings = nullptr);

  // Whether a session whose attempt failed may make another one: the budget allows it. Counts it.
  bool may_retry(base::TimePoint now);

  // Puts a session in the queue whose `pick` has met `kFull`, unless there is a place by now: then it is
  // woken at once. One that waits here `again`, since what it was given was of no use, stands before those
  // who came after it, even where the queue is full by now. False: the queue is full. What `reach` refers to
  // outlives the wait.
  bool wait(Waiter& waiter, const Seeker& seeker, bool again = false);
  // Takes it out of the queue; returns the place that it has been given, or an empty one.
  Slot leave(Waiter& waiter);

  // What checks tell. Nothing happens for a backend that has left. True: more should follow soon.
  bool check_passed(const Backend& backend, base::TimePoint now);
  bool check_failed(const Backend& backend, std::string reason);

  // A warm connection to it, which no session had, was lost since its host no longer answers: counts as a
  // session's connect that failed. Nothing more happens for a backend that has left.
  void warm_lost(Backend& backend, base::TimePoint now);

  void set_mode(const Backend& backend, BackendMode mode, base::TimePoint now);
  // See `Roster::want_weight`. What a policy takes long to work out is made before the lock is taken. One
  // thread at a time, with `replace`.
  void want_weight(const Backend& backend, std::uint32_t weight, base::TimePoint now);
  // See `Roster::replace`. What a policy takes long to work out is made before the lock is taken. One thread
  // at a time.
  void replace(const std::vector<std::shared_ptr<Backend>>& backends, base::TimePoint now);

  // The pool of a new configuration: other settings and backends at once, so that nobody sees half of it.
  // What is under way goes on: places, those who wait, states as far as the new rules know of them, counters.
  // One thread at a time, with `replace`. Precondition: the name is the same.
  void change(PoolSettings settings, const std::vector<std::shared_ptr<Backend>>& backends,
              base::TimePoint now);

  // See `Roster::past` and `Roster::go_on_from`.
  std::vector<BackendPast> past(base::TimePoint now) const;
  void go_on_from(const std::vector<BackendPast>& past, base::TimePoint now);

  // Ends ejections and lets slow starts grow. Returns what has happened in the pool since the last call, in
  // order. That retries were denied comes last, and once a minute at most. To be called soon after `ask` (see
  // `set_keeper`), and a few times a second while the pool `is_waiting`.
  std::vector<PoolEvent> advance(base::TimePoint now);
  // A slow start or an ejection is under way, or denied retries have not been told yet.
  bool is_waiting() const;

  // `ask` is called when something has happened for `advance` to tell; once until it is called. Any thread;
  // `ask` must not call the pool. Events from before are told of at once. Empty: nobody keeps the pool.
  void set_keeper(std::function<void()> ask);

  // How many places were taken so far: the number of the last one.
  std::uint64_t last_place() const;
  // Places at it are taken.
  bool has_sessions_at(const Backend& backend) const;

  PoolView view() const;
  // Its backends, those that have left and still have sessions among them.
  std::vector<std::shared_ptr<Backend>> backends() const;
  // Those that belong to it now.
  std::vector<std::shared_ptr<Backend>> members() const;
  // One that is up and not within `reach`; null: there is none.
  std::shared_ptr<Backend> out_of_reach(const ClientReach& reach) const;
  // Those that are up and not passed over.
  std::vector<std::shared_ptr<Backend>> backends_up() const;

 private:
  friend class Slot;

  void ask_keeper();
  bool has_untold_denials() const { return counters_.retries_denied.value() != denials_told_; }
  void tell_denials(base::TimePoint now, std::vector<PoolEvent>& events);
  // Of one that belongs to the pool.
  std::optional<balance::BackendIndex> find(const Backend& backend) const;
  // Returns those that `to` had.
  std::shared_ptr<const PoolSettings> tell_settings(std::shared_ptr<const PoolSettings>* to) const;
  // In most pools everybody can connect to each backend.
  const ClientReach* reach_of(const ClientReach* reach) const {
    return settings_->transparent ? reach : nullptr;
  }
  Slot slot_at(balance::BackendIndex index);
  void give_back(balance::BackendIndex index);
  void failed(balance::BackendIndex index, Failure how, base::TimePoint now, std::string_view what);
  // Gives places to those who wait and can have one, in their order: all of them, or one place at `index`.
  void serve_all();
  void serve_one(balance::BackendIndex index);
  Roster::Groundworks groundworks() const;
  Roster::Weights wanted_weights() const;
  bool serve(Waiter& waiter);

  const std::string name_;
  PoolCounters counters_;
  mutable std::mutex mutex_;
  std::shared_ptr<const PoolSettings> settings_;
  std::shared_ptr<Pool> fallback_;
  std::function<void()> keeper_;
  bool is_keeper_asked_ = false;  // since the last `advance`
  Roster roster_;
  RetryBudget budget_;
  std::uint64_t denials_told_ = 0;
  base::TimePoint denials_quiet_until_;
  WaitQueue queue_;
};

}  // namespace weir::pool
