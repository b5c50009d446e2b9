#include "config/tls_check.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>

#include "config/fallbacks.h"

namespace weir::config {
namespace {

// What is known of the clients that may come to a pool.
struct Uses {
  std::set<std::string_view> used;
  std::set<std::string_view> hear_names;                   // told by a ClientHello, or by a proxy
  std::map<std::string_view, std::string> passed_through;  // where TLS goes on to the pool as it is
};

Uses uses_of(const Config& config) {
  Uses uses;
  for (const ListenerConfig& listener : config.listeners) {
    const auto add = [&](const std::string& pool, bool passes_through, const std::string& from) {
      for (const std::string_view name : with_fallbacks(config, pool)) {
        uses.used.insert(name);
        if (listener.reads_ahead()) uses.hear_names.insert(name);
        if (passes_through) uses.passed_through.emplace(name, from);
      }
    };
    const bool passes_others = listener.tls && listener.tls->mode == TlsMode::kPassthrough &&
                               listener.tls->no_route == Otherwise::kPool;
    add(listener.pool.value, passes_others, fmt::format("listeners.{}", listener.name));
    for (const RouteConfig& route : listener.routes) {
      add(route.pool.value, listener.tls && route.mode == TlsMode::kPassthrough,
          fmt::format("a route of listeners.{} ({})", listener.name, to_string(route.place)));
    }
  }
  return uses;
}

void check_hash_key(const PoolConfig& pool, const Uses& uses, Problems& problems) {
  if (pool.policy != PolicyKind::kSourceHash || !pool.hash_key.by_server_name) return;
  if (uses.hear_names.contains(pool.name)) return;
  add_warning(problems, pool.place,
              fmt::format("pools.{}.hash_key: no name is ever known here, so clients count by their "
                          "addresses: a listener of this pool needs [listeners.NAME.tls] or accept_proxy",
                          pool.name));
}

void check_names_of_clients(const PoolConfig& pool, const Uses& uses, Problems& problems) {
  if (!pool.encrypts() || pool.tls->naming != BackendName::kFromClient) return;
  if (uses.hear_names.contains(pool.name) || !uses.used.contains(pool.name)) return;
  add_error(
      problems, pool.tls->place,
      fmt::format("pools.{}.tls.server_name: no name of a client is ever known here: a listener of this "
                  "pool needs [listeners.NAME.tls] or accept_proxy; or write the name that the "
                  "backends are to be asked for",
                  pool.name));
}

void check_tls_is_not_within_tls(const PoolConfig& pool, const Uses& uses, Problems& problems) {
  const auto found = uses.passed_through.find(pool.name);
  if (!pool.encrypts() || found == uses.passed_through.end()) return;
  add_warning(
      problems, pool.tls->place,
      fmt::format("pools.{}.tls: {} passes the TLS of clients through to this pool, so backends would "
                  "get TLS within TLS: remove this table, or write mode = \"terminate\" there",
                  pool.name, found->second));
}

}  // namespace

void check_tls(const Config& config, Problems& problems) {
  const Uses uses = uses_of(config);
  for (const PoolConfig& pool : config.pools) {
    check_hash_key(pool, uses, problems);
    check_names_of_clients(pool, uses, problems);
    check_tls_is_not_within_tls(pool, uses, problems);
  }
}

}  // namespace weir::config
