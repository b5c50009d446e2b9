#include "tls/tls_stream.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "support/certificates.h"
#include "support/parallel.h"
#include "tls/session_cache.h"
#include "unit/support.h"

namespace weir::tls {
namespace {

using test::Background;

using Step = TlsStream::Step;

// A server's and a client's stream over one connection, both driven here.
class Streams : public testing::Test {
 protected:
  explicit Streams(int version = TLS1_3_VERSION)
      : server_ctx(SSL_CTX_new(TLS_server_method())), client_ctx(SSL_CTX_new(TLS_client_method())) {
    const auto certificate = test::TestCertificate::self_signed(test::server_spec({"a.example"}));
    SSL_CTX_use_certificate(server_ctx.get(), certificate.certificate());
    SSL_CTX_use_PrivateKey(server_ctx.get(), certificate.key());
    for (SSL_CTX* context : {server_ctx.get(), client_ctx.get()}) {
      SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                    SSL_MODE_RELEASE_BUFFERS);
      SSL_CTX_set_min_proto_version(context, version);
      SSL_CTX_set_max_proto_version(context, version);
    }
    test::SocketPair pair = test::tcp_pair();
    client_fd = std::move(pair.a);
    server_fd = std::move(pair.b);
  }

  SslPtr server_ssl() {
    SslPtr ssl(SSL_new(server_ctx.get()));
    SSL_set_accept_state(ssl.get());
    return ssl;
  }
  SslPtr client_ssl() {
    SslPtr ssl(SSL_new(client_ctx.get()));
    SSL_set_connect_state(ssl.get());
    return ssl;
  }
  void make(Around of_server = {}, Around of_client = {}) {
    server = TlsStream::make(server_ssl(), server_fd.get(), std::move(of_server));
    client = TlsStream::make(client_ssl(), client_fd.get(), std::move(of_client));
  }
  static bool waits(Step step) { return step == Step::kWantsRead || step == Step::kWantsWrite; }
  // Goes on with both until neither waits.
  void shake_hands() {
    ASSERT_TRUE(test::eventually([&] {
      if (waits(client_step)) client_step = client->shake_hands();
      if (waits(server_step)) server_step = server->shake_hands();
      return !waits(client_step) && !waits(server_step);
    }));
  }
  void connect() {
    make();
    shake_hands();
    ASSERT_EQ(client_step, Step::kDone) << client->fault();
    ASSERT_EQ(server_step, Step::kDone) << server->fault();
  }
  // The client has a certificate like this, and the server wants one.
  void show_as_client(const test::CertificateSpec& spec) {
    const auto authority = test::TestCertificate::authority();
    const auto certificate = authority.issue(spec);
    SSL_CTX_use_certificate(client_ctx.get(), certificate.certificate());
    SSL_CTX_use_PrivateKey(client_ctx.get(), certificate.key());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(server_ctx.get()), authority.certificate());
    SSL_CTX_set_verify(server_ctx.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  // All that comes until `size` bytes have, or the stream is over.
  static std::string take(TlsStream& stream, std::size_t size, int* error = nullptr) {
    std::string got;
    EXPECT_TRUE(test::eventually([&] {
      char buffer[4096];
      const ssize_t n = stream.receive(buffer, std::min(sizeof(buffer), size - got.size()));
      if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
      const bool is_over = n < 0 && errno != EAGAIN && errno != EBUSY;
      if (is_over && error != nullptr) *error = errno;
      return got.size() == size || n == 0 || is_over;
    }));
    return got;
  }
  static bool ends(TlsStream& stream) {
    return test::eventually([&] {
      char c = 0;
      return stream.receive(&c, 1) == 0;
    });
  }
  static int error_of(TlsStream& stream) {
    int error = 0;
    take(stream, 1, &error);
    return error;
  }

  SslCtxPtr server_ctx;
  SslCtxPtr client_ctx;
  base::UniqueFd client_fd;
  base::UniqueFd server_fd;
  std::unique_ptr<TlsStream> server;
  std::unique_ptr<TlsStream> client;
  Step client_step = Step::kWantsRead;
  Step server_step = Step::kWantsRead;
};

class StreamsOfVersion : public Streams, public testing::WithParamInterface<int> {
 protected:
  StreamsOfVersion() : Streams(GetParam()) {}
};

INSTANTIATE_TEST_SUITE_P(Versions, StreamsOfVersion, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(StreamsOfVersion, CarryBytesBothWays) {
  connect();
  EXPECT_EQ(client->send("to the server", 13), 13);
  EXPECT_EQ(take(*server, 13), "to the server");
  EXPECT_EQ(server->send("back", 4), 4);
  EXPECT_EQ(take(*client, 4), "back");
}

TEST_P(StreamsOfVersion, HalfCloseLeavesTheOtherDirectionOpen) {
  connect();
  EXPECT_EQ(client->end(), 0);
  EXPECT_EQ(client->end(), 0) << "once is enough";
  EXPECT_TRUE(ends(*server));
  EXPECT_FALSE(server->was_cut());
  EXPECT_EQ(server->send("still", 5), 5);
  EXPECT_EQ(take(*client, 5), "still");
  EXPECT_EQ(server->end(), 0);
  EXPECT_TRUE(ends(*client));
}

TEST_P(StreamsOfVersion, AStreamThatIsCutBreaksTheProtocol) {
  connect();
  EXPECT_EQ(client->send("before", 6), 6);
  ::shutdown(client_fd.get(), SHUT_WR);
  EXPECT_EQ(take(*server, 6), "before");
  EXPECT_EQ(error_of(*server), EPROTO);
  EXPECT_TRUE(server->was_cut());
  EXPECT_EQ(error_of(*server), EPROTO) << "and goes on doing so";
  EXPECT_EQ(server->fault(), "the stream has ended without close_notify");
}

TEST_P(StreamsOfVersion, ACutMayCountAsAnEnd) {
  connect();
  server->take_cut_for_end();
  ::shutdown(client_fd.get(), SHUT_WR);
  EXPECT_TRUE(ends(*server));
  EXPECT_TRUE(server->was_cut());
  EXPECT_EQ(server->send("answer", 6), 6);
  EXPECT_EQ(take(*client, 6), "answer");
}

TEST_P(StreamsOfVersion, ACutWithinARecordIsNoEnd) {
  connect();
  server->take_cut_for_end();
  test::send_some(client_fd.get(), std::string("\x17\x03\x03\x00\x20 and no more", 17));
  ::shutdown(client_fd.get(), SHUT_WR);
  EXPECT_EQ(error_of(*server), EPROTO);
  EXPECT_EQ(server->fault(), "the stream has ended within a record");
}

TEST_P(StreamsOfVersion, ForgedBytesBreakTheProtocol) {
  connect();
  test::send_some(client_fd.get(), std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  EXPECT_EQ(error_of(*server), EPROTO);
  EXPECT_FALSE(server->was_cut());
  EXPECT_EQ(server->fault(), "decryption failed or bad record mac");
}

TEST_P(StreamsOfVersion, AResetIsOne) {
  connect();
  net::abort_connection(client_fd);
  EXPECT_EQ(error_of(*server), ECONNRESET);
}

TEST_P(StreamsOfVersion, WhatIsPeekedComesAgain) {
  connect();
  EXPECT_EQ(client->send("twice", 5), 5);
  char seen[16] = {};
  ASSERT_TRUE(test::eventually([&] { return server->peek(seen, sizeof(seen)) == 5; }));
  EXPECT_EQ(std::string(seen, 5), "twice");
  EXPECT_EQ(take(*server, 5), "twice");
}

TEST_P(StreamsOfVersion, AFullSocketIsToldAndTheSameBytesGoOn) {
  connect();
  test::shrink_send_buffer(server_fd.get());
  const std::string block(100'000, 'b');
  std::size_t sent = 0;
  ssize_t n = 0;
  while ((n = server->send(block.data(), block.size())) > 0) sent += static_cast<std::size_t>(n);
  ASSERT_EQ(errno, EAGAIN);
  EXPECT_EQ(server->send(block.data(), block.size()), -1) << "nobody reads";
  std::string got;
  ASSERT_TRUE(test::eventually([&] {
    if (sent < 1'000'000) {
      const ssize_t more = server->send(block.data(), block.size());
      if (more > 0) sent += static_cast<std::size_t>(more);
    }
    char buffer[16 * 1024];
    const ssize_t more = client->receive(buffer, sizeof(buffer));
    if (more > 0) got.append(buffer, static_cast<std::size_t>(more));
    return sent >= 1'000'000 && got.size() >= sent;
  }));
  EXPECT_EQ(got, std::string(sent, 'b'));
}

TEST_P(StreamsOfVersion, TheEndWaitsForAFullSocket) {
  connect();
  test::fill_up(server_fd.get());  // what the client makes of it is not looked at
  EXPECT_EQ(server->end(), -1);
  EXPECT_EQ(errno, EAGAIN);
  ASSERT_TRUE(test::eventually([&] {
    char buffer[64 * 1024];
    while (::recv(client_fd.get(), buffer, sizeof(buffer), 0) > 0) {
    }
    return server->end() == 0;
  }));
}

TEST_P(StreamsOfVersion, WhatWasSentBeforeAResetCanBeReadAfterAWriteHasFailed) {
  connect();
  EXPECT_EQ(client->send("last words", 10), 10);
  ASSERT_TRUE(test::eventually([&] { return net::unread_bytes(server_fd.get()) > 0; }));
  ::shutdown(server_fd.get(), SHUT_WR);
  EXPECT_EQ(server->send("x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  EXPECT_EQ(server->send("x", 1), -1) << "for good";
  EXPECT_EQ(take(*server, 10), "last words");
}

TEST_P(StreamsOfVersion, BytesThatWereReadBeforeComeFirst) {
  make();
  client_step = client->shake_hands();
  ASSERT_TRUE(waits(client_step));
  const std::string hello = test::receive(server_fd.get());
  ASSERT_FALSE(hello.empty());
  server = TlsStream::make(server_ssl(), server_fd.get(), {.ahead = hello});
  shake_hands();
  EXPECT_EQ(server_step, Step::kDone) << server->fault();
  EXPECT_EQ(client->send("then", 4), 4);
  EXPECT_EQ(take(*server, 4), "then");
}

TEST_P(StreamsOfVersion, AHeaderGoesOutBeforeTheHandshake) {
  make({}, {.header = "PROXY UNKNOWN\r\n"});
  client_step = client->shake_hands();
  std::string header(15, '\0');
  ASSERT_TRUE(test::wait_for(server_fd.get(), POLLIN));
  ASSERT_EQ(::recv(server_fd.get(), header.data(), header.size(), 0), 15);
  EXPECT_EQ(header, "PROXY UNKNOWN\r\n");
  shake_hands();
  EXPECT_EQ(server_step, Step::kDone) << server->fault();
  EXPECT_EQ(client_step, Step::kDone) << client->fault();
}

TEST_P(StreamsOfVersion, SayWhatWasAgreedUpon) {
  connect();
  const Facts facts = server->facts();
  EXPECT_EQ(facts.version, GetParam() == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
  EXPECT_EQ(facts.cipher, SSL_get_cipher_name(client->ssl()));
  EXPECT_EQ(facts.key_algorithm, "EC256");
  EXPECT_EQ(facts.signature_algorithm, "ecdsa-with-SHA256");
  EXPECT_EQ(facts.peer_subject, "");
  EXPECT_FALSE(facts.has_peer_certificate);
  EXPECT_FALSE(facts.resumed);
}

TEST_P(StreamsOfVersion, SayWhoTheClientIs) {
  show_as_client(test::client_spec("Zoë, of Weir"));
  connect();
  EXPECT_TRUE(server->facts().has_peer_certificate);
  EXPECT_EQ(server->facts().peer_common_name, "Zoë, of Weir");
  EXPECT_NE(server->facts().peer_subject.find("CN=Zo\\C3\\AB\\, of Weir"), std::string::npos)
      << server->facts().peer_subject;
}

TEST_P(StreamsOfVersion, SayTheFirstOtherNameOfAClientWithoutASubject) {
  auto spec = test::client_spec("");
  spec.has_subject = false;
  spec.uris = {"spiffe://a.example/b;c"};
  spec.mails = {"a@b.example"};
  show_as_client(spec);
  connect();
  EXPECT_TRUE(server->facts().has_peer_certificate);
  EXPECT_EQ(server->facts().peer_subject, "URI:spiffe://a.example/b\\;c") << "escaped as subjects are";
  EXPECT_EQ(server->facts().peer_common_name, "");
}

TEST_P(StreamsOfVersion, AHandshakeWithAStrangerFailsAndTellsHim) {
  make();
  test::send_some(client_fd.get(), "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  ASSERT_TRUE(test::eventually([&] {
    server_step = server->shake_hands();
    return !waits(server_step);
  }));
  EXPECT_EQ(server_step, Step::kFailed);
  EXPECT_FALSE(server->fault().empty());
  EXPECT_EQ(server->send("x", 1), -1);
}

TEST_P(StreamsOfVersion, AHandshakeThatIsLeftInTheMiddleIsNoFault) {
  make();
  client_step = client->shake_hands();
  ::shutdown(client_fd.get(), SHUT_WR);
  ASSERT_TRUE(test::eventually([&] {
    server_step = server->shake_hands();
    return !waits(server_step);
  }));
  EXPECT_EQ(server_step, Step::kEnded);
}

TEST_P(StreamsOfVersion, AHandshakeThatIsResetSaysSo) {
  make();
  client_step = client->shake_hands();
  ASSERT_TRUE(test::wait_for(server_fd.get(), POLLIN));
  net::abort_connection(client_fd);
  ASSERT_TRUE(test::eventually([&] {
    server_step = server->shake_hands();
    return !waits(server_step);
  }));
  EXPECT_EQ(server_step, Step::kReset);
  EXPECT_NE(server->error(), 0);
}

// A KeyUpdate costs its sender next to nothing.
TEST_F(Streams, MessagesWithoutBytesAreNotTakenForEver) {
  connect();
  // The client's own reads would take what the server answers.
  Background flood([&] {
    for (int i = 0; i < 200'000; ++i) {
      if (SSL_key_update(client->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) != 1) return;
      int sent = 0;
      while ((sent = SSL_do_handshake(client->ssl())) != 1) {
        if (SSL_get_error(client->ssl(), sent) != SSL_ERROR_WANT_WRITE) return;
        if (!test::wait_for(client_fd.get(), POLLOUT)) return;
      }
    }
  });
  EXPECT_EQ(error_of(*server), EPROTO);
  EXPECT_EQ(server->fault(), "many messages came without a byte of the stream");
  net::abort_connection(server_fd);
}

TEST_F(Streams, ManyOfThemAreNoBetterForAByteNowAndThen) {
  connect();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(SSL_key_update(client->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(client->ssl()), 1);
  }
  ASSERT_EQ(client->send("x", 1), 1);
  EXPECT_EQ(error_of(*server), EPROTO);
  EXPECT_EQ(server->fault(), "many messages came without a byte of the stream");
}

// A message that comes in several records, of which the first is there: OpenSSL writes nothing before it has
// the others.
TEST_F(Streams, SayThatASendWaitsForTheRestOfAMessage) {
  SSL_CTX_set_read_ahead(client_ctx.get(), 1);  // as Weir's own contexts
  SSL_CTX_set_max_send_fragment(server_ctx.get(), 512);
  SSL_CTX_set_num_tickets(server_ctx.get(), 0);
  SSL_CTX_set_session_ticket_cb(
      server_ctx.get(),
      [](SSL* ssl, void*) {
        const std::string much(2'000, 'x');
        return SSL_SESSION_set1_ticket_appdata(SSL_get0_session(ssl), much.data(), much.size());
      },
      nullptr, nullptr);
  connect();
  BIO* told = BIO_new(BIO_s_mem());
  SSL_set0_wbio(server->ssl(), told);
  ASSERT_EQ(SSL_new_session_ticket(server->ssl()), 1);
  ASSERT_EQ(SSL_do_handshake(server->ssl()), 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(told, &bytes);
  const std::string message(bytes, static_cast<std::size_t>(size));
  ASSERT_GT(message.size(), 1'000u);
  const std::size_t first =
      5 + (static_cast<unsigned char>(message[3]) << 8 | static_cast<unsigned char>(message[4]));
  ASSERT_EQ(::send(server_fd.get(), message.data(), first, 0), static_cast<ssize_t>(first));
  char c = 0;
  ASSERT_TRUE(test::wait_for(client_fd.get(), POLLIN));
  EXPECT_EQ(client->receive(&c, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(client->send("x", 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(client->send_waits(), net::Stream::Waits::kToRead);
  EXPECT_FALSE(client->send_has_read()) << "not one byte";
  // With the rest comes what the server says then, and the send reads it all.
  static_cast<void>(BIO_reset(told));
  ASSERT_EQ(server->send("y", 1), 1);
  const long said = BIO_get_mem_data(told, &bytes);
  const std::string rest = message.substr(first) + std::string(bytes, static_cast<std::size_t>(said));
  ASSERT_EQ(::send(server_fd.get(), rest.data(), rest.size(), 0), static_cast<ssize_t>(rest.size()));
  EXPECT_TRUE(test::eventually([&] { return client->send("x", 1) == 1; })) << "in turns";
  EXPECT_EQ(take(*server, 1), "x");
  EXPECT_EQ(net::unread_bytes(client_fd.get()), 0);
  EXPECT_TRUE(client->send_has_read());
  EXPECT_EQ(take(*client, 1), "y");
  EXPECT_FALSE(client->send_has_read());
}

TEST_F(Streams, AFewOfThemDoNoHarm) {
  connect();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(SSL_key_update(client->ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(client->ssl()), 1);
    ASSERT_EQ(client->send("x", 1), 1);
    ASSERT_EQ(take(*server, 1), "x");
    ASSERT_EQ(server->send("y", 1), 1);
    ASSERT_EQ(take(*client, 1), "y");
  }
  EXPECT_EQ(server->end(), 0);
}

// OpenSSL answers with the next write, and after that nothing is read before the answer is out.
TEST_F(Streams, SayWhenAReadWaitsForRoomToAnswerAKeyUpdate) {
  // Full is full here: no acknowledgement of the other host makes room.
  test::SocketPair pair = test::unix_pair();
  client_fd = std::move(pair.a);
  server_fd = std::move(pair.b);
  connect();
  test::fill_up(server_fd.get());  // what the client makes of it is not looked at
  ASSERT_EQ(SSL_key_update(client->ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  ASSERT_EQ(SSL_do_handshake(client->ssl()), 1);
  ASSERT_EQ(client->send("first", 5), 5);
  EXPECT_EQ(take(*server, 5), "first");
  EXPECT_FALSE(server->wants_write());
  EXPECT_EQ(server->send("x", 1), -1);
  ASSERT_EQ(client->send("then", 4), 4);
  char c = 0;
  EXPECT_EQ(server->receive(&c, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_TRUE(server->wants_write());
  char away[64 * 1024];
  while (::recv(client_fd.get(), away, sizeof(away), 0) > 0) {
  }
  EXPECT_EQ(take(*server, 4), "then");
  EXPECT_FALSE(server->wants_write());
}

// A server that cannot take what it has given must not be asked to again and again.
TEST_F(Streams, WhoseHandshakeFailsForgetsTheSessionThatItOffered) {
  ASSERT_TRUE(SessionCache::attach(client_ctx.get()));
  const auto resuming = [&] {
    SslPtr ssl = client_ssl();
    EXPECT_TRUE(SessionCache::use(ssl.get(), "server"));
    return ssl;
  };
  const auto offers = [&] { return SSL_get_session(resuming().get()) != nullptr; };
  server = TlsStream::make(server_ssl(), server_fd.get(), {});
  client = TlsStream::make(resuming(), client_fd.get(), {});
  shake_hands();
  ASSERT_EQ(client_step, Step::kDone) << client->fault();
  EXPECT_EQ(server->send("x", 1), 1);
  EXPECT_EQ(take(*client, 1), "x");
  ASSERT_TRUE(offers());

  SSL_CTX_set_client_hello_cb(
      server_ctx.get(),
      [](SSL*, int* alert, void*) {
        *alert = SSL_AD_HANDSHAKE_FAILURE;
        return SSL_CLIENT_HELLO_ERROR;
      },
      nullptr);
  test::SocketPair pair = test::tcp_pair();
  server = TlsStream::make(server_ssl(), pair.b.get(), {});
  client = TlsStream::make(resuming(), pair.a.get(), {});
  client_step = server_step = Step::kWantsRead;
  shake_hands();
  EXPECT_EQ(client_step, Step::kFailed);
  EXPECT_FALSE(offers());
  client.reset();
  server.reset();
}

}  // namespace
}  // namespace weir::tls
