// Why a session closed: exactly one of these. One list: the enum, the metric's label and the word in the log
// are the same word. `client_end` and `backend_end` are the clean ones; every other reason shows the
// surviving side a reset, so that a stream which was cut never looks whole. A unix socket knows no reset:
// there it looks like the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::session {

enum class CloseReason : std::uint8_t {
  kClientEnd,           // both streams ended, the client's first
  kBackendEnd,          // both streams ended, the backend's first
  kClientReset,         // the client's host sent a reset
  kBackendReset,        // the backend's host sent a reset
  kClientLost,          // no answer from the client: keep-alive or user timeout
  kBackendLost,         // no answer from the backend
  kClientTls,           // what came of the client is no TLS any more
  kBackendTls,          // the same of the backend, or its stream has ended without being told to
  kPrereadTimeout,      // what a proxy says of its client, or a ClientHello, did not come in preread_timeout
  kProxyHeader,         // what came of it is no header, or not one that may come
  kRefused,             // the client that it named may not come in
  kClientHello,         // what came of the client's ClientHello is none, where one must come
  kHandshakeTimeout,    // its TLS handshake was not over after handshake_timeout
  kHandshake,           // it came to no agreement
  kHandshakeLimit,      // as many were under way as may be
  kNoRoute,             // no route is for what it asks for, and the listener refuses others
  kNoBackend,           // the pool has no usable backend
  kPoolFull,            // every backend has as many sessions as it may, and so has the queue
  kQueueTimeout,        // waited for a place for queue_timeout
  kConnectRefused,      // the last attempt was refused
  kConnectUnreachable,  // the last attempt met no route, no host or a prohibition
  kConnectTls,          // its TLS handshake came to no agreement
  kConnectTimeout,      // the last attempt took longer than connect_timeout
  kNoSourcePort,        // no local port was free towards the backend (EADDRNOTAVAIL)
  kNoDescriptors,       // the process or the system is out of descriptors
  kNoMemory,            // the kernel, or what is kept for reading ahead, is out of memory
  kIdleTimeout,         // no byte in either direction for idle_timeout
  kHalfCloseTimeout,    // one stream ended, and no byte in the other for half_close_timeout
  kMaxLifetime,         // older than max_lifetime
  kBackendDown,         // its checks failed, and sessions.on_down ends it
  kBackendRemoved,      // it no longer belongs to the pool, and sessions.on_removed ends it
  kBackendMaintenance,  // it is in maintenance, and sessions.on_maintenance ends it
  kOperator,            // somebody at the admin door has closed it
  kDrainTimeout,        // still open when drain_timeout ended
  kShutdown,            // cut by a second signal to stop
};

inline constexpr std::array<std::string_view, 35> kCloseReasonWords{"client_end",
                                                                    "backend_end",
                                                                    "client_reset",
                                                                    "backend_reset",
                                                                    "client_lost",
                                                                    "backend_lost",
                                                                    "client_tls",
                                                                    "backend_tls",
                                                                    "preread_timeout",
                                                                    "proxy_header",
                                                                    "refused",
                                                                    "client_hello",
                                                                    "handshake_timeout",
                                                                    "handshake",
                                                                    "handshake_limit",
                                                                    "no_route",
                                                                    "no_backend",
                                                                    "pool_full",
                                                                    "queue_timeout",
                                                                    "connect_refused",
                                                                    "connect_unreachable",
                                                                    "connect_tls",
                                                                    "connect_timeout",
                                                                    "no_source_port",
                                                                    "no_descriptors",
                                                                    "no_memory",
                                                                    "idle_timeout",
                                                                    "half_close_timeout",
                                                                    "max_lifetime",
                                                                    "backend_down",
                                                                    "backend_removed",
                                                                    "backend_maintenance",
                                                                    "operator",
                                                                    "drain_timeout",
                                                                    "shutdown"};

inline constexpr std::size_t kCloseReasons = kCloseReasonWords.size();
static_assert(static_cast<std::size_t>(CloseReason::kShutdown) + 1 == kCloseReasons);

constexpr std::string_view word(CloseReason reason) {
  return kCloseReasonWords[static_cast<std::size_t>(reason)];
}

constexpr bool is_clean(CloseReason reason) {
  return reason == CloseReason::kClientEnd || reason == CloseReason::kBackendEnd;
}

// What a log of errors has. A refusal is none, as it is not where a client is refused before it has a
// session; under a flood there are many.
constexpr bool is_error(CloseReason reason) { return !is_clean(reason) && reason != CloseReason::kRefused; }

// Where a session stands. It never goes backwards.
enum class SessionState : std::uint8_t { kPreread, kHandshake, kConnect, kRelay, kHalfClosed, kLinger };

inline constexpr std::array<std::string_view, 6> kSessionStateWords{"preread", "handshake",   "connect",
                                                                    "relay",   "half_closed", "linger"};

constexpr std::string_view word(SessionState state) {
  return kSessionStateWords[static_cast<std::size_t>(state)];
}

}  // namespace weir::session
