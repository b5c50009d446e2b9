// What can be seen of a running Weir, as plain values: the admin door, the demo and the tests read it.
// Reading takes relaxed looks at live counters from any thread and never makes a worker wait; numbers in one
// reading may be a moment apart.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admission/refusals.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/rate.h"
#include "config/settings.h"
#include "metrics/histogram.h"
#include "net/kernel_counters.h"
#include "net/turn_meter.h"
#include "pool/backend.h"
#include "pool/pool.h"
#include "server/predecessors.h"
#include "server/process_facts.h"
#include "session/counters.h"
#include "tls/certificate_fact.h"

namespace weir::server {

struct ListenerStatus {
  std::string name;
  std::string pool;
  std::vector<std::string> pools;        // those that its routes lead to, and `pool` first where there is one
  std::vector<base::Address> addresses;  // real ones: port 0 is resolved
  std::uint64_t accepted = 0;
  std::uint64_t open = 0;
  std::uint64_t handed_over = 0;
  std::uint64_t upload_bytes = 0;
  std::uint64_t download_bytes = 0;
  std::array<std::uint64_t, session::kCloseReasons> closed{};
  metrics::HistogramReading durations = session::Durations::nothing();  // of those that have closed
  std::array<std::uint64_t, admission::kRefusals> refused{};
  std::array<std::uint64_t, admission::kRefusals> would_refuse{};  // by limits that are run dry
  std::array<std::uint64_t, admission::kRefusals> paused{};
  bool asks_proxies = false;  // who their clients are
  std::array<std::uint64_t, session::kProxyNews> proxy_headers{};
  std::array<std::uint64_t, wire::kProxyFaults> proxy_faults{};
  bool reads_hellos = false;
  std::array<std::uint64_t, session::kHelloNews> client_hellos{};
  bool ends_tls = false;  // of clients
  std::array<std::uint64_t, session::kHandshakeNews> handshakes{};
  std::uint64_t handshakes_under_way = 0;
  std::uint64_t most_handshakes = 0;
  std::uint64_t tls_cut = 0;
  std::vector<tls::CertificateFact> certificates;  // in force
  std::uint64_t tarpit_full = 0;
  std::uint64_t large_batches = 0;
  bool wants_kernel_drop = false;
  bool kernel_drop_active = false;
  std::string kernel_drop;            // how denied packets are dropped: "bpf", "classic"; empty: they are not
  std::uint64_t packets_dropped = 0;  // in mode classic with others that the kernel dropped at the socket
};

// A rate of new connections and how much of what may come at once is used up now.
struct RateStatus {
  base::Rate rate;
  std::uint64_t burst = 0;
  std::uint64_t used = 0;  // `burst`: the next one is refused
};

// A set of limits, a listener's own or one that several share.
struct LimitsStatus {
  std::string name;                    // as in the configuration: "listeners.web.limits", "limits.all"
  std::vector<std::string> listeners;  // that keep them
  std::optional<std::uint32_t> most_connections;
  std::uint32_t connections = 0;  // that count towards it, and only while there is one
  std::optional<RateStatus> rate;
  std::optional<std::uint32_t> most_client_connections;
  std::optional<RateStatus> client_rate;  // `used` is each client's own, and 0 here
  std::optional<base::Rate> upload_rate;  // bytes of each connection
  std::optional<base::Rate> download_rate;
  std::string_view when_exceeded;  // "reset", "close", "tarpit"
  bool dry_run = false;
  std::uint64_t tarpitted = 0;  // refused clients that are held now
  std::uint64_t most_tarpitted = 0;
  std::uint64_t clients = 0;       // in the table of clients
  std::uint64_t most_clients = 0;  // there is room for; 0: clients are not limited
  std::uint64_t unlimited = 0;     // connections let in without limits of their own since the table was full
};

// The local ports of connections from one source address to one backend.
struct SourceStatus {
  std::string source;         // an address; "auto": the kernel chooses; "client": the client's own
  std::uint64_t held = 0;     // by this backend's sessions
  std::uint64_t dry = 0;      // connects that found no port, ever
  std::uint64_t missing = 0;  // connects that found that the address is none of this host's, ever
  // What the kernel has for the pair, whoever uses it; nothing where that is not known, or without meaning.
  std::optional<std::uint64_t> time_wait;
  std::optional<std::uint64_t> free;
  std::optional<std::uint64_t> usable;
  std::optional<std::chrono::seconds> dry_in;  // nothing too when that is not within an hour
};

struct BackendStatus {
  std::string name;
  base::Address address;
  std::uint32_t weight = 1;
  bool is_backup = false;
  std::optional<std::uint32_t> most_sessions;
  pool::BackendState state = pool::BackendState::kUp;
  std::string state_reason;
  bool is_passed_over = false;
  bool has_left = false;    // the pool; it has sessions still
  double weight_ratio = 1;  // the part of its weight that it has now: below 1 during a slow start
  std::uint64_t in_flight = 0;
  std::uint64_t connect_time = 0;  // microseconds, a running mean of those that stood; 0: not known
  std::uint64_t attempts = 0;
  std::uint64_t failed_attempts = 0;
  std::uint64_t sessions = 0;
  std::uint64_t early_resets = 0;
  std::uint64_t ejections = 0;
  std::uint64_t checks_passed = 0;
  std::uint64_t checks_failed = 0;
  std::uint64_t checks_not_made = 0;
  std::uint64_t warm = 0;  // connections that wait for a client
  std::uint64_t warm_used = 0;
  std::uint64_t warm_given_up = 0;
  std::uint64_t warm_failed = 0;
  std::uint64_t upload_bytes = 0;
  std::uint64_t download_bytes = 0;
  std::vector<SourceStatus> sources;  // those that have been used
};

// A name among the backends of a pool.
struct NameStatus {
  std::string name;                      // of the entry in the configuration
  std::string asked;                     // the name that name servers are asked for
  bool is_service = false;               // by SRV
  std::vector<base::Address> addresses;  // that it stands for now
  std::optional<base::Millis> age;       // of the last answer; nothing: there has been none
  base::Millis next_question{0};         // from now
  std::string error;                     // why the last question has no answer; empty: it has one
  std::vector<std::string> notes;        // what the last answer has left out
  std::uint64_t answers = 0;
  std::uint64_t failures = 0;
};

struct PoolStatus {
  std::string name;
  std::string fallback;  // the pool that takes over; empty: none
  std::vector<BackendStatus> backends;
  std::vector<NameStatus> names;
  std::optional<tls::CertificateFact> certificate;  // Weir's own, for backends that ask for one
  std::uint64_t healthy = 0;
  bool is_checked = false;  // its backends are
  bool panic = false;
  std::uint64_t waiting = 0;  // sessions, for a place
  std::uint64_t retries = 0;
  std::uint64_t retries_denied = 0;
  std::uint64_t queued = 0;
  std::uint64_t queue_refused = 0;
  std::uint64_t queue_timeouts = 0;
  std::uint64_t queue_left = 0;
  std::uint64_t queue_microseconds = 0;
  std::uint64_t fallbacks = 0;
  metrics::HistogramReading connects = pool::ConnectTimes::nothing();  // how long those took that stood
};

struct WorkerStatus {
  std::uint64_t accepted = 0;  // sessions this worker served or serves
  std::uint64_t open = 0;
  std::size_t number = 0;
  bool is_retired = false;                                             // it is given no more
  metrics::HistogramReading turns = net::TurnMeter::Turns::nothing();  // of its loop
  base::Micros turn_age{0};                                            // of the one that is under way
};

// One of the last refused clients.
struct RefusalStatus {
  std::chrono::system_clock::time_point time;
  std::string listener;
  base::Address client;
  std::string_view reason;
  bool dry_run = false;  // it was let in
};

// A TCP listening socket's queue of connections that wait to be accepted.
struct AcceptQueueStatus {
  std::size_t listener = 0;  // position in the configuration
  std::size_t worker = 0;
  base::Address address;
  unsigned depth = 0;
  unsigned limit = 0;       // of this socket alone; the kernel lets one more in
  std::uint32_t drops = 0;  // SYNs and handshakes that the kernel dropped here; wraps
};

// What the kernel tells of this network namespace, other programs' sockets included.
struct PressureStatus {
  bool is_known = false;  // false: the counters cannot be read now
  net::KernelCounters counters;
  bool syn_flood = false;        // one is going on
  bool accept_overflow = false;  // accept queues overflow
};

struct ProcessStatus {
  bool draining = false;
  std::string version;
  int pid = 0;
  std::chrono::system_clock::time_point started;
  std::string_view log_level;
  std::uint32_t connections = 0;  // permits that are out
  std::uint32_t max_connections = 0;
  std::uint32_t max_connections_asked = 0;  // 0: "auto"
  std::string_view when_full;               // what becomes of more: "wait", "refuse"
  std::optional<RateStatus> rate;           // of all listeners together
  std::uint64_t log_lines_lost = 0;
  std::vector<WorkerStatus> workers;
  std::vector<ListenerStatus> listeners;
  std::vector<LimitsStatus> limits;
  std::vector<PoolStatus> pools;
  std::vector<RefusalStatus> refusals;  // the newest first
  std::vector<AcceptQueueStatus> queues;
  PressureStatus pressure;
  ProcessFacts facts;
  std::vector<PredecessorStatus> predecessors;  // that have sessions of before an upgrade
};

class StatusSource {
 public:
  virtual ProcessStatus read_status() const = 0;
  // That part of it alone.
  virtual bool is_draining() const = 0;
  // What is in force, key by key.
  virtual std::vector<config::Setting> read_settings() const = 0;

 protected:
  ~StatusSource() = default;
};

}  // namespace weir::server
