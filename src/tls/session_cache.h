// Sessions that servers have given to this side, to be resumed when it connects to them again: a handshake
// without certificates and with half of the work (RFC 8446 section 2.2). It belongs to a client's SSL_CTX,
// and lives as long. Thread-safe: it keeps copies and gives copies out, since OpenSSL changes a session while
// a connection uses it, and connections are on many threads.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tls/openssl_ptr.h"
#include "tls/x509_facts.h"

namespace weir::tls {

class SessionCache {
 public:
  // One for each of so many servers at most; beyond that the one that was kept longest ago is forgotten.
  static constexpr std::size_t kMost = 1'000;

  // Gives `context` one. False when there is no memory.
  static bool attach(SSL_CTX* context);

  // Lets `ssl`, made of such a context, resume the session of the server that `key` stands for, if there is
  // one, and keep those that it is given. Before the handshake. Whoever resumes a session does not look at
  // the server's certificate: so `key` must hold all that the verification goes by. False when there is no
  // memory.
  static bool use(SSL* ssl, const std::string& key);

  // The handshake of `ssl` has failed. If it was to resume a session that one is forgotten: a server that
  // does not take it gets a full handshake the next time. Nothing happens where `use` was not called.
  static void handshake_failed(const SSL* ssl);

  // Null where there is none, or no memory; one whose time is over is forgotten.
  SslSessionPtr find(std::string_view key, UtcTime now = utc_now());
  // Nothing is kept when there is no memory.
  void keep(const std::string& key, const SSL_SESSION& session);
  void forget(std::string_view key);

 private:
  struct Kept {
    std::string key;
    SslSessionPtr session;
  };
  using Order = std::list<Kept>;

  void drop(Order::iterator one);

  std::mutex mutex_;
  Order order_;                                                   // the one that was kept last at the end
  std::unordered_map<std::string_view, Order::iterator> places_;  // the keys lie in `order_`
};

}  // namespace weir::tls
