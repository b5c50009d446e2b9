#include "server/doors.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <new>
#include <set>

#include "base/assert.h"
#include "server/access_lists.h"
#include "server/kernel_drop.h"
#include "server/random_seed.h"

namespace weir::server {
namespace {

std::optional<admission::Gcra> rule_of(const std::optional<config::ConnectionRate>& rate) {
  if (!rate) return std::nullopt;
  return admission::Gcra(rate->rate, rate->burst);
}

admission::LimitSettings limit_settings(const config::LimitsConfig& from) {
  admission::LimitSettings settings;
  settings.max_connections = from.max_connections;
  settings.rate = rule_of(from.connection_rate);
  settings.client = {from.client_max_connections, rule_of(from.client_connection_rate)};
  settings.table = {
      from.client_table_size, {from.client_prefix_ipv4, from.client_prefix_ipv6}, random_seed()};
  settings.table_full = from.table_full == config::TableFull::kAdmit ? admission::TableFull::kAdmit
                                                                     : admission::TableFull::kRefuse;
  settings.dry_run = from.dry_run;
  settings.tarpit_max = from.when_exceeded == config::WhenExceeded::kTarpit ? from.tarpit_max : 0;
  return settings;
}

// Those of that key in the configuration before; null: there were none.
std::shared_ptr<admission::LimitSet> find_limits(const DoorsBefore* before, const std::string& key) {
  if (before == nullptr) return nullptr;
  for (std::size_t i = 0; i < before->doors.size(); ++i) {
    if (limits_key(before->config.listeners[i]) == key) return before->doors[i].gate.limits;
  }
  return nullptr;
}

// Null, with an error, when the memory for the table of clients cannot be had.
std::shared_ptr<admission::LimitSet> build_limits(const config::LimitsConfig& from, const std::string& key,
                                                  DoorsBefore* before, config::Problems& problems) {
  const admission::LimitSettings settings = limit_settings(from);
  std::shared_ptr<admission::LimitSet> earlier = find_limits(before, key);
  if (earlier != nullptr && earlier->is_like(settings)) return earlier;
  try {
    auto made = std::make_shared<admission::LimitSet>(settings, earlier);
    if (earlier != nullptr) before->fresh.push_back(made);
    return made;
  } catch (const std::bad_alloc&) {
    config::add_error(
        problems, from.place,
        fmt::format("there is no memory for a table of clients: client_table_size = {} asks for "
                    "more than the process may have (`ulimit -v`)",
                    from.client_table_size));
    return nullptr;
  }
}

// Those that a listener trusts; null when nobody is asked who its client is.
std::shared_ptr<const admission::AccessList> proxies_of(const config::ListenerConfig& listener) {
  if (listener.accept_proxy == config::AcceptProxy::kOff) return nullptr;
  const admission::ClientList trusted{true, listener.proxy_trust.prefixes, listener.proxy_trust.has_unix};
  return std::make_shared<const admission::AccessList>(trusted, admission::ClientList());
}

// What the process has used up of its rate counts under another rule too.
std::shared_ptr<admission::RateLimiter> build_process_rate(const config::Config& config,
                                                           DoorsBefore* before) {
  const auto rule = rule_of(config.process.connection_rate);
  if (!rule) return nullptr;
  std::shared_ptr<admission::RateLimiter> earlier;
  if (before != nullptr && !before->doors.empty()) earlier = before->doors[0].gate.process_rate;
  if (earlier == nullptr) return std::make_shared<admission::RateLimiter>(*rule);
  if (earlier->rule() == *rule) return earlier;
  before->fresh_process_rate = std::make_shared<admission::RateLimiter>(*rule);
  return before->fresh_process_rate;
}

bool is_in_use(const std::shared_ptr<net::PacketFilter>& filter, const DoorsBefore* before) {
  return filter != nullptr && before != nullptr &&
         std::any_of(before->doors.begin(), before->doors.end(),
                     [&](const DoorRules& door) { return door.filter == filter; });
}

}  // namespace

std::string limits_key(const config::ListenerConfig& listener) {
  return listener.shared_limits.value.empty() ? "listeners." + listener.name + ".limits"
                                              : "limits." + listener.shared_limits.value;
}

const config::LimitsConfig& limits_of(const config::Config& config, const config::ListenerConfig& listener) {
  if (listener.shared_limits.value.empty()) return listener.limits;
  const config::LimitsConfig* shared = config.find_limits(listener.shared_limits.value);
  WEIR_ASSERT(shared != nullptr);
  return *shared;
}

std::vector<DoorRules> build_doors(const config::Config& config,
                                   const std::vector<std::shared_ptr<net::PacketFilter>>& filters,
                                   const AdditionsByListener& additions, config::Problems& problems,
                                   DoorsBefore* before) {
  const std::shared_ptr<admission::RateLimiter> process_rate = build_process_rate(config, before);
  std::map<const config::LimitsConfig*, std::shared_ptr<admission::LimitSet>> built;
  std::vector<DoorRules> doors;
  for (const config::ListenerConfig& listener : config.listeners) {
    const config::LimitsConfig& limits = limits_of(config, listener);
    std::shared_ptr<admission::LimitSet>& set = built[&limits];
    if (set == nullptr) set = build_limits(limits, limits_key(listener), before, problems);
    const AccessClients clients =
        load_access_clients(listener.access, additions_to(additions, listener.name), problems);
    std::shared_ptr<net::PacketFilter> filter = filters[doors.size()];
    if (is_in_use(filter, before)) {
      before->filter_updates.push_back({filter, packet_rules_of(clients), doors.size()});
    } else {
      filter = fill_packet_filter(filter, clients, listener, problems);
    }
    doors.push_back({{access_list_of(clients), set, process_rate, proxies_of(listener),
                      listener.accept_proxy == config::AcceptProxy::kRequired},
                     limits.when_exceeded,
                     limits.tarpit_time,
                     std::move(filter)});
  }
  return doors;
}

std::uint64_t most_tarpitted(const config::Config& config) {
  std::set<const config::LimitsConfig*> counted;
  std::uint64_t sum = 0;
  for (const config::ListenerConfig& listener : config.listeners) {
    const config::LimitsConfig& limits = limits_of(config, listener);
    const bool holds = limits.when_exceeded == config::WhenExceeded::kTarpit;
    if (holds && counted.insert(&limits).second) sum += limits.tarpit_max;
  }
  return sum;
}

}  // namespace weir::server
