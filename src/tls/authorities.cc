#include "tls/authorities.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>

#include "tls/pem.h"

namespace weir::tls {

base::Result<std::vector<X509Ptr>> load_authorities(const std::string& file) {
  const auto text = load_text(file);
  if (!text) return base::failure(text.error());
  return parse_certificates(text->text(), file);
}

bool trust(SSL_CTX* context, const std::vector<X509Ptr>& authorities) {
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  return X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
         std::all_of(authorities.begin(), authorities.end(),
                     [store](const X509Ptr& one) { return X509_STORE_add_cert(store, one.get()) == 1; });
}

}  // namespace weir::tls
