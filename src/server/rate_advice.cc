#include "server/rate_advice.h"

#include <fmt/format.h>

namespace weir::server {

using config::add_warning;
using config::Problems;
using net::KernelSettings;

namespace {

constexpr std::uint64_t kEntriesPerSession = 2;
constexpr std::uint64_t kEntryMinutes = 2;

void check_ports(const KernelSettings& settings, const RateDemand& demand, Problems& problems) {
  if (!settings.local_ports || demand.pairs == 0 || settings.tcp_tw_reuse.value_or(0) == 1) return;
  const std::uint64_t ports = settings.local_ports->usable();
  const std::uint64_t per_minute = ports * demand.pairs;
  if (demand.per_minute <= per_minute) return;
  add_warning(
      problems, demand.place,
      fmt::format("listener \"{}\": a connection_rate of {} may use up the local ports: {} towards each "
                  "of {} backend addresses{}, some held for a minute, are enough for {}/s; `sysctl -w "
                  "net.ipv4.tcp_tw_reuse=1` frees them after a second",
                  demand.listener, demand.rate, ports, demand.backends,
                  demand.pairs > demand.backends ? " from each source address" : "", per_minute / 60));
}

void check_tracking(const KernelSettings& settings, const RateDemand& demand, Problems& problems) {
  if (!settings.nf_conntrack_max) return;
  const std::uint64_t most = *settings.nf_conntrack_max;
  const std::uint64_t wanted = demand.per_minute * kEntryMinutes * kEntriesPerSession;
  if (wanted <= most) return;
  add_warning(
      problems, demand.place,
      fmt::format("listener \"{}\": where connections are tracked, a connection_rate of {} fills the "
                  "table of {}, since each session has two entries for two minutes and more; `sysctl -w "
                  "net.netfilter.nf_conntrack_max={}` has room for them",
                  demand.listener, demand.rate, most, wanted));
}

}  // namespace

void advise_on_rates(const KernelSettings& settings, const std::vector<RateDemand>& demands,
                     Problems& problems) {
  for (const RateDemand& demand : demands) {
    check_ports(settings, demand, problems);
    check_tracking(settings, demand, problems);
  }
}

}  // namespace weir::server
