#include "support/tls_socket.h"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <csignal>
#include <stdexcept>

namespace weir::test {
namespace {

std::string last_error(const SSL* ssl, int result) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : "error " + std::to_string(SSL_get_error(ssl, result));
  ERR_clear_error();
  return text;
}

std::vector<unsigned char> alpn_wire(const std::vector<std::string>& protocols) {
  std::vector<unsigned char> wire;
  for (const std::string& protocol : protocols) {
    wire.push_back(static_cast<unsigned char>(protocol.size()));
    wire.insert(wire.end(), protocol.begin(), protocol.end());
  }
  return wire;
}

int select_alpn(SSL* ssl, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                unsigned offered_size, void*) {
  const auto* wire = static_cast<std::vector<unsigned char>*>(SSL_get_app_data(ssl));
  unsigned char* chosen = nullptr;
  const int result = SSL_select_next_proto(&chosen, size, wire->data(), static_cast<unsigned>(wire->size()),
                                           offered, offered_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::shared_ptr<SSL> make_ssl(const TlsOptions& options, bool is_server, std::vector<unsigned char>& alpn) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
      SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()), &SSL_CTX_free);
  SSL_CTX* ctx = context.get();
  if (options.min_version != 0) SSL_CTX_set_min_proto_version(ctx, options.min_version);
  if (options.max_version != 0) SSL_CTX_set_max_proto_version(ctx, options.max_version);
  if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(ctx, options.ciphers.c_str());
  if (!options.signatures.empty()) SSL_CTX_set1_sigalgs_list(ctx, options.signatures.c_str());
  if (options.own != nullptr) {
    SSL_CTX_use_certificate(ctx, options.own->certificate());
    SSL_CTX_use_PrivateKey(ctx, options.own->key());
  }
  for (const TestCertificate& one : options.chain) SSL_CTX_add1_chain_cert(ctx, one.certificate());
  if (options.authority != nullptr) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), options.authority->certificate());
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (is_server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  }
  if (is_server && !alpn.empty()) SSL_CTX_set_alpn_select_cb(ctx, select_alpn, nullptr);
  // Its session stays good to be resumed, however the connection ends.
  std::shared_ptr<SSL> ssl(SSL_new(ctx), [](SSL* one) {
    SSL_set_shutdown(one, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(one);
  });
  if (!is_server && !alpn.empty()) {
    SSL_set_alpn_protos(ssl.get(), alpn.data(), static_cast<unsigned>(alpn.size()));
  }
  if (!options.server_name.empty()) {
    SSL_set_tlsext_host_name(ssl.get(), options.server_name.c_str());
    if (options.authority != nullptr && options.verifies_name) {
      SSL_set1_host(ssl.get(), options.server_name.c_str());
    }
  }
  if (options.session != nullptr) SSL_set_session(ssl.get(), options.session.get());
  return ssl;
}

}  // namespace

std::string TlsSocket::make(Socket socket, const TlsOptions& options, bool is_server, TlsSocket& made) {
  std::vector<unsigned char> alpn = alpn_wire(options.alpn);
  made = TlsSocket(std::move(socket), make_ssl(options, is_server, alpn));
  SSL* ssl = made.ssl_.get();
  SSL_set_app_data(ssl, &alpn);
  SSL_set_fd(ssl, made.socket_.fd());
  // Writing to who has left raises it: OpenSSL's own way to a socket knows no MSG_NOSIGNAL.
  static const auto before = std::signal(SIGPIPE, SIG_IGN);
  static_cast<void>(before);
  const int on = 1;
  ::setsockopt(made.socket_.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  is_server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
  const auto deadline = Clock::now() + kPatience;
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl);
    if (result == 1) return {};
    if (!made.may_go_on(result, deadline)) return made.timed_out_ ? "timed out" : last_error(ssl, result);
  }
}

std::string TlsSocket::try_connect(Socket socket, const TlsOptions& options, TlsSocket& made) {
  return make(std::move(socket), options, false, made);
}

TlsSocket TlsSocket::connect(Socket socket, const TlsOptions& options) {
  TlsSocket made;
  const std::string why_not = make(std::move(socket), options, false, made);
  if (!why_not.empty()) throw std::runtime_error("no TLS connection: " + why_not);
  return made;
}

TlsSocket TlsSocket::accept(Socket socket, const TlsOptions& options) {
  TlsSocket made;
  const std::string why_not = make(std::move(socket), options, true, made);
  if (!why_not.empty()) throw std::runtime_error("no TLS connection: " + why_not);
  return made;
}

bool TlsSocket::may_go_on(int result, Clock::time_point deadline) {
  const int why = SSL_get_error(ssl_.get(), result);
  if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return false;
  const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now());
  pollfd waiting{socket_.fd(), static_cast<short>(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
  timed_out_ = left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0;
  return !timed_out_;
}

bool TlsSocket::try_send(std::string_view bytes) {
  const auto deadline = Clock::now() + kPatience;
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    ERR_clear_error();
    std::size_t n = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes.data() + sent, bytes.size() - sent, &n);
    if (result == 1) {
      sent += n;
    } else if (!may_go_on(result, deadline)) {
      return false;
    }
  }
  return true;
}

void TlsSocket::send_all(std::string_view bytes) {
  if (!try_send(bytes)) throw SocketError("TLS connection is over while sending", errno);
}

Received TlsSocket::receive_some(std::size_t most, Millis patience) {
  const auto deadline = Clock::now() + patience;
  Received got;
  got.bytes.resize(most);
  for (;;) {
    ERR_clear_error();
    std::size_t n = 0;
    errno = 0;
    const int result = SSL_read_ex(ssl_.get(), got.bytes.data(), most, &n);
    got.bytes.resize(n);
    if (result == 1) return got;
    const int error = errno;
    if (may_go_on(result, deadline)) {
      got.bytes.resize(most);
      continue;
    }
    if (timed_out_) {
      got.ended = Ended::kTimedOut;
    } else if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_ZERO_RETURN) {
      got.ended = Ended::kEndOfStream;
    } else {
      was_cut_ = error != ECONNRESET;
      got.ended = was_cut_ ? Ended::kEndOfStream : Ended::kReset;
    }
    return got;
  }
}

std::string TlsSocket::receive_exactly(std::size_t size) {
  std::string all;
  while (all.size() < size) {
    const Received got = receive_some(size - all.size());
    if (got.ended != Ended::kNot) {
      throw SocketError("after " + std::to_string(all.size()) + " of " + std::to_string(size) +
                            " bytes: " + std::string(word(got.ended)),
                        0);
    }
    all += got.bytes;
  }
  return all;
}

Received TlsSocket::receive_until_end(Millis patience) {
  Received all;
  while (all.ended == Ended::kNot) {
    const Received got = receive_some(64 * 1024, patience);
    all.bytes += got.bytes;
    all.ended = got.ended;
  }
  return all;
}

void TlsSocket::end_stream() { SSL_shutdown(ssl_.get()); }

std::string TlsSocket::version() const { return SSL_get_version(ssl_.get()); }
std::string TlsSocket::cipher() const { return SSL_get_cipher_name(ssl_.get()); }

std::string TlsSocket::alpn() const {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
  return {reinterpret_cast<const char*>(chosen), size};
}

std::string TlsSocket::peer_common_name() const {
  const X509* peer = SSL_get0_peer_certificate(ssl_.get());
  if (peer == nullptr) return {};
  char name[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name, sizeof(name));
  return name;
}

std::string TlsSocket::server_name() const {
  const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? "" : name;
}

bool TlsSocket::was_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

std::shared_ptr<SSL_SESSION> TlsSocket::session() const {
  return {SSL_get1_session(ssl_.get()), SSL_SESSION_free};
}

std::string first_flight() {
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  const std::shared_ptr<SSL> ssl(SSL_new(context.get()), SSL_free);
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl.get());
  if (SSL_do_handshake(ssl.get()) != -1) throw std::runtime_error("a handshake without a peer");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(ssl.get()), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace weir::test
