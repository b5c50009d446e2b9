// Handshakes in memory, between a server of the code under test and a client that a test makes by itself.
#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "support/certificates.h"
#include "tls/fault.h"
#include "tls/openssl_ptr.h"
#include "unit/support.h"

namespace weir::tls {

// A client's context that trusts everybody, TLS 1.2 and 1.3.
inline SslCtxPtr client_context() {
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  EXPECT_EQ(SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION), 1);
  return context;
}

inline void limit_to(const SslCtxPtr& context, int version) {
  EXPECT_EQ(SSL_CTX_set_min_proto_version(context.get(), version), 1);
  EXPECT_EQ(SSL_CTX_set_max_proto_version(context.get(), version), 1);
}

inline void use(const SslCtxPtr& context, const test::TestCertificate& certificate,
                const std::vector<test::TestCertificate>& chain = {}) {
  EXPECT_EQ(SSL_CTX_use_certificate(context.get(), certificate.certificate()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), certificate.key()), 1);
  for (const auto& one : chain) EXPECT_EQ(SSL_CTX_add1_chain_cert(context.get(), one.certificate()), 1);
}

// Two ends that are connected. The first failure of each is kept as a text.
class Handshake {
 public:
  Handshake(SslPtr server, SslPtr client) : server_(std::move(server)), client_(std::move(client)) {
    BIO* a = nullptr;
    BIO* b = nullptr;
    EXPECT_EQ(BIO_new_bio_pair(&a, 0, &b, 0), 1);
    SSL_set_bio(server_.get(), a, a);
    SSL_set_bio(client_.get(), b, b);
    SSL_set_accept_state(server_.get());
    SSL_set_connect_state(client_.get());
  }
  Handshake(SSL_CTX* server, SSL_CTX* client) : Handshake(SslPtr(SSL_new(server)), SslPtr(SSL_new(client))) {}

  // Without an end OpenSSL would not resume the session (SSL_set_shutdown(3)).
  ~Handshake() {
    SSL_set_shutdown(client(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_set_shutdown(server(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  SSL* server() const { return server_.get(); }
  SSL* client() const { return client_.get(); }
  const std::string& server_error() const { return server_error_; }
  const std::string& client_error() const { return client_error_; }

  void resume(const SslSessionPtr& session) { EXPECT_EQ(SSL_set_session(client(), session.get()), 1); }

  // To the end, tickets included; whether both sides are content.
  bool run() {
    for (int turn = 0; turn < 20 && !has_failed(); ++turn) {
      client_error_ = step(client());
      server_error_ = step(server());
    }
    if (server_error_.empty()) server_error_ = step(server());
    if (client_error_.empty()) client_error_ = step(client());
    return !has_failed() && SSL_is_init_finished(server()) == 1 && SSL_is_init_finished(client()) == 1;
  }

  // What the client would resume with.
  SslSessionPtr session() const { return SslSessionPtr(SSL_get1_session(client())); }
  bool was_resumed() const { return SSL_session_reused(server()) == 1; }

  // What the client has been shown.
  bool was_shown(const test::TestCertificate& certificate) const {
    const X509Ptr shown(SSL_get1_peer_certificate(client()));
    return shown && X509_cmp(shown.get(), certificate.certificate()) == 0;
  }
  std::string protocol() const {
    const unsigned char* data = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client(), &data, &size);
    return {reinterpret_cast<const char*>(data), size};
  }

 private:
  bool has_failed() const { return !server_error_.empty() || !client_error_.empty(); }

  // A read goes on with the handshake and takes what comes after it.
  static std::string step(SSL* ssl) {
    char byte = 0;
    ERR_clear_error();
    const int result = SSL_read(ssl, &byte, 1);
    const int error = SSL_get_error(ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {};
    const std::string text = take_error_text(ssl);
    return text.empty() ? "the end" : text;
  }

  SslPtr server_;
  SslPtr client_;
  std::string server_error_;
  std::string client_error_;
};

}  // namespace weir::tls
