// How many connections of this network namespace are in TIME_WAIT, by own address and target: each holds a
// local port towards that target for a minute, or until the kernel takes it for a new connection
// (pool/port_use). Asked of the kernel through sock_diag(7), which takes no right. No state; any thread, in
// whose namespace it asks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace weir::net {

struct TimeWaitCount {
  base::Address source;       // port 0
  base::Address destination;  // as it was given
  std::uint64_t count = 0;    // at least 1
};

// Those towards `destinations`, whoever opened them, one entry for each pair that has any, in no order. An
// IPv4 address and its IPv4-mapped form are one, though sockets of IPv6 are looked through only when a
// destination is written as IPv6. Passed over are unix sockets, and connections that still wait for the other
// side's end of stream (FIN_WAIT2 and the like). The kernel changes its table while it tells, so under load a
// count may be a few off.
//
// It waits for nobody, but it takes time: for each family once through the kernel's table of connections, of
// all namespaces (1 ms for 262 144 buckets that are empty, 6 to 8 ms with 30 000 connections in them that are
// not asked for), and 0.4 us for each that is counted: 30 000 take 12 ms. Connections to other ports than
// those of `destinations` are left out by the kernel, while the ports are at most 32.
//
// Fails when the kernel does not tell: no tcp_diag in it, no descriptor left.
base::Result<std::vector<TimeWaitCount>> time_wait_towards(std::span<const base::Address> destinations);

}  // namespace weir::net
