// Whether the kernel can keep up with the connection rates of the configuration: one warning for each
// setting that would make a rate untrue, with the exact `sysctl` line. Pure, as server/kernel_advice is.
//
// What a rate uses up, Linux 4.4 to 6.18: each connection to a backend has a local port of its own towards
// that address (net/local_ports), and keeps it for a minute after its end when Weir's side ended first,
// as it does when the client was first (TCP_TIMEWAIT_LEN, include/net/tcp.h); tcp_tw_reuse = 1 gives it to
// the next connection after a second, 2 does so on loopback. Where connections are tracked (nf_conntrack_max)
// both connections of a session have an entry, for two minutes after their end
// (nf_conntrack_tcp_timeout_time_wait).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/problem.h"
#include "net/kernel_counters.h"

namespace weir::server {

// What a listener's connection_rate asks of the kernel.
struct RateDemand {
  std::string listener;
  config::Place place;           // of the limits
  std::string rate;              // as it is written
  std::uint64_t per_minute = 0;  // connections
  std::uint64_t backends = 0;    // addresses of TCP, those of loopback left out
  std::uint64_t pairs = 0;       // of each of these and a source address from which it is connected to
};

void advise_on_rates(const net::KernelSettings& settings, const std::vector<RateDemand>& demands,
                     config::Problems& problems);

}  // namespace weir::server
