#include "discovery/source.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <tuple>

namespace weir::discovery {
namespace {

// Compares as the host's number does; an IPv4 address is shorter than any of IPv6.
std::string host_bytes(const base::Address& address) {
  if (address.family() == AF_INET) {
    const in_addr ip = address.ipv4_host();
    return {reinterpret_cast<const char*>(&ip), sizeof(ip)};
  }
  const in6_addr& ip = address.ipv6_host();
  return {reinterpret_cast<const char*>(&ip), sizeof(ip)};
}

using AddressKey = std::tuple<bool, std::string, std::uint16_t>;

AddressKey key_of(const base::Address& address) {
  return {address.family() != AF_INET, host_bytes(address), address.port()};
}

}  // namespace

void sort_endpoints(std::vector<DiscoveredEndpoint>& endpoints) {
  std::stable_sort(endpoints.begin(), endpoints.end(), [](const auto& a, const auto& b) {
    if (a.rank != b.rank) return a.rank < b.rank;
    return key_of(a.address) < key_of(b.address);
  });
  std::set<AddressKey> seen;
  std::erase_if(endpoints,
                [&](const auto& endpoint) { return !seen.insert(key_of(endpoint.address)).second; });
}

}  // namespace weir::discovery
