#include "config/validate.h"

#include <fmt/format.h>

#include <set>

#include "config/alpn_check.h"
#include "config/client_verify_check.h"
#include "config/loop_check.h"
#include "config/overlap.h"
#include "config/pool_check.h"
#include "config/pool_references.h"
#include "config/text.h"
#include "config/tls_check.h"

namespace weir::config {
namespace {

void check_listeners_exist(const Config& config, Problems& problems) {
  // A listener that could not be built is reported already.
  if (!config.listeners.empty() || has_error(problems)) return;
  const std::string file = config.files.empty() ? "" : config.files.front();
  add_error(problems, {file, 0, 0},
            "there is no listener, so there is nothing to do: add a table [listeners.NAME] with \"bind\" and "
            "\"pool\"");
}

void check_limits_references(const Config& config, Problems& problems) {
  std::vector<std::string_view> names;
  for (const LimitsConfig& limits : config.limits) names.push_back(limits.name);
  std::set<std::string_view> used;
  bool is_every_use_known = true;
  for (const ListenerConfig& listener : config.listeners) {
    const Placed<std::string>& shared = listener.shared_limits;
    if (shared.value.empty()) continue;
    used.insert(shared.value);
    if (config.find_limits(shared.value) != nullptr) continue;
    is_every_use_known = false;
    add_error(problems, shared.place,
              fmt::format("listeners.{}.limits.shared: there is no table [limits.{}]{}", listener.name,
                          key_text(shared.value), did_you_mean(shared.value, names)));
  }
  if (!is_every_use_known) return;
  for (const LimitsConfig& limits : config.limits) {
    if (used.contains(limits.name)) continue;
    add_warning(problems, limits.place,
                fmt::format("limits.{}: no listener shares these limits", limits.name));
  }
}

// "localhost" is loopback wherever names are resolved (RFC 6761 section 6.3), so it needs no resolver.
std::optional<base::Address> known_address(const base::Endpoint& endpoint) {
  if (const auto* address = std::get_if<base::Address>(&endpoint)) return *address;
  const auto& name = std::get<base::HostPort>(endpoint);
  if (lower_case(name.host) != "localhost") return std::nullopt;
  return base::Address::ipv4({htonl(INADDR_LOOPBACK)}, name.port);
}

void check_loops(const Config& config, Problems& problems) {
  const LoopCheck loops(config, {});
  for (const PoolConfig& pool : config.pools) {
    for (const BackendConfig& backend : pool.backends) {
      const auto address = known_address(backend.address.value);
      if (!address) continue;
      if (auto problem = loops.problem(pool, backend, *address)) {
        add_error(problems, std::move(problem->place), std::move(problem->text));
      }
    }
  }
}

}  // namespace

void validate(const Config& config, Problems& problems) {
  check_listeners_exist(config, problems);
  check_pool_references(config, problems);
  check_limits_references(config, problems);
  check_overlaps(config, problems);
  for (const PoolConfig& pool : config.pools) check_pool(pool, problems);
  check_tls(config, problems);
  check_alpn(config, problems);
  for (const ListenerConfig& listener : config.listeners) check_client_verify(listener, problems);
  check_loops(config, problems);
}

}  // namespace weir::config
