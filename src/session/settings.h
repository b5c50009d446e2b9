// What a session has of its listener's configuration: what it keeps to its end, which is small, and what it
// goes through before it has a pool. Constant; shared by all sessions that were accepted under it.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "net/socket.h"
#include "relay/relay.h"
#include "session/hello_routes.h"

namespace weir::session {

// Which closed sessions leave a line in the log.
enum class LoggedSessions { kAll, kErrors, kNone };

// Where clients go by their ClientHello, and what becomes of the others.
struct HelloRules {
  HelloRoutes routes;
  bool terminates = false;  // the TLS of clients whom no route is for ends here
  bool refuses_without_route = false;
  bool refuses_others_than_tls = true;
};

struct TlsTermination;

// A session lets go of it once it is connected: one that lasts for a month must not keep a month of routes
// and certificates.
struct Entrance {
  base::Millis preread_timeout{3'000};
  bool proxy_may_be_absent = false;         // a trusted proxy need not send a header
  std::shared_ptr<const HelloRules> hello;  // none: ClientHellos are not looked at
  std::shared_ptr<TlsTermination> tls;      // none: nobody's TLS ends here
};

struct SessionSettings {
  std::string listener;
  std::string pool;  // that the listener leads to where no route does
  base::Millis idle_timeout{600'000};
  base::Millis half_close_timeout{60'000};
  std::optional<base::Millis> max_lifetime;
  relay::Relay::Settings relay{base::Millis(5'000), {}, {}};
  net::TcpOptions tcp;
  LoggedSessions logged = LoggedSessions::kAll;
};

}  // namespace weir::session
