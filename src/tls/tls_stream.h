// One TLS connection over a non-blocking socket: its handshake, and then its bytes (`net::Stream`). It knows
// no time limit and watches nothing; that is its user's. Closing the socket is too. RFC 8446, RFC 5246,
// SSL_read(3).
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "net/stream.h"
#include "tls/openssl_ptr.h"
#include "tls/socket_bio.h"

namespace weir::tls {

// What was agreed upon, and who the other side has shown to be.
struct Facts {
  std::string version;                // "TLSv1.3"
  std::string cipher;                 // "TLS_AES_256_GCM_SHA384"
  std::string alpn;                   // empty: none
  bool resumed = false;               // by a session of before, without certificates
  bool has_peer_certificate = false;  // the other side has shown one
  std::string peer_subject;  // its subject, or where that is empty its `alternative_name_text`; may be empty
  std::string peer_common_name;     // these three see proxy_facts.h
  std::string key_algorithm;        // of our own certificate's key; empty when it was not shown
  std::string signature_algorithm;  // of our own certificate; the same
};

// What goes before a handshake, outside of TLS.
struct Around {
  std::string ahead{};   // was read of the socket before, and is to be read again first
  std::string header{};  // is written before anything else
};

class TlsStream final : public net::Stream {
 public:
  // However it ends, the session may be resumed: a stream that is cut has been told of by then (RFC 5246
  // section 7.2.1).
  ~TlsStream() override;

  enum class Step : std::uint8_t {
    kDone,
    kWantsRead,   // go on when the socket can be read
    kWantsWrite,  // when it can be written
    kEnded,       // the other side has ended its stream in the middle
    kReset,       // the socket was reset, or the kernel gave it up: `error()`
    kFailed       // the handshake has come to no agreement: `fault()`
  };

  // The server's side. Null when there is no memory, as below.
  static std::unique_ptr<TlsStream> accept(SSL_CTX* context, int fd, std::string ahead = {});
  // `ssl` knows which side it is (SSL_set_accept_state, SSL_set_connect_state).
  static std::unique_ptr<TlsStream> make(SslPtr ssl, int fd, Around around = {});

  // Goes on with the handshake. After a failure what the other side is to be told has been sent.
  Step shake_hands();
  // Why it failed, in one line for people.
  const std::string& fault() const { return fault_; }
  int error() const { return io_.error; }
  // Of a handshake that `kWantsRead`: it is not the socket that is waited for, but another turn.
  bool gave_up() const { return io_.gave_up; }

  // Precondition of both: the handshake is done.
  Facts facts() const;
  bool was_resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

  ssize_t receive(void* memory, std::size_t size) override;
  bool has_taken_all() const override { return io_.was_short && SSL_has_pending(ssl_.get()) == 0; }
  void socket_told() override { io_.was_short = false; }
  ssize_t peek(void* memory, std::size_t size) override;
  bool wants_write() const override { return wants_write_; }
  ssize_t send(const void* data, std::size_t size) override;
  int end() override;
  Waits send_waits() const override { return send_waits_; }
  bool send_has_read() const override { return send_has_read_; }

  // The other side's TCP stream has ended without the end of its TLS stream, so what it sent may have been
  // cut. `receive` fails with EPROTO then, or gives 0 if that is to count as an end.
  bool was_cut() const { return was_cut_; }
  // The same, in answer to our own end and with nothing since: some servers leave a connection so that they
  // would have kept (nginx 1.22 for one).
  bool just_left() const { return was_cut_ && has_ended_ && !has_given_since_; }
  void take_cut_for_end();

  SSL* ssl() { return ssl_.get(); }

 private:
  TlsStream(SslPtr ssl, int fd, Around around)
      : ssl_(std::move(ssl)),
        io_{.fd = fd, .ahead = std::move(around.ahead), .header = std::move(around.header)} {}
  // For SSL_set_msg_callback(3): counts the handshake messages that the other side sends.
  static void on_message(int is_sent, int version, int kind, const void* data, std::size_t size, SSL* ssl,
                         void* stream);
  bool is_flooded() const;
  void allow_reads();
  bool has_read() const;  // since they were allowed
  template <class Call>
  ssize_t read_by(Call call, void* memory, std::size_t size);
  // Sets errno by what OpenSSL says of `result`, and returns -1, or 0 at the end of the stream.
  int read_failure(int result);
  int write_failure(int result);
  std::string broken_text();
  // The same of a connection that is over.
  int over() const;

  SslPtr ssl_;
  SocketIo io_;
  std::string fault_;
  int idle_turns_ = 0;  // in which much was read and no byte of the stream came
  int messages_ = 0;    // that came since the last byte of the stream, and within a second
  base::TimePoint messages_since_{};
  int write_error_ = 0;  // errno; what comes may still be read
  Waits send_waits_ = Waits::kToWrite;
  bool send_has_read_ = false;
  bool wants_write_ = false;
  bool was_cut_ = false;
  bool has_ended_ = false;  // our own stream
  bool has_given_since_ = false;
  bool is_over_ = false;  // it broke the protocol, or the socket is dead: OpenSSL may not be asked any more
};

}  // namespace weir::tls
