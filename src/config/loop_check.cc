#include "config/loop_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/text.h"

namespace weir::config {

LoopCheck::LoopCheck(const Config& config, std::vector<base::Address> local_addresses)
    : local_(std::move(local_addresses)) {
  for (base::Address& address : local_) {
    if (address.is_ip()) address = address.unmapped().with_port(0);
  }
  for (const ListenerConfig& listener : config.listeners) {
    for (const Placed<base::Address>& address : listener.bind) {
      by_port_[address.value.port()].push_back({&listener, &address});
    }
  }
  if (config.admin.bind) by_port_[config.admin.bind->value.port()].push_back({nullptr, &*config.admin.bind});
}

bool LoopCheck::is_local(const base::Address& target) const {
  if (!target.is_ip()) return false;
  const base::Address plain = target.unmapped().with_port(0);
  return plain.is_loopback() || std::find(local_.begin(), local_.end(), plain) != local_.end();
}

std::optional<Problem> LoopCheck::problem(const PoolConfig& pool, const BackendConfig& backend,
                                          const base::Address& target) const {
  const auto found = by_port_.find(target.port());
  if (found == by_port_.end()) return std::nullopt;
  const bool target_is_local = is_local(target);
  for (const Bound& bound : found->second) {
    const base::Reach reach{.target_is_local = target_is_local,
                            .v6only = bound.listener == nullptr || bound.listener->v6only};
    if (!base::reaches(target, bound.address->value, reach)) continue;
    const auto* name = std::get_if<base::HostPort>(&backend.address.value);
    // The name of a service has no port.
    const std::string written =
        name != nullptr && name->port == 0 ? name->host : to_string(backend.address.value);
    const std::string arrives = target.to_string();
    if (bound.listener == nullptr) {
      return Problem{
          Severity::kError, backend.address.place,
          fmt::format("pools.{}.backends: {} is this process's own admin door, to which clients would come "
                      "as operators: write the address of the real server",
                      pool.name, quote(written))};
    }
    return Problem{
        Severity::kError, backend.address.place,
        fmt::format("pools.{}.backends: {}{} is this process's own listener \"{}\" (bound to {} at {}), so "
                    "connections would go round in a loop: write the address of the real server",
                    pool.name, quote(written), written == arrives ? "" : fmt::format(" ({})", arrives),
                    bound.listener->name, bound.address->value.to_string(), to_string(bound.address->place))};
  }
  return std::nullopt;
}

}  // namespace weir::config
