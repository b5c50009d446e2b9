// The configuration as typed values, after parsing, unit conversion and defaults. Plain data: it knows
// nothing of sockets, threads or TOML. `build` makes it from a file's tree, `validate` checks it as a whole;
// `server` makes the running world from it. Values carry their place in the file where a later check may
// still have to point at it.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/prefix.h"
#include "base/rate.h"
#include "pool/backend_mode.h"

namespace weir::config {

using base::Millis;

// Where a value was written. `file` as the user named it (or as an include resolved); line and column count
// from 1, 0 means "the whole file" or "a default".
struct Place {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
};

template <class T>
struct Placed {
  T value{};
  Place place;
};

enum class WhenFull { kWait, kRefuse };
enum class LogLevel { kDebug, kInfo, kWarning, kError };

inline constexpr std::array<std::string_view, 4> kLogLevelWords{"debug", "info", "warning", "error"};
constexpr std::string_view word(LogLevel level) { return kLogLevelWords[static_cast<std::size_t>(level)]; }
enum class LogFormat { kText, kJson };
enum class SessionLogging { kAll, kErrors, kNone };

// So many new connections in a time, and so many at once.
struct ConnectionRate {
  base::Rate rate;
  std::uint64_t burst = 1;
};

struct ProcessConfig {
  std::optional<unsigned> workers;                  // unset: "auto"
  Placed<std::optional<unsigned>> max_connections;  // unset: "auto", worked out from the descriptor limit
  WhenFull when_full = WhenFull::kWait;
  Millis drain_timeout{30'000};
  Millis drain_delay{0};
  std::optional<Millis> upgrade_drain_timeout{3'600'000};  // unset: "off"
  unsigned busy_poll = 0;                                  // microseconds
  std::optional<unsigned> splice_pipes;                    // unset: "auto"
  Placed<std::string> user;                                // empty: stay who we are
  std::optional<ConnectionRate> connection_rate;           // of all listeners together
};

struct LogConfig {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  Placed<std::string> output{"stderr", {}};  // "stderr", "stdout" or an absolute path
  SessionLogging sessions = SessionLogging::kAll;
};

struct AdminConfig {
  std::optional<Placed<base::Address>> bind;  // unset: "off"
  Placed<std::string> token_file;             // empty: there is no token
  std::vector<std::string> hosts;             // names that it answers to, in small letters
};

// One side of an access list.
struct ClientListConfig {
  std::vector<base::Prefix> prefixes;
  bool has_unix = false;
  std::vector<Placed<std::string>> files;  // as they are to be opened

  bool is_given() const { return !prefixes.empty() || has_unix || !files.empty(); }
};

struct AccessConfig {
  Place place;
  ClientListConfig allow;
  ClientListConfig deny;
  bool kernel_drop = false;

  bool is_given() const { return allow.is_given() || deny.is_given(); }
};

enum class WhenExceeded { kReset, kClose, kTarpit };
enum class TableFull { kAdmit, kRefuse };

struct LimitsConfig {
  std::string name;  // of [limits.NAME]; empty for a listener's own
  Place place;
  std::optional<unsigned> max_connections;
  std::optional<ConnectionRate> connection_rate;
  std::optional<unsigned> client_max_connections;
  std::optional<ConnectionRate> client_connection_rate;
  unsigned client_prefix_ipv4 = 32;
  unsigned client_prefix_ipv6 = 64;
  unsigned client_table_size = 65536;
  TableFull table_full = TableFull::kAdmit;
  std::optional<base::Rate> upload_rate;
  std::optional<base::Rate> download_rate;
  WhenExceeded when_exceeded = WhenExceeded::kReset;
  Millis tarpit_time{10'000};
  unsigned tarpit_max = 1000;
  bool dry_run = false;

  bool limits_clients() const { return client_max_connections || client_connection_rate; }
};

// Whether trusted peers say who their clients are, by the header of the PROXY protocol.
enum class AcceptProxy { kOff, kRequired, kOptional };

// What a listener does with TLS: it ends here, or goes on to the backend as it is.
enum class TlsMode { kTerminate, kPassthrough };
// What becomes of clients that no route is for, or that do not speak TLS.
enum class Otherwise { kPool, kRefuse };
enum class TlsVersion { k12, k13 };
// Whether clients are asked for a certificate.
enum class ClientVerify { kOff, kOptional, kRequired };

// Files as they are to be opened; both may be the same.
struct CertificateConfig {
  Place place;
  std::string chain;
  std::string key;
};

// All from `certificates` on is of TLS that ends here.
struct TlsConfig {
  Place place;
  TlsMode mode = TlsMode::kPassthrough;
  Otherwise no_route = Otherwise::kPool;
  Otherwise not_tls = Otherwise::kRefuse;
  std::vector<CertificateConfig> certificates;  // the first is for names that no other has
  TlsVersion min_version = TlsVersion::k12;
  std::vector<std::string> alpn;  // in order of preference; empty: protocols are not negotiated
  Placed<std::string> client_ca;  // empty: none
  ClientVerify client_verify = ClientVerify::kOff;
  unsigned client_verify_depth = 4;
  std::vector<std::string> ciphers;  // those of TLS 1.3 too; empty: Weir's own
  std::vector<std::string> groups;   // empty: Weir's own
  bool session_tickets = true;
  Placed<std::string> ticket_key_file;  // empty: keys of its own
  std::vector<Placed<std::string>> ocsp_files;
  Millis handshake_timeout{5'000};
  unsigned max_handshakes = 1000;  // under way at once, of all workers together
};

// A pool for the clients that ask for one of these names and offer one of these protocols.
struct RouteConfig {
  Place place;
  TlsMode mode = TlsMode::kPassthrough;           // the listener's when the route has none
  std::vector<Placed<std::string>> server_names;  // "a.example", "*.b.example"; none: every one
  std::vector<std::string> alpn;                  // none: whatever is offered
  Placed<std::string> pool;
};

struct ListenerConfig {
  std::string name;
  Place place;
  std::vector<Placed<base::Address>> bind;  // port ranges already spread out, one entry a port
  bool v6only = true;
  mode_t socket_mode = 0660;
  Placed<std::string> pool;
  Placed<std::optional<unsigned>> backlog;  // unset: "auto", the kernel's somaxconn
  Millis idle_timeout{600'000};
  Millis half_close_timeout{60'000};
  std::optional<Millis> max_lifetime;  // unset: "off"
  std::optional<Millis> keepalive{Millis{30'000}};
  std::optional<Millis> user_timeout;
  Millis reset_linger{5'000};
  std::optional<Millis> defer_accept;  // whole seconds
  unsigned fast_open = 0;
  AcceptProxy accept_proxy = AcceptProxy::kOff;
  ClientListConfig proxy_trust;  // who may send the header
  Millis preread_timeout{3'000};
  std::optional<TlsConfig> tls;  // unset: TLS is not looked at
  std::vector<RouteConfig> routes;

  // Whether something is read of a client before it has a pool.
  bool reads_ahead() const { return accept_proxy != AcceptProxy::kOff || tls; }

  // Whether TLS of any of its clients ends here.
  bool terminates() const {
    const auto is_one = [](const RouteConfig& route) { return route.mode == TlsMode::kTerminate; };
    return tls && (tls->mode == TlsMode::kTerminate || std::any_of(routes.begin(), routes.end(), is_one));
  }

  AccessConfig access;
  LimitsConfig limits;                // its own; not used with `shared_limits`
  Placed<std::string> shared_limits;  // the name of one of `Config::limits`; empty: its own
};

using pool::BackendMode;

struct BackendConfig {
  Placed<base::Endpoint> address;           // a name has port 0 when it is a service's (`ResolveConfig::use`)
  std::string name;                         // as given, or the address as written
  unsigned weight = 1;                      // 0: no new connections, as in kDrain
  std::optional<unsigned> max_connections;  // of each address; unset: "off"
  bool is_backup = false;
  BackendMode mode = BackendMode::kUp;

  bool takes_new_connections() const { return mode == BackendMode::kUp && weight > 0; }
};

enum class PolicyKind { kRoundRobin, kLeastConnections, kRandomTwo, kFastest, kSourceHash, kFirst };

// So many leading bits of a client's address say who it is to `source_hash`; or the name that it asks for,
// where one is known.
struct HashKeyConfig {
  unsigned ipv4_bits = 32;
  unsigned ipv6_bits = 128;
  bool by_server_name = false;

  friend bool operator==(const HashKeyConfig&, const HashKeyConfig&) = default;
};

// What becomes of running sessions; `drain` is the time of kDrain.
enum class SessionFate { kKeep, kDrain, kClose };
struct FateConfig {
  SessionFate fate = SessionFate::kKeep;
  Millis drain{0};

  friend bool operator==(const FateConfig&, const FateConfig&) = default;
};

struct PoolSessionsConfig {
  FateConfig on_down;
  FateConfig on_removed{SessionFate::kDrain, Millis{30'000}};
  FateConfig on_maintenance{SessionFate::kDrain, Millis{30'000}};
};

struct OutlierConfig {
  unsigned consecutive_failures = 5;  // 0: off
  Millis eject_time{30'000};
  double max_ejected = 0.5;  // a share of the backends
  bool observe_resets = true;
};

enum class CheckType { kTcp, kHttp, kExchange, kTls };

// Both ends belong to it.
struct StatusRange {
  unsigned first = 200;
  unsigned last = 299;

  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

struct HttpCheckConfig {
  std::string path = "/health";
  std::string host;  // empty: the backend's address as written
  std::vector<StatusRange> statuses{StatusRange{}};
  std::string body_contains;
};

// Bytes, whatever they were written as.
struct ExchangeCheckConfig {
  std::string send;
  std::string expect;
};

struct HealthConfig {
  Place place;
  CheckType type = CheckType::kTcp;
  Millis interval{2'000};
  Millis timeout{1'000};
  unsigned rise = 2;
  unsigned fall = 3;
  double jitter = 0.1;           // a share of the interval
  std::optional<unsigned> port;  // unset: "auto", the backend's own
  bool initially_up = true;
  std::string server_name;       // asked for in TLS; empty: the pool's if it is a name, else the backend's
  HttpCheckConfig http;          // of kHttp
  ExchangeCheckConfig exchange;  // of kExchange
};

// What the names among the backends stand for: addresses (A, AAAA) or services (SRV).
enum class ResolveUse { kAddress, kService };

struct ResolveConfig {
  Place place;
  std::optional<Millis> interval;  // unset: "ttl"
  bool hold_last_good = true;
  ResolveUse use = ResolveUse::kAddress;
  std::vector<Placed<base::Address>> servers;  // that are asked, with ports; empty: the system's
};

// What backends are told of a client by the PROXY protocol; what version 2 may say besides.
enum class SendProxy { kOff, kV1, kV2 };
enum class ProxyDetail { kAuthority, kAlpn, kUniqueId, kCrc32c, kSsl };

// Which name a backend is asked for in TLS, and its certificate must be for.
enum class BackendName {
  kOfBackend,   // its host name, or its address where it was written as one
  kFromClient,  // the one that the client asked for
  kGiven,
};

struct PoolTlsConfig {
  Place place;
  bool enabled = true;
  bool verify = true;
  Placed<std::string> ca;  // as it is to be opened; empty: those of the system
  BackendName naming = BackendName::kOfBackend;
  std::string server_name;          // of kGiven
  Placed<std::string> certificate;  // Weir's own; empty: none, and no key either
  Placed<std::string> key;
  std::vector<std::string> alpn;
  TlsVersion min_version = TlsVersion::k12;
};

struct PoolConfig {
  std::string name;
  Place place;
  PolicyKind policy = PolicyKind::kRoundRobin;
  std::vector<BackendConfig> backends;
  Millis connect_timeout{3'000};
  unsigned retries = 2;
  std::optional<Millis> slow_start;  // unset: "off"
  double panic_threshold = 0;        // a share of the backends
  unsigned queue_length = 0;
  Millis queue_timeout{5'000};
  HashKeyConfig hash_key;
  std::optional<double> hash_balance;          // unset: "off"
  Placed<std::string> fallback_pool;           // empty: none
  std::vector<Placed<base::Address>> sources;  // port 0; empty: the kernel's choice
  bool transparent = false;                    // never together with `sources`
  Placed<std::string> interface;               // empty: as the routes say
  unsigned warm_connections = 0;               // to each backend, of all workers together
  SendProxy send_proxy = SendProxy::kOff;
  std::vector<ProxyDetail> proxy_tlvs;  // each once
  std::optional<PoolTlsConfig> tls;     // unset or not enabled: none
  std::optional<HealthConfig> health;   // unset: there is no such table
  ResolveConfig resolve;
  PoolSessionsConfig sessions;
  OutlierConfig outlier;

  // Whether TLS is spoken with its backends.
  bool encrypts() const { return tls && tls->enabled; }
};

struct Config {
  ProcessConfig process;
  LogConfig log;
  AdminConfig admin;
  std::vector<ListenerConfig> listeners;  // in the order of the file
  std::vector<PoolConfig> pools;
  std::vector<LimitsConfig> limits;  // [limits.NAME]
  std::vector<std::string> files;    // every file read, the named one first

  const LimitsConfig* find_limits(std::string_view name) const {
    for (const LimitsConfig& one : limits) {
      if (one.name == name) return &one;
    }
    return nullptr;
  }

  const PoolConfig* find_pool(std::string_view name) const {
    for (const PoolConfig& pool : pools) {
      if (pool.name == name) return &pool;
    }
    return nullptr;
  }
};

}  // namespace weir::config
