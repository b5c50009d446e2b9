#include "config/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "config/loop_check.h"
#include "config/overlap.h"
#include "config/text.h"

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

// The names of the pools for a message, not more than people will read.
std::string known_pools(std::span<const std::string_view> names) {
  constexpr std::size_t kMost = 10;
  if (names.empty()) return "there are no pools: add a table [pools.NAME] with \"backends\"";
  if (names.size() <= kMost) return fmt::format("known are {}", join_quoted(names, "and"));
  std::string first;
  for (const std::string_view name : names.first(kMost)) first += (first.empty() ? "" : ", ") + quote(name);
  return fmt::format("known are {} and {} more", first, names.size() - kMost);
}

void check_pool_references(const Config& config, Problems& problems) {
  std::vector<std::string_view> names;
  for (const PoolConfig& pool : config.pools) names.push_back(pool.name);
  const std::set<std::string_view> known(names.begin(), names.end());
  std::set<std::string_view> used;
  bool is_every_use_known = !config.listeners.empty();
  for (const ListenerConfig& listener : config.listeners) {
    const Placed<std::string>& pool = listener.pool;
    used.insert(pool.value);
    if (known.contains(pool.value)) continue;
    is_every_use_known = false;
    if (pool.value.empty()) continue;
    add_error(problems, pool.place,
              fmt::format("listeners.{}.pool: pool {} does not exist: {}{}", listener.name, quote(pool.value),
                          known_pools(names), did_you_mean(pool.value, names)));
  }
  // A pool may look unused only because its name is misspelt where it is used.
  if (!is_every_use_known) return;
  for (const PoolConfig& pool : config.pools) {
    if (used.contains(pool.name)) continue;
    add_warning(problems, pool.place, fmt::format("pools.{}: no listener uses this pool", pool.name));
  }
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

// Host names are compared without regard to case, as DNS does (RFC 4343).
std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

std::string address_key(const base::Endpoint& endpoint) {
  std::string key = to_string(endpoint);
  return std::holds_alternative<base::HostPort>(endpoint) ? lower_case(std::move(key)) : key;
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
                              pool.name, quote(to_string(backend.address.value)),
                              to_string(same->second->address.place)));
    }
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
  for (const PoolConfig& pool : config.pools) check_backends_differ(pool, problems);
  check_loops(config, problems);
}

}  // namespace weir::config
