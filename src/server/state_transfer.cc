#include "server/state_transfer.h"

#include <algorithm>

#include "server/doors.h"
#include "server/name_watches.h"

namespace weir::server {
namespace {

// Of the rate that all listeners share.
constexpr const char* kProcess = "process";

}  // namespace

HandedState state_to_hand_over(const Running& running, const std::vector<NameAtStart>& names,
                               base::TimePoint now) {
  const config::Config& config = running.config;
  HandedState state;
  for (const auto& pool : running.world.pools) state.pools[pool->name()] = pool->past(now);
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const admission::Gate::Rules& gate = running.world.doors[i].gate;
    if (const auto& rate = gate.limits->rate()) {
      state.rates[limits_key(config.listeners[i])] = rate->ahead(now);
    }
    if (gate.process_rate != nullptr) state.rates[kProcess] = gate.process_rate->ahead(now);
  }
  for (const NameAtStart& name : names) {
    const config::PoolConfig& pool = config.pools[name.pool];
    const auto& written = std::get<base::HostPort>(pool.backends[name.backend].address.value);
    if (!name.endpoints.empty()) {
      state.names.push_back({pool.name, written, is_service(pool), name.endpoints});
    }
  }
  return state;
}

std::vector<HandedTickets> tickets_to_hand_over(const Running& running, base::TimePoint now) {
  std::vector<HandedTickets> all;
  for (std::size_t i = 0; i < running.config.listeners.size(); ++i) {
    const auto& tickets = running.world.tls[i].tickets;
    if (tickets == nullptr) continue;
    auto keys = tickets->aged(now);
    if (!keys.empty()) all.push_back({running.config.listeners[i].name, std::move(keys)});
  }
  return all;
}

KnownAnswers known_answers(const HandedState& state) {
  return [&state](const config::PoolConfig& pool, const base::HostPort& asked) {
    const auto found = std::find_if(state.names.begin(), state.names.end(), [&](const HandedName& one) {
      return one.pool == pool.name && one.asked == asked && one.is_service == is_service(pool);
    });
    return found == state.names.end() ? std::vector<discovery::DiscoveredEndpoint>() : found->endpoints;
  };
}

void go_on_from(const HandedState& state, const std::vector<HandedTickets>& tickets,
                const config::Config& config, const World& world, base::TimePoint now) {
  for (const auto& pool : world.pools) {
    const auto known = state.pools.find(pool->name());
    if (known != state.pools.end()) pool->go_on_from(known->second, now);
  }
  const auto go_on = [&](const std::shared_ptr<admission::RateLimiter>& rate, const std::string& name) {
    const auto known = state.rates.find(name);
    if (rate != nullptr && known != state.rates.end()) rate->go_on_from(known->second, now);
  };
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const std::string& name = config.listeners[i].name;
    go_on(world.doors[i].gate.limits->rate(), limits_key(config.listeners[i]));
    go_on(world.doors[i].gate.process_rate, kProcess);
    const auto known = std::find_if(tickets.begin(), tickets.end(),
                                    [&](const HandedTickets& one) { return one.listener == name; });
    if (known != tickets.end() && world.tls[i].tickets != nullptr) {
      world.tls[i].tickets->go_on_with(known->keys, now);
    }
  }
}

void go_on_from(const HandedState& state, const config::Config& config, LogWriter& log) {
  const auto& level = state.log_level;
  if (level && level->written == config.log.level) log.set_level(level->wanted);
}

}  // namespace weir::server
