#include "config/client_verify_check.h"

#include <fmt/format.h>

namespace weir::config {
namespace {

constexpr const char* kNotAsked =
    "is passed through, so Weir asks these clients for no certificate (client_verify): see to it that the "
    "backends do, or write mode = \"terminate\"";

}  // namespace

void check_client_verify(const ListenerConfig& listener, Problems& problems) {
  if (!listener.terminates() || listener.tls->client_verify == ClientVerify::kOff) return;
  const bool serves_others = listener.tls->no_route == Otherwise::kPool;
  if (listener.tls->mode == TlsMode::kPassthrough && serves_others) {
    add_warning(problems, listener.tls->place,
                fmt::format("listeners.{}.tls.mode: TLS of clients that no route is for {}, or no_route = "
                            "\"refuse\"",
                            listener.name, kNotAsked));
  }
  for (const RouteConfig& route : listener.routes) {
    if (route.mode != TlsMode::kPassthrough) continue;
    add_warning(problems, route.place,
                fmt::format("listeners.{}.routes: TLS of this route {}", listener.name, kNotAsked));
  }
}

}  // namespace weir::config
