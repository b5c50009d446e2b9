// Which ciphers and groups a context offers.
#pragma once

#include <openssl/types.h>

#include <string>
#include <vector>

namespace weir::tls {

// Sets what `ciphers` asks for in its order: OpenSSL's names (openssl-ciphers(1)), those of TLS 1.3 beginning
// with "TLS_". Of a version of which none is named the default stays: for 1.2 ECDHE with AES-GCM or ChaCha20,
// for 1.3 OpenSSL's own. Returns what is wrong, one text for each word that is unknown; empty when all is
// set.
std::vector<std::string> set_ciphers(SSL_CTX* context, const std::vector<std::string>& ciphers);

// The same for the groups of key exchange (SSL_CTX_set1_groups_list(3)); by default X25519, P-256 and P-384.
std::vector<std::string> set_groups(SSL_CTX* context, const std::vector<std::string>& groups);

}  // namespace weir::tls
