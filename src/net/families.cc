#include "net/families.h"

#include "net/interfaces.h"

namespace weir::net {

Families families_of(const std::vector<base::Address>& interfaces) {
  Families found{false, false};
  for (const base::Address& address : interfaces) {
    if (address.is_loopback()) continue;
    (address.family() == AF_INET6 ? found.ipv6 : found.ipv4) = true;
  }
  return found.ipv4 == found.ipv6 ? Families{} : found;
}

Families host_families() { return families_of(interface_addresses()); }

}  // namespace weir::net
