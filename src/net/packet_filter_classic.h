// A packet filter's list as a classic BPF program, which needs no maps: a chain of
// comparisons, longest prefixes first. Pure: builds instructions and nothing else. For short lists only,
// since every packet walks the chain. <linux/filter.h>; the instructions are those of McCanne and Jacobson
// 1993.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "base/result.h"
#include "net/packet_rules.h"

namespace weir::net {

// What the kernel takes (BPF_MAXINSNS). An IPv4 prefix costs one instruction, and two more for every 200 of a
// length and verdict; an IPv6 prefix costs 3 to 10 (6 for a /48). About 4000 IPv4 prefixes fit, or 680 /48,
// or 450 /128, where net.core.optmem_max allows: 20480, the default before Linux 6.7, was measured to hold
// 1231 to 2444 IPv4 prefixes, 354 /48 or 248 /128.
inline constexpr std::size_t kMaxClassicInstructions = 4096;

// The program for a normalized list. Fails when it is longer than the kernel takes; the error says by how
// much.
base::Result<std::vector<sock_filter>> build_classic_filter(const std::vector<PacketRule>& rules);

}  // namespace weir::net
