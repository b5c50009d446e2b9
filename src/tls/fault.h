// What OpenSSL has to complain about, in words for people.
#pragma once

#include <openssl/types.h>

#include <string>

namespace weir::tls {

// What is in this thread's error queue of OpenSSL (ERR_get_error(3)) as one short line, and empties the
// queue: "no shared cipher", "wrong version number: not TLS?", "the other side's alert: bad certificate".
// Empty when the queue is. The text has OpenSSL's constant reasons only, never what a peer sent or a file
// holds.
std::string take_error_text();

// The same of a handshake that failed: a certificate that was not accepted is told with the reason,
// "certificate verify failed: self-signed certificate".
std::string take_error_text(const SSL* ssl);

}  // namespace weir::tls
