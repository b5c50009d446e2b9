// What a backend is told of a client by the PROXY protocol, before the client's first byte.
#pragma once

#include <cstdint>

namespace weir::pool {

enum class ProxyVersion : std::uint8_t { kNone, kV1, kV2 };

struct ProxySending {
  ProxyVersion version = ProxyVersion::kNone;
  // TLVs of version 2; each of the first four where it is known.
  bool authority = false;
  bool alpn = false;
  bool unique_id = false;
  bool ssl = false;
  bool crc32c = false;
};

}  // namespace weir::pool
