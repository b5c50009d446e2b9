// The number that stands for a client where its backend is found by who it is: the same on any machine and in
// any run.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/address.h"

namespace weir::pool {

// What a pool may go by when it chooses for a client.
struct ClientTraits {
  const base::Address& address;
  std::string_view server_name{};  // that it asks for, in small letters; empty: not known
};

// How much of an address counts; the rest is taken for one client. Or the name counts, where there is one.
struct ClientHashRules {
  unsigned ipv4_bits = 32;
  unsigned ipv6_bits = 128;
  bool by_server_name = false;
};

// XXH3 of the name, or of the network in its 16-byte form, without the port. IPv4-mapped addresses count as
// IPv4. Clients of a unix socket have no address and share one number.
std::uint64_t client_hash(const ClientTraits& client, const ClientHashRules& rules);

}  // namespace weir::pool
