// How an open session stands, as values for those who look: the operator's door, and through it people. Made
// on the session's worker, valid for ever.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "net/tcp_facts.h"
#include "pool/slot.h"
#include "session/close_reason.h"
#include "tls/tls_stream.h"

namespace weir::session {

struct SessionView {
  std::uint64_t id = 0;
  std::size_t worker = 0;
  std::string listener;
  std::string pool;     // that it asked last; empty: it has not asked one yet
  std::string backend;  // of its last attempt there; empty: none yet
  base::Address backend_address;
  base::Address client;
  std::string server_name;  // that the client asks for
  SessionState state = SessionState::kConnect;
  bool waits_for_place = false;
  base::Micros age{0};
  base::Micros idle{0};  // since bytes moved, or since it began
  std::uint64_t upload_bytes = 0;
  std::uint64_t download_bytes = 0;
};

// Sessions of one client, as sums.
struct ClientSum {
  base::Address client;  // port 0
  std::uint64_t sessions = 0;
  std::uint64_t upload_bytes = 0;
  std::uint64_t download_bytes = 0;
  base::Micros oldest{0};  // age
};

// One of the sockets of a session.
struct SocketView {
  base::Address local;
  base::Address remote;
  std::optional<tls::Facts> tls;
  std::optional<net::TcpFacts> tcp;  // nothing: a unix socket, or it is not there yet
};

struct Deadline {
  std::string_view name;  // of the setting
  base::Millis left{0};   // below 0: it is due and will be looked at
};

// Everything about one.
struct SessionDetail {
  SessionView view;
  base::Address proxy;        // that has named the client; empty: none
  base::Address destination;  // where the client has connected to, as the proxy says; empty: unknown
  std::string alpn;           // that the client speaks in TLS that ends here, or as the proxy says
  SocketView client;
  std::optional<SocketView> backend;
  unsigned attempts = 0;
  std::optional<pool::Choice> choice;  // why this backend; nothing: it has no place
  std::uint64_t place = 0;             // its number in the pool's order
  std::string listener_pool;           // that its listener leads to where no route does
  std::string first_pool;              // that it was led to at first; empty: that is not known yet
  std::string failed_backend;          // of the last attempt that failed
  int connect_error = 0;               // errno of it
  std::string tls_fault;
  bool was_retry_denied = false;
  std::optional<base::Micros> connect_time;
  bool was_warm = false;
  std::optional<base::Micros> queue_time;
  std::vector<Deadline> deadlines;
};

}  // namespace weir::session
