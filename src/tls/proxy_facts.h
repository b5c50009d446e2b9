// What the PROXY protocol tells of certificates (section 2.2.5), by the words that are usual there.
#pragma once

#include <openssl/x509.h>

#include <string>

namespace weir::tls {

// The last CN of the subject in UTF-8; empty without one.
std::string common_name(const X509* certificate);
// "RSA2048", "EC256", "ED25519".
std::string key_algorithm(const X509* certificate);
// "RSA-SHA256", "ecdsa-with-SHA256": by which its issuer has signed it.
std::string signature_algorithm(const X509* certificate);

}  // namespace weir::tls
