// Who counts as one client: an IPv4 or IPv6 prefix as 128 bits, and its hash. Pure. IPv4 stands in its
// IPv4-mapped form (RFC 4291, section 2.5.5.2), so that a host is one client whichever socket it comes
// through. A zone ("%eth0") tells no clients apart.
#pragma once

#include <cstdint>

#include "base/address.h"

namespace weir::admission {

// How many leading bits make a client.
struct ClientPrefix {
  unsigned ipv4_bits = 32;  // 0 to 32
  unsigned ipv6_bits = 64;  // 0 to 128

  friend bool operator==(const ClientPrefix&, const ClientPrefix&) = default;
};

// The bits of an IPv6 address, the first one on top of `high`.
struct ClientKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend bool operator==(const ClientKey&, const ClientKey&) = default;
};

// The key of `address`. All clients of unix sockets, and whoever has no IP address, are one client. Its key
// is all ones: a multicast address, which no peer has.
ClientKey client_key(const base::Address& address, ClientPrefix prefix);

// XXH3 with a seed. As long as the seed is secret nobody can choose addresses whose hashes collide.
std::uint64_t hash(const ClientKey& key, std::uint64_t seed);

}  // namespace weir::admission
