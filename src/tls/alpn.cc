#include "tls/alpn.h"

#include <openssl/ssl.h>

#include "base/assert.h"

namespace weir::tls {

std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    WEIR_ASSERT(!protocol.empty() && protocol.size() <= 255);
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

std::string_view select_protocol(std::string_view ours, std::string_view theirs) {
  const auto* list = reinterpret_cast<const unsigned char*>(ours.data());
  const auto* offered = reinterpret_cast<const unsigned char*>(theirs.data());
  unsigned char* chosen = nullptr;
  unsigned char size = 0;
  const int result = SSL_select_next_proto(&chosen, &size, list, static_cast<unsigned>(ours.size()), offered,
                                           static_cast<unsigned>(theirs.size()));
  if (result != OPENSSL_NPN_NEGOTIATED) return {};
  return {reinterpret_cast<const char*>(chosen), size};
}

}  // namespace weir::tls
