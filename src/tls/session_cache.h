// Sessions that servers have given to this side, to be resumed when it connects to them again: a handshake
// without certificates and with half of the work (RFC 8446 section 2.2). It belongs to a client's SSL_CTX,
// and lives as long. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "tls/openssl_ptr.h"

namespace weir::tls {

class SessionCache {
 public:
  // One for each of so many servers at most; beyond that the first of them, by their keys, is forgotten.
  static constexpr std::size_t kMost = 10'000;

  // Gives `context` one. False when there is no memory.
  static bool attach(SSL_CTX* context);

  // Lets `ssl`, made of such a context, resume the session of the server that `key` stands for, if there is
  // one, and keep those that it is given. Before the handshake. Whoever resumes a session does not look at
  // the server's certificate: so `key` must hold all that the verification goes by. False when there is no
  // memory.
  static bool use(SSL* ssl, const std::string& key);

  SslSessionPtr find(const std::string& key) const;
  void keep(const std::string& key, SslSessionPtr session);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, SslSessionPtr> sessions_;
};

}  // namespace weir::tls
