#include "net/interfaces.h"

#include <ifaddrs.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>

#include "base/unique_fd.h"

namespace weir::net {

using base::Address;

std::vector<Address> interface_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned(list, &::freeifaddrs);
  std::vector<Address> addresses;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    sockaddr_storage storage{};
    const bool v4 = at->ifa_addr->sa_family == AF_INET;
    if (!v4 && at->ifa_addr->sa_family != AF_INET6) continue;
    const socklen_t length = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::memcpy(&storage, at->ifa_addr, length);
    addresses.push_back(Address::from_sockaddr(storage, length));
  }
  return addresses;
}

bool is_own_address(const Address& address) {
  const Address host = address.with_port(0);
  const base::UniqueFd any(::socket(host.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  const socklen_t length = host.to_sockaddr(storage);
  if (any && ::bind(any.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0) return true;
  const std::vector<Address> own = interface_addresses();
  return std::find(own.begin(), own.end(), host) != own.end();
}

std::vector<std::string> interface_names() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned(list, &::freeifaddrs);
  // An entry for each address, and one at least for each interface.
  std::set<std::string> names;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) names.insert(at->ifa_name);
  return {names.begin(), names.end()};
}

bool has_interface(const std::string& name) {
  // The kernel takes "lo:1", an alias as ifconfig(8) writes it, for "lo"; SO_BINDTODEVICE does not.
  if (name.empty() || name.size() >= IFNAMSIZ ||
      name.find_first_of(std::string(":\0", 2)) != std::string::npos) {
    return false;
  }
  const base::UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq asked{};
  name.copy(asked.ifr_name, IFNAMSIZ - 1);
  return any && ::ioctl(any.get(), SIOCGIFINDEX, &asked) == 0;
}

std::optional<Address> chosen_source(const Address& target, const std::string& interface) {
  // Connecting a datagram socket chooses a route and the address that goes with it, connect(2).
  const base::UniqueFd any(::socket(target.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!any || interface.size() >= IFNAMSIZ) return std::nullopt;
  if (!interface.empty() && ::setsockopt(any.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                                         static_cast<socklen_t>(interface.size())) != 0) {
    return std::nullopt;
  }
  sockaddr_storage storage{};
  socklen_t length = target.to_sockaddr(storage);
  if (::connect(any.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) return std::nullopt;
  length = sizeof(storage);
  if (::getsockname(any.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return std::nullopt;
  const auto own = Address::from_sockaddr(storage, length);
  return own.is_ip() ? std::optional(own.with_port(0)) : std::nullopt;
}

}  // namespace weir::net
