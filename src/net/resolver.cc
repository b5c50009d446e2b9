#include "net/resolver.h"

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace weir::net {

using base::Address;

base::Result<std::vector<Address>> resolve(const base::HostPort& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(name.host.c_str(), nullptr, &hints, &list);
  if (error != 0) {
    const char* why = error == EAI_SYSTEM ? ::strerrordesc_np(errno) : ::gai_strerror(error);
    return base::failure(
        {base::ErrorSide::kBackend, "the name \"" + name.host + "\" does not resolve: " + why});
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, &::freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, at->ai_addr, std::min<std::size_t>(at->ai_addrlen, sizeof(storage)));
    Address address = Address::from_sockaddr(storage, at->ai_addrlen);
    if (!address.is_ip()) continue;
    address = address.with_port(name.port);
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(address);
  }
  if (addresses.empty()) {
    return base::failure(
        {base::ErrorSide::kBackend, "the name \"" + name.host + "\" has no IPv4 or IPv6 address"});
  }
  return addresses;
}

}  // namespace weir::net
