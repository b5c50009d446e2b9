// A TLS connection for tests, on either side: blocking calls with a deadline over a `Socket`, whose words for
// how a stream ended it shares. One thread at a time.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/certificates.h"
#include "support/socket.h"

namespace weir::test {

struct TlsOptions {
  std::string server_name{};        // of a client: asked for; empty: none
  std::vector<std::string> alpn{};  // offered, or taken in that order
  int min_version = 0;              // TLS1_2_VERSION; 0: as OpenSSL likes
  int max_version = 0;
  std::string ciphers{};         // of TLS 1.2
  std::string signatures{};      // signature algorithms
  const TestCertificate* own{};  // shown; a server must have one
  std::vector<TestCertificate> chain{};
  const TestCertificate* authority{};      // the other side is verified against it; null: not at all
  bool verifies_name = true;               // with an authority: against `server_name`
  std::shared_ptr<SSL_SESSION> session{};  // of a client: to be resumed
};

class TlsSocket {
 public:
  TlsSocket() = default;

  // Shakes hands, or throws a std::runtime_error that says why not.
  static TlsSocket connect(Socket socket, const TlsOptions& options = {});
  static TlsSocket accept(Socket socket, const TlsOptions& options);
  // The same, with the reason as the answer; empty: it stands.
  static std::string try_connect(Socket socket, const TlsOptions& options, TlsSocket& made);

  void send_all(std::string_view bytes);
  // False when the connection is over.
  bool try_send(std::string_view bytes);
  // At least one byte unless the stream ended; of the end `kEndOfStream` is a close_notify.
  Received receive_some(std::size_t most = 64 * 1024, Millis patience = kPatience);
  std::string receive_exactly(std::size_t size);
  Received receive_until_end(Millis patience = kPatience);
  // The TCP stream has ended without a close_notify.
  bool was_cut() const { return was_cut_; }

  void end_stream();  // close_notify
  Socket& socket() { return socket_; }
  SSL* ssl() { return ssl_.get(); }

  std::string version() const;
  std::string cipher() const;
  std::string alpn() const;
  std::string peer_common_name() const;
  std::string server_name() const;  // of a server: what the client has asked for
  bool was_resumed() const;
  // The last one that the server has given; with TLS 1.3 it comes with the first bytes.
  std::shared_ptr<SSL_SESSION> session() const;

 private:
  TlsSocket(Socket socket, std::shared_ptr<SSL> ssl) : socket_(std::move(socket)), ssl_(std::move(ssl)) {}
  static std::string make(Socket socket, const TlsOptions& options, bool is_server, TlsSocket& made);
  // False at the deadline, or when the call has failed for good.
  bool may_go_on(int result, Clock::time_point deadline);

  Socket socket_;
  std::shared_ptr<SSL> ssl_;
  bool was_cut_ = false;
  bool timed_out_ = false;
};

// What a real client says first, for tests that never read the answer to it.
std::string first_flight();

}  // namespace weir::test
