// Whether certificates stand in the order in which TLS sends them (RFC 5246 section 7.4.2): the server's or
// client's own first, each issued by the next.
#pragma once

#include <openssl/types.h>

#include <string>
#include <vector>

#include "tls/openssl_ptr.h"

namespace weir::tls {

// What is wrong with the order of `certificates`, the first of which is to be the one that `key` fits; empty
// when it is right. Says which stands where it should not, and the order that would be right if there is one.
// Precondition: there is a certificate, and the key fits one of them.
std::string chain_fault(const std::vector<X509Ptr>& certificates, const EVP_PKEY* key);

}  // namespace weir::tls
