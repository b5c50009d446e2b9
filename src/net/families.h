// The two families of IP addresses: which are wanted, and which this host can reach at all. Pure value, but
// for the question to the kernel.
#pragma once

#include <vector>

#include "base/address.h"

namespace weir::net {

struct Families {
  bool ipv4 = true;
  bool ipv6 = true;

  bool want(const base::Address& address) const { return address.family() == AF_INET6 ? ipv6 : ipv4; }
  bool both() const { return ipv4 && ipv6; }
  friend bool operator==(const Families&, const Families&) = default;
};

// As AI_ADDRCONFIG of getaddrinfo(3): when this host has addresses of one family only, loopback aside, that
// one; else both.
Families host_families();

// The same of a list of the host's addresses.
Families families_of(const std::vector<base::Address>& interfaces);

}  // namespace weir::net
