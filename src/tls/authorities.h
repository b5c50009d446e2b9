// Certificates of authorities that a peer's certificate must lead to.
#pragma once

#include <openssl/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "tls/openssl_ptr.h"

namespace weir::tls {

// All certificates of a PEM file; the error names it: it cannot be opened, there is none, one cannot be read.
base::Result<std::vector<X509Ptr>> load_authorities(const std::string& file);

// Lets `context` trust them. One that is not a root is trusted as well: what it has issued need not lead
// further (X509_V_FLAG_PARTIAL_CHAIN, X509_VERIFY_PARAM_set_flags(3)). False when OpenSSL refuses one.
bool trust(SSL_CTX* context, const std::vector<X509Ptr>& authorities);

// Lets `context` trust those of this host, where OpenSSL looks for them
// (SSL_CTX_set_default_verify_paths(3)). False when it cannot; that there are none is no failure.
bool trust_system(SSL_CTX* context);

// Where that is, when no authority is there: "the file FILE and the folder FOLDER"; empty when there is one.
// Precondition: `context` trusts those of this host.
std::string empty_system_places(SSL_CTX* context);

}  // namespace weir::tls
