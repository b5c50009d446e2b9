#include "config/pool_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "config/text.h"

namespace weir::config {
namespace {

constexpr std::size_t kMostNamed = 5;

// As it was written: a service's name has no port.
std::string address_text(const base::Endpoint& endpoint) {
  const auto* name = std::get_if<base::HostPort>(&endpoint);
  return name != nullptr && name->port == 0 ? name->host : to_string(endpoint);
}

// Host names are compared without regard to case, IPv4 addresses in either form are the same.
std::string address_key(const base::Endpoint& endpoint) {
  if (const auto* address = std::get_if<base::Address>(&endpoint)) return address->unmapped().to_string();
  return lower_case(to_string(endpoint));
}

void check_backends_differ(const PoolConfig& pool, Problems& problems) {
  std::map<std::string, const BackendConfig*> by_name;
  std::map<std::string, const BackendConfig*> by_address;
  for (const BackendConfig& backend : pool.backends) {
    const auto [named, is_new_name] = by_name.emplace(backend.name, &backend);
    const auto [same, is_new_address] = by_address.emplace(address_key(backend.address.value), &backend);
    if (!is_new_name) {
      add_error(problems, backend.address.place,
                fmt::format("pools.{}.backends: a backend named {} is already at {}: give each a name of its "
                            "own, or write one with a larger weight",
                            pool.name, quote(backend.name), to_string(named->second->address.place)));
    } else if (!is_new_address) {
      add_warning(problems, backend.address.place,
                  fmt::format("pools.{}.backends: {} is already at {}: it gets a share for each; a larger "
                              "weight says the same",
                              pool.name, quote(address_text(backend.address.value)),
                              to_string(same->second->address.place)));
    }
  }
}

// Their names for a message, not more than people will read.
std::string names_of(const std::vector<const BackendConfig*>& backends) {
  std::vector<std::string> names;
  for (const BackendConfig* backend : backends) {
    if (names.size() == kMostNamed) break;
    names.push_back(quote(backend->name));
  }
  if (backends.size() == names.size()) return join(names, "and");
  names.push_back(fmt::format("{} more", backends.size() - names.size()));
  return join(names, "and");
}

template <class Is>
std::vector<const BackendConfig*> backends_that(const PoolConfig& pool, Is is) {
  std::vector<const BackendConfig*> out;
  for (const BackendConfig& backend : pool.backends) {
    if (is(backend)) out.push_back(&backend);
  }
  return out;
}

template <class Is>
bool is_every_backend(const PoolConfig& pool, Is is) {
  return !pool.backends.empty() && std::all_of(pool.backends.begin(), pool.backends.end(), is);
}

bool is_address(const BackendConfig& backend) {
  return std::holds_alternative<base::Address>(backend.address.value);
}

bool is_unix(const BackendConfig& backend) {
  const auto* address = std::get_if<base::Address>(&backend.address.value);
  return address != nullptr && address->is_unix();
}

void check_some_take_connections(const PoolConfig& pool, Problems& problems) {
  if (!is_every_backend(pool, [](const BackendConfig& one) { return !one.takes_new_connections(); })) return;
  const std::string& fallback = pool.fallback_pool.value;
  const std::string outcome = fallback.empty()
                                  ? std::string("every client is refused")
                                  : fmt::format("every client goes to the pool {}", quote(fallback));
  add_warning(problems, pool.place,
              fmt::format("pools.{}.backends: all are in drain, in maintenance or have weight 0, so {} until "
                          "one of them is up",
                          pool.name, outcome));
}

void check_some_are_no_backups(const PoolConfig& pool, Problems& problems) {
  if (!is_every_backend(pool, [](const BackendConfig& one) { return one.is_backup; })) return;
  add_warning(
      problems, pool.place,
      fmt::format("pools.{}.backends: all are backups, so they are used as if none were: remove backup "
                  "= true from those that shall be used first",
                  pool.name));
}

// With the policy "first" a backend without a maximum is never full.
void check_first_fills_up(const PoolConfig& pool, Problems& problems) {
  if (pool.policy != PolicyKind::kFirst) return;
  for (const bool is_backup : {false, true}) {
    const auto tier = backends_that(pool, [&](const BackendConfig& one) {
      return one.is_backup == is_backup && one.takes_new_connections();
    });
    const auto endless = std::find_if(tier.begin(), tier.end(),
                                      [](const BackendConfig* one) { return !one->max_connections; });
    if (endless == tier.end() || endless + 1 == tier.end()) continue;
    const BackendConfig& backend = **endless;
    add_warning(
        problems, backend.address.place,
        fmt::format("pools.{}.backends: {} has no max_connections, so it is never full, and with policy = "
                    "\"first\" those after it get nothing while it is up: {}",
                    pool.name, quote(backend.name), names_of({endless + 1, tier.end()})));
  }
}

void check_queue_can_form(const PoolConfig& pool, Problems& problems) {
  if (pool.queue_length == 0) return;
  const auto never_full = backends_that(pool, [](const BackendConfig& one) { return !one.max_connections; });
  if (never_full.size() == pool.backends.size()) {
    return add_warning(
        problems, pool.place,
        fmt::format("pools.{}.queue_length: no backend has max_connections, so none is ever full and nobody "
                    "waits: write max_connections for each",
                    pool.name));
  }
  // A strict hash waits for one backend, whatever the others have.
  if (pool.policy == PolicyKind::kSourceHash && !pool.hash_balance) return;
  const auto endless = std::find_if(never_full.begin(), never_full.end(), [](const BackendConfig* one) {
    return !one->is_backup && one->takes_new_connections();
  });
  if (endless == never_full.end()) return;
  add_warning(problems, (*endless)->address.place,
              fmt::format("pools.{}.queue_length: {} has no max_connections, so it is never full and nobody "
                          "waits while it is up: write one for it too",
                          pool.name, quote((*endless)->name)));
}

// With a strict hash a client whose backend is full has nowhere else to go, whatever the others have.
void check_hash_has_a_way_out(const PoolConfig& pool, Problems& problems) {
  if (pool.policy != PolicyKind::kSourceHash || pool.hash_balance || pool.queue_length > 0) return;
  const auto bounded =
      backends_that(pool, [](const BackendConfig& one) { return one.max_connections.has_value(); });
  const bool is_alone = pool.backends.size() == 1 && is_every_backend(pool, is_address);
  if (bounded.empty() || is_alone) return;
  add_warning(problems, bounded.front()->address.place,
              fmt::format("pools.{}.backends: {} has max_connections, and with policy = \"source_hash\" its "
                          "clients are refused when it is full, also while others have room: write "
                          "queue_length, so that they wait, or hash_balance, so that they go to others",
                          pool.name, quote(bounded.front()->name)));
}

void check_backends_can_fail(const PoolConfig& pool, Problems& problems) {
  if (pool.health) return;
  const auto warn = [&](std::string_view key, std::string_view why) {
    add_warning(problems, pool.place,
                fmt::format("pools.{}.{}: it says nothing, since {}", pool.name, key, why));
  };
  if (pool.sessions.on_down != PoolSessionsConfig().on_down) {
    warn("sessions.on_down",
         fmt::format("only checks find a backend down: write [pools.{}.health]", pool.name));
  }
  // A name's backends come and go besides.
  if (pool.outlier.consecutive_failures > 0 || !is_every_backend(pool, is_address)) return;
  constexpr std::string_view kNone =
      "without checks (health) and with outlier.consecutive_failures = 0 every backend is always up";
  if (pool.slow_start) warn("slow_start", kNone);
  if (pool.panic_threshold > 0) warn("panic_threshold", kNone);
}

void check_health_reaches(const PoolConfig& pool, Problems& problems) {
  if (!pool.health || !pool.health->port) return;
  const auto unix = backends_that(pool, is_unix);
  if (unix.empty()) return;
  add_warning(
      problems, pool.health->place,
      fmt::format("pools.{}.health.port: a unix socket has no port, so these are checked where they are: {}",
                  pool.name, names_of(unix)));
}

// Backends for which no source address is of use, since a connection stays within one family.
void check_sources_reach(const PoolConfig& pool, Problems& problems) {
  if (pool.sources.empty()) return;
  const auto beyond = backends_that(pool, [&](const BackendConfig& backend) {
    const auto* address = std::get_if<base::Address>(&backend.address.value);
    return address != nullptr && address->is_ip() &&
           std::none_of(pool.sources.begin(), pool.sources.end(), [&](const Placed<base::Address>& source) {
             return source.value.family() == address->unmapped().family();
           });
  });
  if (beyond.empty()) return;
  add_warning(
      problems, pool.sources.front().place,
      fmt::format("pools.{}.source: no address in it is of the family (IPv4 or IPv6) of these backends, so "
                  "the kernel chooses where connections to them come from: {}",
                  pool.name, names_of(beyond)));
}

void check_unix_needs_no_source(const PoolConfig& pool, Problems& problems) {
  const auto unix = backends_that(pool, is_unix);
  if (unix.empty()) return;
  const auto warn = [&](std::string_view key, const Place& place) {
    add_warning(
        problems, place,
        fmt::format("pools.{}.{}: a unix socket has no addresses and no interface, so it says nothing for {}",
                    pool.name, key, names_of(unix)));
  };
  if (!pool.sources.empty()) warn("source", pool.sources.front().place);
  if (pool.transparent) warn("transparent", pool.place);
  if (!pool.interface.value.empty()) warn("interface", pool.interface.place);
}

// A certificate is for a name or for an IP address.
void check_unix_has_a_name(const PoolConfig& pool, Problems& problems) {
  if (!pool.encrypts() || !pool.tls->verify || pool.tls->naming != BackendName::kOfBackend) return;
  const auto unix = backends_that(pool, is_unix);
  if (unix.empty()) return;
  add_error(
      problems, pool.tls->place,
      fmt::format("pools.{}.tls.server_name: a unix socket has no name that a certificate could be for: "
                  "write server_name, or verify = false; it concerns {}",
                  pool.name, names_of(unix)));
}

// A check has no client whose name it could ask for.
void check_unix_has_a_name_for_checks(const PoolConfig& pool, Problems& problems) {
  if (!pool.encrypts() || !pool.tls->verify || pool.tls->naming != BackendName::kFromClient) return;
  if (!pool.health || pool.health->type == CheckType::kTcp || !pool.health->server_name.empty()) return;
  const auto unix = backends_that(pool, is_unix);
  if (unix.empty()) return;
  add_error(
      problems, pool.health->place,
      fmt::format("pools.{}.health.server_name: a check has no client, and a unix socket has no name that "
                  "a certificate could be for: write the name that is to be asked for; it concerns "
                  "{}",
                  pool.name, names_of(unix)));
}

void check_names_to_resolve(const PoolConfig& pool, Problems& problems) {
  const ResolveConfig usual;
  const ResolveConfig& resolve = pool.resolve;
  const bool is_usual = resolve.interval == usual.interval && resolve.use == usual.use &&
                        resolve.hold_last_good == usual.hold_last_good && resolve.servers.empty();
  if (is_usual || !is_every_backend(pool, is_address)) return;
  add_warning(problems, resolve.place,
              fmt::format("pools.{}.resolve: no backend is a name, so nothing is looked up", pool.name));
}

}  // namespace

void check_pool(const PoolConfig& pool, Problems& problems) {
  check_backends_differ(pool, problems);
  check_some_take_connections(pool, problems);
  check_some_are_no_backups(pool, problems);
  check_first_fills_up(pool, problems);
  check_queue_can_form(pool, problems);
  check_hash_has_a_way_out(pool, problems);
  check_backends_can_fail(pool, problems);
  check_health_reaches(pool, problems);
  check_sources_reach(pool, problems);
  check_unix_needs_no_source(pool, problems);
  check_unix_has_a_name(pool, problems);
  check_unix_has_a_name_for_checks(pool, problems);
  check_names_to_resolve(pool, problems);
}

void check_added_backend(const PoolConfig& pool, const BackendConfig& backend, Problems& problems) {
  PoolConfig with_it_alone = pool;
  with_it_alone.backends = {backend};
  check_unix_has_a_name(with_it_alone, problems);
  check_unix_has_a_name_for_checks(with_it_alone, problems);
}

}  // namespace weir::config
