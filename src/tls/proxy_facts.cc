#include "tls/proxy_facts.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/objects.h>

#include "tls/x509_facts.h"

namespace weir::tls {

std::string common_name(const X509* certificate) {
  const ASN1_STRING* text = last_common_name(certificate);
  if (text == nullptr) return {};
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return name;
}

std::string key_algorithm(const X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);
  if (key == nullptr) return {};
  const int bits = EVP_PKEY_get_bits(key);
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
      return fmt::format("RSA{}", bits);
    case EVP_PKEY_EC:
      return fmt::format("EC{}", bits);
    default: {
      const char* name = EVP_PKEY_get0_type_name(key);
      return name == nullptr ? std::string() : std::string(name);
    }
  }
}

std::string signature_algorithm(const X509* certificate) {
  const char* name = OBJ_nid2sn(X509_get_signature_nid(certificate));
  return name == nullptr ? std::string() : std::string(name);
}

}  // namespace weir::tls
