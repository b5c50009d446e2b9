// What a health check is, as plain values, and what it is aimed at. No sockets and no state here: one check
// may be shared by all backends of a pool. Who counts rise and fall is not this room's business.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "pool/proxy_sending.h"

namespace weir::tls {
class ClientContext;
}

namespace weir::health {

// Status codes from `first` to `last`, both among them.
struct StatusPattern {
  int first = 200;
  int last = 299;
  bool contains(int status) const { return first <= status && status <= last; }
  friend bool operator==(const StatusPattern&, const StatusPattern&) = default;
};

// The shortest form that a configuration may have: "2xx", "204", "200-204".
std::string to_string(StatusPattern pattern);

// Passes once the connection stands. Whoever listens may still be stuck: the kernel completes handshakes for
// it.
struct TcpCheck {};

// Passes once the TLS handshake is done. Its target has TLS.
struct TlsCheck {};

// GET over HTTP/1.1, the connection closed afterwards. Passes when the whole answer has come (or the first 64
// KiB of its body), its status is among `status` and its body holds `body_contains`.
struct HttpCheck {
  std::string path = "/";                                 // a request target (RFC 9112 section 3.2.1)
  std::string host;                                       // the Host field; empty: the target's authority
  std::vector<StatusPattern> status = {StatusPattern{}};  // not empty
  std::string body_contains;                              // empty: any body, or none
};

// Sends `send` and passes as soon as what comes back begins with `expect`. An empty `send` waits for the
// greeting of a server that speaks first; an empty `expect` takes any byte.
struct ExchangeCheck {
  std::string send;
  std::string expect;
};

struct Check {
  std::variant<TcpCheck, TlsCheck, HttpCheck, ExchangeCheck> type;
  base::Millis interval{2000};  // from the start of one probe to the start of the next; at least 1 ms
  base::Millis timeout{1000};   // of a whole probe; at least 1 ms
  double jitter = 0.1;          // the share, 0 to 1, by which an interval may be shorter or longer
};

// How a target is spoken to where that is not plainly.
struct TargetTls {
  std::shared_ptr<const tls::ClientContext> context;  // none: plainly
  // Asked for, and what a context that verifies wants a certificate for; empty: the target's IP address.
  std::string server_name{};

  explicit operator bool() const { return context != nullptr; }
};

// What is probed. The check is shared and does not change.
struct Target {
  base::Address address;
  std::shared_ptr<const Check> check;
  std::uint64_t origin = 0;  // where to connect from: a number that only the `Connect` knows the meaning of
  std::string authority{};   // the Host field of a check that has none, "app.internal:80"; empty: the address
  // The header that comes before anything else and says that the probe speaks for nobody: version 1, which
  // has no word for that, by the addresses of the probe's own connection; version 2 by LOCAL.
  pool::ProxyVersion proxy = pool::ProxyVersion::kNone;
  TargetTls tls{};  // of the whole conversation, but for that header
};

}  // namespace weir::health
