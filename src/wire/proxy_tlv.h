// Types of version 2 of the PROXY protocol (section 2.2).
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::wire {

enum class ProxyTlv : std::uint8_t {
  kAlpn = 0x01,
  kAuthority = 0x02,
  kCrc32c = 0x03,
  kUniqueId = 0x05,
  kSsl = 0x20,
  kSslVersion = 0x21,
  kSslCommonName = 0x22,
  kSslCipher = 0x23,
  kSslSignatureAlgorithm = 0x24,
  kSslKeyAlgorithm = 0x25,
};

inline constexpr std::string_view kProxySignature{"\r\n\r\n\0\r\nQUIT\n", 12};
inline constexpr std::size_t kProxyFixed =
    16;  // signature, version and command, family and transport, length
inline constexpr std::size_t kMaxUniqueId = 128;
inline constexpr std::size_t kTlvHead = 3;  // type and length

}  // namespace weir::wire
