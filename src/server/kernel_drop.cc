#include "server/kernel_drop.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::server {
namespace {

bool has_tcp(const config::ListenerConfig& listener) {
  return std::any_of(listener.bind.begin(), listener.bind.end(),
                     [](const auto& bind) { return bind.value.is_ip(); });
}

std::shared_ptr<net::PacketFilter> make_filter(const config::ListenerConfig& listener,
                                               config::Problems& problems) {
  const config::Place& place = listener.access.place;
  const std::string key = "listeners." + listener.name + ".access.kernel_drop";
  if (!has_tcp(listener)) {
    config::add_warning(problems, place, key + ": a unix socket has no packets to drop");
    return nullptr;
  }
  auto filter = net::PacketFilter::create({});
  if (!filter) {
    config::add_warning(problems, place,
                        fmt::format("{}: denied clients are refused after they have connected: {}", key,
                                    filter.error().message()));
    return nullptr;
  }
  if (!(*filter)->why_not_bpf().empty()) {
    config::add_warning(
        problems, place,
        fmt::format("{}: the simpler filter is taken, for short lists: {}", key, (*filter)->why_not_bpf()));
  }
  return std::move(*filter);
}

std::shared_ptr<net::PacketFilter> find_filter(const std::string& listener, const config::Config& config,
                                               const std::vector<DoorRules>& doors) {
  for (std::size_t i = 0; i < doors.size(); ++i) {
    if (config.listeners[i].name == listener) return doors[i].filter;
  }
  return nullptr;
}

}  // namespace

std::vector<std::shared_ptr<net::PacketFilter>> make_packet_filters(const config::Config& config,
                                                                    config::Problems& problems,
                                                                    const config::Config* before,
                                                                    const std::vector<DoorRules>* doors) {
  std::vector<std::shared_ptr<net::PacketFilter>> filters;
  for (const config::ListenerConfig& listener : config.listeners) {
    const bool is_wanted = listener.access.kernel_drop && listener.access.is_given();
    auto known = is_wanted && before != nullptr ? find_filter(listener.name, *before, *doors) : nullptr;
    if (is_wanted && known == nullptr) known = make_filter(listener, problems);
    filters.push_back(std::move(known));
  }
  return filters;
}

FilterChange update_filter(net::PacketFilter& filter, const net::PacketRules& rules) {
  FilterChange change;
  if (!filter.update(rules)) {
    const auto emptied = filter.update({});
    const auto updated = emptied ? filter.update(rules) : emptied;
    if (!updated) change = {updated.error().message(), !emptied};
  }
  filter.set_in_force(change.error.empty());
  return change;
}

std::shared_ptr<net::PacketFilter> fill_packet_filter(const std::shared_ptr<net::PacketFilter>& filter,
                                                      const AccessClients& clients,
                                                      const config::ListenerConfig& listener,
                                                      config::Problems& problems) {
  if (filter == nullptr) return nullptr;
  const auto filled = filter->update(packet_rules_of(clients));
  if (filled) return filter;
  config::add_warning(problems, listener.access.place,
                      "listeners." + listener.name +
                          ".access.kernel_drop: denied clients are refused after they have "
                          "connected: " +
                          filled.error().message());
  return nullptr;
}

bool needs_net_admin(const std::vector<std::shared_ptr<net::PacketFilter>>& filters) {
  return std::any_of(filters.begin(), filters.end(), [](const auto& filter) {
    return filter != nullptr && filter->mode() == net::FilterMode::kClassic;
  });
}

}  // namespace weir::server
