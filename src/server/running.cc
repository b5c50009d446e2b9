#include "server/running.h"

#include <fmt/format.h>

#include <algorithm>

#include "net/buffer_pool.h"
#include "server/host.h"

namespace weir::server {

std::vector<std::string> listener_names(const config::Config& config) {
  std::vector<std::string> names;
  for (const auto& listener : config.listeners) names.push_back(listener.name);
  return names;
}

std::string listeners_in_words(const config::Config& config, const ListenerSet& listeners) {
  std::string text;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    text += (i == 0 ? "" : " ") + config.listeners[i].name + "=";
    const std::vector<base::Address>& addresses = listeners.addresses()[i];
    for (std::size_t k = 0; k < addresses.size(); ++k) text += (k == 0 ? "" : ",") + addresses[k].to_string();
  }
  return text;
}

std::optional<std::string> unix_loop(const std::string& pool, const config::BackendConfig& backend,
                                     const ListenerSet& listeners) {
  const auto* address = std::get_if<base::Address>(&backend.address.value);
  if (address == nullptr || !address->is_unix() || !listeners.owns(address->path())) return std::nullopt;
  return fmt::format(
      "pools.{}.backends: {} is this process's own listener, so connections would go "
      "round in a loop: write the address of the real server",
      pool, address->to_string());
}

void refuse_unix_loops(const config::Config& config, const ListenerSet& listeners,
                       config::Problems& problems) {
  for (const auto& pool : config.pools) {
    for (const auto& backend : pool.backends) {
      if (auto loop = unix_loop(pool.name, backend, listeners)) {
        config::add_error(problems, backend.address.place, std::move(*loop));
      }
    }
  }
}

std::size_t buffers_per_worker(const DescriptorPlan& descriptors, std::size_t workers) {
  const std::size_t wanted = std::size_t{2} * descriptors.max_connections;
  const std::size_t affordable = usable_memory() / 4 / net::Buffer::kSize / workers;
  return std::clamp(wanted, std::size_t{16}, std::max(affordable, std::size_t{16}));
}

void put_filters(Running& running, config::Problems& problems) {
  std::vector<DoorRules>& doors = running.world.doors;
  for (std::size_t i = 0; i < doors.size(); ++i) {
    const auto put = [&](const std::shared_ptr<net::PacketFilter>& filter) -> base::Result<void> {
      for (const Assigned& one : running.listeners.sockets()) {
        if (one.listener != i || !one.socket->is_tcp()) continue;
        if (auto done = one.socket->set_filter(filter); !done) return done;
      }
      return {};
    };
    const auto done = put(doors[i].filter);
    if (done) continue;
    const config::ListenerConfig& listener = running.config.listeners[i];
    config::add_warning(
        problems, listener.access.place,
        fmt::format("listeners.{}.access.kernel_drop: denied clients are refused after they have "
                    "connected: {}",
                    listener.name, done.error().message()));
    doors[i].filter = nullptr;
    static_cast<void>(put(nullptr));
  }
}

}  // namespace weir::server
