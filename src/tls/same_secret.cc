#include "tls/same_secret.h"

#include <openssl/crypto.h>

namespace weir::tls {

bool is_same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace weir::tls
