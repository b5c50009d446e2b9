#include "tls/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <cerrno>
#include <utility>

#include "tls/fault.h"
#include "tls/proxy_facts.h"
#include "tls/session_cache.h"
#include "tls/x509_facts.h"

namespace weir::tls {
namespace {

// Of the socket, in one turn, beyond the record that ends them. What is none of the stream's bytes OpenSSL
// takes without end, while there is more (SSL_MODE_AUTO_RETRY, SSL_CTX_set_mode(3)), and a KeyUpdate costs it
// ten times what it costs to send: 16 KiB of them take it 5 ms.
constexpr int kReadsAtOnce = 4;
constexpr std::size_t kBytesAtOnce = std::size_t{16} << 10;
// Turns in which so much was read, and messages that came, without a byte of the stream; no honest peer comes
// near.
constexpr int kMostIdleTurns = 32;
constexpr int kMostMessages = 64;
constexpr base::Millis kSpanOfMessages{1'000};

}  // namespace

std::unique_ptr<TlsStream> TlsStream::make(SslPtr ssl, int fd, Around around) {
  if (ssl == nullptr) return nullptr;
  std::unique_ptr<TlsStream> stream(new TlsStream(std::move(ssl), fd, std::move(around)));
  BIO* bio = make_socket_bio(stream->io_);
  if (bio == nullptr) return nullptr;
  SSL_set_bio(stream->ssl_.get(), bio, bio);
  SSL_set_msg_callback(stream->ssl_.get(), on_message);
  SSL_set_msg_callback_arg(stream->ssl_.get(), stream.get());
  return stream;
}

std::unique_ptr<TlsStream> TlsStream::accept(SSL_CTX* context, int fd, std::string ahead) {
  SslPtr ssl(SSL_new(context));
  if (ssl != nullptr) SSL_set_accept_state(ssl.get());
  return make(std::move(ssl), fd, {.ahead = std::move(ahead)});
}

TlsStream::~TlsStream() {
  if (SSL_is_init_finished(ssl_.get()) == 1) {
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
}

void TlsStream::on_message(int is_sent, int, int kind, const void*, std::size_t, SSL*, void* stream) {
  if (is_sent != 0 || kind != SSL3_RT_HANDSHAKE) return;
  TlsStream& its = *static_cast<TlsStream*>(stream);
  const base::TimePoint now = base::coarse_now();
  if (now - its.messages_since_ > kSpanOfMessages) {
    its.messages_ = 0;
    its.messages_since_ = now;
  }
  ++its.messages_;
}

bool TlsStream::is_flooded() const { return idle_turns_ > kMostIdleTurns || messages_ > kMostMessages; }

void TlsStream::allow_reads() {
  io_.reads_left = kReadsAtOnce;
  io_.bytes_left = kBytesAtOnce;
  io_.gave_up = false;
}

bool TlsStream::has_read() const { return io_.bytes_left < kBytesAtOnce; }

TlsStream::Step TlsStream::shake_hands() {
  ERR_clear_error();
  allow_reads();
  const int result = SSL_do_handshake(ssl_.get());
  messages_ = 0;
  if (result == 1) return Step::kDone;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Step::kWantsRead;
    case SSL_ERROR_WANT_WRITE:
      return Step::kWantsWrite;
    default:
      break;
  }
  is_over_ = true;
  SessionCache::handshake_failed(ssl_.get());
  if (io_.error != 0) return Step::kReset;
  if (io_.ended) return Step::kEnded;
  fault_ = take_error_text(ssl_.get());
  return Step::kFailed;
}

void TlsStream::take_cut_for_end() { SSL_set_options(ssl_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF); }

int TlsStream::read_failure(int result) {
  const int why = SSL_get_error(ssl_.get(), result);
  switch (why) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      wants_write_ = why == SSL_ERROR_WANT_WRITE;
      idle_turns_ += io_.gave_up ? 1 : 0;
      if (is_flooded()) break;
      errno = io_.gave_up ? EBUSY : EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      was_cut_ |= io_.ended;  // before it has told its end: then nothing more is read
      if (!was_cut_ || SSL_has_pending(ssl_.get()) == 0) return 0;
      break;
    default:
      break;
  }
  is_over_ = true;
  if (io_.error != 0) return over();
  fault_ = broken_text();
  return over();
}

std::string TlsStream::broken_text() {
  const bool in_a_record = was_cut_ && SSL_has_pending(ssl_.get()) == 1;
  was_cut_ = io_.ended;
  if (in_a_record) return "the stream has ended within a record";
  if (was_cut_) return "the stream has ended without close_notify";
  if (is_flooded()) return "many messages came without a byte of the stream";
  return take_error_text();
}

int TlsStream::over() const {
  errno = io_.error != 0 ? io_.error : EPROTO;
  return -1;
}

template <class Call>
ssize_t TlsStream::read_by(Call call, void* memory, std::size_t size) {
  if (is_over_) return over();
  ERR_clear_error();
  allow_reads();
  wants_write_ = send_has_read_ = false;
  std::size_t got = 0;
  const int result = call(ssl_.get(), memory, size, &got);
  if (result != 1) return read_failure(result);
  // Some bytes among them do not make so many messages any better.
  if (is_flooded()) {
    is_over_ = true;
    fault_ = broken_text();
    return over();
  }
  idle_turns_ = messages_ = 0;
  has_given_since_ |= has_ended_;
  return static_cast<ssize_t>(got);
}

ssize_t TlsStream::receive(void* memory, std::size_t size) { return read_by(SSL_read_ex, memory, size); }

ssize_t TlsStream::peek(void* memory, std::size_t size) { return read_by(SSL_peek_ex, memory, size); }

// What the other side sent before its reset may still be read, so a write that fails ends no reading.
ssize_t TlsStream::send(const void* data, std::size_t size) {
  if (write_error_ == 0 && is_over_) write_error_ = EPIPE;
  if (write_error_ != 0) {
    errno = write_error_;
    return -1;
  }
  ERR_clear_error();
  allow_reads();
  std::size_t put = 0;
  const int result = SSL_write_ex(ssl_.get(), data, size, &put);
  send_has_read_ |= has_read();
  if (result == 1) return static_cast<ssize_t>(put);
  return write_failure(result);
}

int TlsStream::write_failure(int result) {
  const int why = SSL_get_error(ssl_.get(), result);
  if (why == SSL_ERROR_WANT_WRITE || (why == SSL_ERROR_WANT_READ && !is_flooded())) {
    send_waits_ = why == SSL_ERROR_WANT_WRITE ? Waits::kToWrite
                  : io_.gave_up               ? Waits::kForATurn
                                              : Waits::kToRead;
    errno = EAGAIN;
    return -1;
  }
  write_error_ = io_.error != 0 ? std::exchange(io_.error, 0) : EPIPE;
  errno = write_error_;
  return -1;
}

int TlsStream::end() {
  if (is_over_ || has_ended_ || write_error_ != 0) return 0;
  ERR_clear_error();
  allow_reads();
  // An answer to a KeyUpdate may be on its way; before it is out there is no end.
  const int ready = SSL_do_handshake(ssl_.get());
  send_has_read_ |= has_read();
  if (ready != 1) return write_failure(ready);
  const int result = SSL_shutdown(ssl_.get());
  has_ended_ = result >= 0;
  return has_ended_ ? 0 : write_failure(result);
}

Facts TlsStream::facts() const {
  const SSL* ssl = ssl_.get();
  Facts facts{};
  facts.version = SSL_get_version(ssl);
  facts.cipher = SSL_get_cipher_name(ssl);
  const unsigned char* alpn = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &length);
  if (length > 0) facts.alpn.assign(reinterpret_cast<const char*>(alpn), length);
  facts.resumed = was_resumed();
  if (const X509* peer = SSL_get0_peer_certificate(ssl)) {
    facts.has_peer_certificate = true;
    facts.peer_subject = subject_text(peer);
    if (facts.peer_subject.empty()) facts.peer_subject = alternative_name_text(peer);
    facts.peer_common_name = common_name(peer);
  }
  // Of a session that was resumed the context's certificate need not be the one that was shown.
  if (const X509* own = facts.resumed ? nullptr : SSL_get_certificate(ssl)) {
    facts.key_algorithm = key_algorithm(own);
    facts.signature_algorithm = signature_algorithm(own);
  }
  return facts;
}

}  // namespace weir::tls
