#include "admission/client_key.h"

#include <arpa/inet.h>
#include <endian.h>
#include <xxhash.h>

#include <cstring>

#include "base/assert.h"

namespace weir::admission {
namespace {

// ::ffff:0:0/96.
constexpr std::uint64_t kMapped = 0xffffull << 32;

bool is_mapped(const ClientKey& key) { return key.high == 0 && key.low >> 32 == 0xffff; }

// The first `bits` of 64, which may be more or none.
constexpr std::uint64_t leading(unsigned bits) {
  return bits == 0 ? 0 : bits >= 64 ? ~0ull : ~0ull << (64 - bits);
}

std::uint64_t load_big_endian(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return be64toh(value);
}

ClientKey ipv4_key(std::uint32_t host, unsigned bits) { return {0, (kMapped | host) & leading(32 + bits)}; }

}  // namespace

ClientKey client_key(const base::Address& address, ClientPrefix prefix) {
  WEIR_ASSERT(prefix.ipv4_bits <= 32 && prefix.ipv6_bits <= 128);
  if (!address.is_ip()) return {~0ull, ~0ull};
  if (address.family() == AF_INET) return ipv4_key(ntohl(address.ipv4_host().s_addr), prefix.ipv4_bits);
  const std::uint8_t* bytes = address.ipv6_host().s6_addr;
  const ClientKey whole{load_big_endian(bytes), load_big_endian(bytes + 8)};
  if (is_mapped(whole)) return ipv4_key(static_cast<std::uint32_t>(whole.low), prefix.ipv4_bits);
  // Never taken for an IPv4 client: cut within the first 96 bits it has no 0xffff before them, cut behind
  // them it is no mapped address.
  const unsigned in_low = prefix.ipv6_bits > 64 ? prefix.ipv6_bits - 64 : 0;
  return {whole.high & leading(prefix.ipv6_bits), whole.low & leading(in_low)};
}

std::uint64_t hash(const ClientKey& key, std::uint64_t seed) {
  return XXH3_64bits_withSeed(&key, sizeof(key), seed);
}

}  // namespace weir::admission
