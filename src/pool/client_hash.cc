#include "pool/client_hash.h"

#include <endian.h>
#include <xxhash.h>

#include <array>

#include "base/prefix.h"

namespace weir::pool {

std::uint64_t client_hash(const ClientTraits& client, const ClientHashRules& rules) {
  if (rules.by_server_name && !client.server_name.empty()) {
    return XXH3_64bits(client.server_name.data(), client.server_name.size());
  }
  std::array<std::uint64_t, 3> words{};
  if (client.address.is_ip()) {
    const base::Address host = client.address.unmapped();
    const bool is_ipv4 = host.family() == AF_INET;
    const auto network = base::Prefix::of(host, is_ipv4 ? rules.ipv4_bits : rules.ipv6_bits);
    words = {htole64(is_ipv4 ? 4 : 6), htole64(network.high()), htole64(network.low())};
  }
  return XXH3_64bits(words.data(), sizeof(words));
}

}  // namespace weir::pool
