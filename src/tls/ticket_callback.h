// What lets OpenSSL seal session tickets with `TicketKeys`.
#pragma once

#include <openssl/types.h>

namespace weir::tls {

class TicketKeys;

// For SSL_CTX_set_tlsext_ticket_key_evp_cb(3), once the keys are found: prepares `cipher` and `mac`
// (AES-256-CBC, HMAC-SHA256) to seal a ticket (`seals`), for which it fills `name` and `iv`, or to open one.
// Returns 1; 2 when the ticket is to be renewed; 0 when its key is unknown; -1 when OpenSSL fails.
int prepare_ticket(TicketKeys& keys, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                   EVP_MAC_CTX* mac, bool seals);

}  // namespace weir::tls
