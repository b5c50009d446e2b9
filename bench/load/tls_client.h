// The TLS of a load's clients: version 1.3, one cipher suite and one group, so that every server does the
// same for them. They believe whatever certificate they are shown, though its signature is checked; each
// handshake is one in full, or resumes the last session that the server has handed out.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "tls/openssl_ptr.h"

namespace weir::load {

enum class Handshakes { kFull, kResumed };

class TlsClient {
 public:
  // The process no longer ends by SIGPIPE.
  static base::Result<std::unique_ptr<TlsClient>> create(Handshakes handshakes);

  // A connection over that socket, which asks for the name "bench.example"; null when there is no memory. Its
  // handshake is part of the first write.
  tls::SslPtr connect(int fd);
  // Whether the next connection is to resume a session: not before the server has handed one out.
  bool resumes() const { return handshakes_ == Handshakes::kResumed && session_ != nullptr; }

 private:
  TlsClient(tls::SslCtxPtr context, Handshakes handshakes)
      : context_(std::move(context)), handshakes_(handshakes) {}
  static int keep(SSL* ssl, SSL_SESSION* session);

  tls::SslCtxPtr context_;
  Handshakes handshakes_;
  tls::SslSessionPtr session_;
};

// As write(2) and read(2) of a socket that does not block; EPROTO is what was wrong with TLS.
ssize_t write_tls(SSL* ssl, const char* data, std::size_t size);
ssize_t read_tls(SSL* ssl, char* data, std::size_t size);

// The first message of such a client, by which a proxy that decrypts nothing knows where to send it.
std::string client_hello();

}  // namespace weir::load
