// The number that stands for a client where its backend is found by its address: the same on any machine and
// in any run.
#pragma once

#include <cstdint>

#include "base/address.h"

namespace weir::pool {

// How much of an address counts; the rest is taken for one client.
struct ClientHashRules {
  unsigned ipv4_bits = 32;
  unsigned ipv6_bits = 128;
};

// XXH3 of the network in its 16-byte form, without the port. IPv4-mapped addresses count as IPv4. Clients of
// a unix socket have no address and share one number.
std::uint64_t client_hash(const base::Address& client, const ClientHashRules& rules);

}  // namespace weir::pool
