#include "admission/client_key.h"

#include <xxhash.h>

#include <cstring>

#include "base/assert.h"

namespace weir::admission {
namespace {

constexpr unsigned kMappedBits = 96;

bool is_mapped(const ClientKey& key) {
  constexpr std::array<std::uint8_t, kMappedBits / 8> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(key.data(), kMapped.data(), kMapped.size()) == 0;
}

void keep_leading(ClientKey& key, unsigned bits) {
  unsigned byte = bits / 8;
  if (bits % 8 != 0) {
    key[byte] = static_cast<std::uint8_t>(key[byte] & (0xff00u >> (bits % 8)));
    ++byte;
  }
  for (; byte < key.size(); ++byte) key[byte] = 0;
}

}  // namespace

ClientKey client_key(const base::Address& address, ClientPrefix prefix) {
  WEIR_ASSERT(prefix.ipv4_bits <= 32 && prefix.ipv6_bits <= 128);
  ClientKey key{};
  if (!address.is_ip()) {
    key.fill(0xff);
    return key;
  }
  sockaddr_storage storage{};
  address.to_sockaddr(storage);
  if (address.family() == AF_INET) {
    key[10] = key[11] = 0xff;
    std::memcpy(key.data() + kMappedBits / 8, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, 4);
  } else {
    std::memcpy(key.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, key.size());
  }
  // An IPv6 prefix is never taken for an IPv4 one: cut within the first 96 bits it has no 0xffff before them,
  // cut behind them it is no mapped address.
  keep_leading(key, is_mapped(key) ? kMappedBits + prefix.ipv4_bits : prefix.ipv6_bits);
  return key;
}

std::uint64_t hash(const ClientKey& key, std::uint64_t seed) {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed);
}

}  // namespace weir::admission
