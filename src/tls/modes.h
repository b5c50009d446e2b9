// What contexts of both sides have in common.
#pragma once

#include <openssl/ssl.h>

#include "tls/settings.h"

namespace weir::tls {

// The oldest version; no renegotiation and no compression; writes may be partial and be repeated from another
// place in memory; a connection with nothing under way holds no buffers; only what a certificate's file has
// is sent, and nothing that OpenSSL finds among the trusted ones. False when OpenSSL has no such version.
inline bool set_common_modes(SSL_CTX* context, Version min_version) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  // One call takes a record whole, and tells whether it was the last.
  SSL_CTX_set_read_ahead(context, 1);
  const int version = min_version == Version::k13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  // No newest: what openssl.cnf(5) may have set does not count.
  return SSL_CTX_set_min_proto_version(context, version) == 1 &&
         SSL_CTX_set_max_proto_version(context, 0) == 1;
}

}  // namespace weir::tls
