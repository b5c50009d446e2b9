// What lies under a TLS connection: a non-blocking socket, and bytes that were read of it before.
// BIO_s_mem(7) and BIO_meth_new(3) have the terms.
#pragma once

#include <openssl/bio.h>

#include <string>

namespace weir::tls {

struct SocketIo {
  int fd = -1;            // the caller's
  std::string ahead{};    // is read before anything of the socket
  std::size_t taken = 0;  // of it
  std::string header{};   // is written before anything else
  int error = 0;          // errno of the last call that failed with another than EAGAIN
  bool ended = false;     // the socket's stream has ended
  int reads_left = 0;     // so often the socket may still be read, and so much, before `gave_up`
  std::size_t bytes_left = 0;
  bool gave_up = false;
  bool was_short = false;  // the last read took all that was there

  // Whether something of `ahead` is left to be read; no memory is kept for it once there is nothing.
  bool has_ahead() const { return taken < ahead.size(); }
};

// Reads and writes by `io`, which outlives it. Null when there is no memory.
BIO* make_socket_bio(SocketIo& io);

}  // namespace weir::tls
