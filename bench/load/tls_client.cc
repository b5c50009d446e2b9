#include "load/tls_client.h"

#include <openssl/err.h>

#include <cerrno>
#include <csignal>

namespace weir::load {
namespace {

constexpr const char* kName = "bench.example";
constexpr const char* kCipher = "TLS_AES_128_GCM_SHA256";
constexpr const char* kGroup = "X25519";
constexpr std::size_t kReadAhead = 64 << 10;

tls::SslCtxPtr make_context() {
  tls::SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context.get(), kCipher) != 1 ||
      SSL_CTX_set1_groups_list(context.get(), kGroup) != 1)
    return nullptr;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  // Some servers end the stream without a word of TLS.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  // Fewer system calls: the load is to be less than the proxy.
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), kReadAhead);
  return context;
}

base::Error fault(const char* what) { return {base::ErrorSide::kSystem, std::string("OpenSSL: ") + what}; }

ssize_t failure(SSL* ssl, int result) {
  const int error = SSL_get_error(ssl, result);
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  const int number = errno;
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
    errno = EAGAIN;
  else if (error != SSL_ERROR_SYSCALL || number == 0 || number == EAGAIN)
    errno = EPROTO;
  return -1;
}

}  // namespace

base::Result<std::unique_ptr<TlsClient>> TlsClient::create(Handshakes handshakes) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets as to files
  tls::SslCtxPtr context = make_context();
  if (!context) return base::failure(fault("no context for clients"));
  std::unique_ptr<TlsClient> client(new TlsClient(std::move(context), handshakes));
  SSL_CTX_set_app_data(client->context_.get(), client.get());
  SSL_CTX_sess_set_new_cb(client->context_.get(), keep);
  return client;
}

int TlsClient::keep(SSL* ssl, SSL_SESSION* session) {
  auto* client = static_cast<TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (client->handshakes_ != Handshakes::kResumed || SSL_SESSION_is_resumable(session) != 1) return 0;
  client->session_.reset(session);
  return 1;  // it is ours now
}

tls::SslPtr TlsClient::connect(int fd) {
  tls::SslPtr ssl(SSL_new(context_.get()));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1 || SSL_set_tlsext_host_name(ssl.get(), kName) != 1)
    return nullptr;
  if (resumes()) {
    // OpenSSL takes each session of TLS 1.3 for used up after one connection, and servers do not.
    const tls::SslSessionPtr session(SSL_SESSION_dup(session_.get()));
    if (!session || SSL_set_session(ssl.get(), session.get()) != 1) return nullptr;
  }
  SSL_set_connect_state(ssl.get());
  return ssl;
}

ssize_t write_tls(SSL* ssl, const char* data, std::size_t size) {
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl, data, size, &written);
  return result == 1 ? static_cast<ssize_t>(written) : failure(ssl, result);
}

ssize_t read_tls(SSL* ssl, char* data, std::size_t size) {
  std::size_t got = 0;
  const int result = SSL_read_ex(ssl, data, size, &got);
  return result == 1 ? static_cast<ssize_t>(got) : failure(ssl, result);
}

std::string client_hello() {
  const tls::SslCtxPtr context = make_context();
  const tls::SslPtr ssl(context ? SSL_new(context.get()) : nullptr);
  tls::BioPtr in(BIO_new(BIO_s_mem())), out(BIO_new(BIO_s_mem()));
  if (!ssl || !in || !out || SSL_set_tlsext_host_name(ssl.get(), kName) != 1) return {};
  BIO* written = out.get();
  SSL_set_bio(ssl.get(), in.release(), out.release());
  SSL_set_connect_state(ssl.get());
  SSL_do_handshake(ssl.get());  // it cannot get further than this
  ERR_clear_error();
  char* data = nullptr;
  const long size = BIO_get_mem_data(written, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace weir::load
