// TLS towards backends: who they must be, what they are told, and how streams end there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "support/backend.h"
#include "support/client_hello.h"
#include "support/pool_facts.h"
#include "support/test_user.h"
#include "support/tls_socket.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

// A backend with a certificate of its own, and a pool that speaks TLS to it.
class Reencryption : public testing::Test {
 protected:
  Configuration encrypting(const Backend& to, const std::string& tls = "",
                           const std::string& pool = "") const {
    Configuration configuration;
    configuration.backends = {entry(to.address())};
    configuration.pool = pool;
    configuration.rest = "[pools.web.tls]\nca = \"" + ca + "\"\n" + tls;
    return configuration;
  }
  // Shakes hands as a server with `certificate`, and then does `talk`.
  static Behaviour serving(const TestCertificate& certificate, std::function<void(TlsSocket&)> talk,
                           TlsOptions options = {}) {
    options.own = &certificate;
    return [options, talk](Socket& socket) {
      TlsSocket tls = TlsSocket::accept(std::move(socket), options);
      talk(tls);
    };
  }
  static void echo_tls(TlsSocket& tls) {
    for (;;) {
      const Received got = tls.receive_some(64 * 1024, Millis(600'000));
      if (got.ended != Ended::kNot) break;
      tls.send_all(got.bytes);
    }
    tls.end_stream();
  }
  static void says_name(TlsSocket& tls) {
    tls.send_all(tls.server_name().empty() ? "nobody" : tls.server_name());
    echo_tls(tls);
  }
  // A session that cannot be, and its line in the log.
  static LogLine refused(const Configuration& configuration) {
    const WeirProcess weir(configuration);
    Socket client = weir.connect();
    EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
    return weir.wait_for_session();
  }

  TemporaryDirectory directory;
  const TestCertificate authority = TestCertificate::authority();
  const std::string ca = write_file(directory.path(), "ca.pem", authority.pem());
  const TestCertificate by_address = [this] {
    CertificateSpec spec = server_spec({"a.example"});
    spec.ips = {"127.0.0.1"};
    return authority.issue(spec);
  }();
  const TestCertificate by_name = authority.issue(server_spec({"a.example", "b.example"}));
};

TEST_F(Reencryption, CarriesBytesToABackendThatIsWhoItShouldBe) {
  Backend backend(serving(by_address, echo_tls));
  const WeirProcess weir(encrypting(backend));
  Socket client = weir.connect();
  const std::string sent = pattern(3'000'000);
  Received got;
  std::thread reader([&] { got = client.receive_until_end(); });
  client.send_all(sent);
  client.end_stream();
  reader.join();
  EXPECT_TRUE(got.bytes == sent);
  EXPECT_EQ(got.ended, Ended::kEndOfStream);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_end");
  EXPECT_EQ(session.number("upload"), sent.size());
  EXPECT_EQ(session.number("download"), sent.size());
}

TEST_F(Reencryption, ABackendForAnotherNameIsRefused) {
  Backend backend(serving(by_name, echo_tls));
  const LogLine by_its_address = refused(encrypting(backend));
  EXPECT_EQ(by_its_address.text("reason"), "connect_tls");
  EXPECT_EQ(by_its_address.text("state"), "connect");
  EXPECT_THAT(by_its_address.text("tls_fault"), HasSubstr("IP address mismatch"));
  const LogLine by_a_name = refused(encrypting(backend, "server_name = \"c.example\"\n"));
  EXPECT_THAT(by_a_name.text("tls_fault"), HasSubstr("hostname mismatch"));
}

TEST_F(Reencryption, ABackendOfAnotherAuthorityIsRefusedUnlessNobodyLooks) {
  const TestCertificate stranger = TestCertificate::self_signed(server_spec({"a.example"}));
  Backend backend(serving(stranger, echo_tls));
  EXPECT_THAT(refused(encrypting(backend, "server_name = \"a.example\"\n")).text("tls_fault"),
              HasSubstr("self-signed certificate"));
  Configuration careless = encrypting(backend);
  careless.rest = "[pools.web.tls]\nverify = false\n";
  const WeirProcess weir(careless);
  Socket client = weir.connect();
  client.send_all("hello");
  EXPECT_EQ(client.receive_exactly(5), "hello");
}

TEST_F(Reencryption, ABackendThatSpeaksNoTlsIsGoneByAndAnotherTried) {
  Backend plain([](Socket& socket) {
    socket.receive_some();
    socket.send_all("HTTP/1.1 400 Bad Request\r\n\r\n");
    socket.receive_until_end();
  });
  Backend good(serving(by_address, echo_tls));
  Configuration configuration = encrypting(good);
  configuration.backends = {entry(plain.address(), "plain"), entry(good.address(), "good")};
  const WeirProcess weir(configuration);
  for (int i = 0; i < 4; ++i) {
    Socket client = weir.connect();
    client.send_all("hello");
    EXPECT_EQ(client.receive_exactly(5), "hello");
  }
  EXPECT_GE(plain.accepted(), 1u);
  std::size_t retried = 0;
  for (const LogLine& session : weir.wait_for_sessions(4)) {
    EXPECT_EQ(session.text("backend"), "good");
    retried += session.text("connect_error") == "EPROTO" ? 1 : 0;
  }
  EXPECT_GE(retried, 1u);
}

TEST_F(Reencryption, ABackendThatDoesNotShakeHandsTimesOut) {
  Backend silent([](Socket& socket) { socket.receive_until_end(Millis(600'000)); });
  const LogLine session = refused(encrypting(silent, "", "connect_timeout = \"300ms\"\nretries = 0\n"));
  EXPECT_EQ(session.text("reason"), "connect_timeout");
  EXPECT_EQ(session.text("connect_error"), "ETIMEDOUT");
}

TEST_F(Reencryption, ABackendThatIsCutOffIsAResetForTheClient) {
  Backend cutting(serving(by_address, [](TlsSocket& tls) {
    tls.receive_exactly(5);
    tls.send_all("half of");
    tls.socket().wait_until_delivered();
    tls.socket().end_stream();  // without close_notify
    tls.receive_until_end(Millis(10'000));
  }));
  const WeirProcess weir(encrypting(cutting));
  Socket client = weir.connect();
  client.send_all("hello");
  const Received got = client.receive_until_end();
  EXPECT_EQ(got.bytes, "half of");
  EXPECT_EQ(got.ended, Ended::kReset) << "what was cut must not look whole";
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_tls");
  EXPECT_THAT(session.text("tls_fault"), HasSubstr("close_notify"));
}

TEST_F(Reencryption, ABackendThatJustLeavesAfterItsClientIsNoError) {
  Backend leaving(serving(by_address, [](TlsSocket& tls) {
    tls.receive_until_end();
    tls.socket().close();  // without close_notify
  }));
  Configuration configuration = encrypting(leaving);
  configuration.log = "sessions = \"errors\"\n";
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all("hello");
  client.end_stream();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset) << "it may have been cut for all that is known";
  EXPECT_TRUE(eventually([&] {
    return weir.admin().sum("weir_sessions_closed_total", {{"reason", "backend_tls"}}) == 1;
  }));
  Socket other = weir.connect();
  other.send_all("x");
  other.reset();
  EXPECT_EQ(weir.wait_for_session().text("reason"), "client_reset") << "the first one left no line";
}

TEST_F(Reencryption, TheNameIsTheOneOfTheSettingsOrOfTheClient) {
  Backend backend(serving(by_name, says_name));
  {
    const WeirProcess weir(encrypting(backend, "server_name = \"b.example\"\n"));
    EXPECT_EQ(weir.connect().receive_exactly(9), "b.example");
  }
  const CertificatePaths front =
      write_certificate(directory.path(), "front", authority.issue(server_spec({"a.example", "b.example"})));
  give_to_test_user(front.key);
  Configuration configuration = encrypting(backend, "server_name = \"from_client\"\n");
  configuration.rest += "[listeners.web.tls]\nmode = \"terminate\"\ncertificates = [{ chain = \"" +
                        front.chain + "\", key = \"" + front.key + "\" }]\n";
  const WeirProcess weir(configuration);
  for (const char* name : {"a.example", "b.example"}) {
    TlsOptions options;
    options.server_name = name;
    options.authority = &authority;
    TlsSocket client = TlsSocket::connect(weir.connect(), options);
    EXPECT_EQ(client.receive_exactly(9), name) << "TLS on both sides, and the backend is asked for that name";
    client.send_all("there");
    EXPECT_EQ(client.receive_exactly(5), "there");
    client.end_stream();
    EXPECT_EQ(client.receive_until_end().ended, Ended::kEndOfStream);
    EXPECT_FALSE(client.was_cut());
  }
}

TEST_F(Reencryption, ANameThatTheClientHasMadeUpIsNotTheBackendsFault) {
  Backend backend(serving(by_name, says_name));
  const CertificatePaths front =
      write_certificate(directory.path(), "front", authority.issue(server_spec({"*.example"})));
  give_to_test_user(front.key);
  Configuration configuration = encrypting(backend, "server_name = \"from_client\"\n");
  configuration.rest +=
      "[pools.web.outlier]\nconsecutive_failures = 2\nmax_ejected = 1.0\n"
      "[listeners.web.tls]\nmode = \"terminate\"\ncertificates = [{ chain = \"" +
      front.chain + "\", key = \"" + front.key + "\" }]\n";
  const WeirProcess weir(configuration);
  TlsOptions options;
  for (const char* name : {"evil.example", ".example", "a..example", "evil.example", "evil.example"}) {
    options.server_name = name;
    TlsSocket client = TlsSocket::connect(weir.connect(), options);
    EXPECT_EQ(client.receive_until_end().ended, Ended::kReset) << name;
  }
  for (const LogLine& session : weir.wait_for_sessions(5)) {
    EXPECT_EQ(session.text("reason"), "connect_tls");
    EXPECT_EQ(session.number("attempts"), 1u) << "another backend would be no better";
    EXPECT_NE(session.text("tls_fault"), "");
  }
  EXPECT_TRUE(weir.events("backend_ejected").empty());
  options.server_name = "b.example";
  TlsSocket client = TlsSocket::connect(weir.connect(), options);
  EXPECT_EQ(client.receive_exactly(9), "b.example");
}

// Its last flight, a greeting and the end of its stream, all in one packet.
TEST_F(Reencryption, AnEndThatCameWithTheHandshakeIsNotLost) {
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_use_certificate(context.get(), by_address.certificate());
  SSL_CTX_use_PrivateKey(context.get(), by_address.key());
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  Backend backend([&](Socket& socket) {
    const std::shared_ptr<SSL> ssl(SSL_new(context.get()), SSL_free);
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl.get());
    const auto written = [&] {
      std::string bytes(64 * 1024, '\0');
      const int size = BIO_read(SSL_get_wbio(ssl.get()), bytes.data(), static_cast<int>(bytes.size()));
      return bytes.substr(0, static_cast<std::size_t>(std::max(size, 0)));
    };
    while (SSL_do_handshake(ssl.get()) != 1) {
      socket.send_all(written());
      const Received got = socket.receive_some();
      if (got.ended != Ended::kNot) return;
      BIO_write(SSL_get_rbio(ssl.get()), got.bytes.data(), static_cast<int>(got.bytes.size()));
    }
    EXPECT_EQ(SSL_write(ssl.get(), "bye", 3), 3);
    SSL_shutdown(ssl.get());
    socket.send_all(written());
    socket.end_stream();
    socket.receive_until_end();
  });
  const WeirProcess weir(encrypting(backend));
  for (int i = 0; i < 20; ++i) {
    Socket client = weir.connect();
    const Received got = client.receive_until_end();
    EXPECT_EQ(got.bytes, "bye");
    EXPECT_EQ(got.ended, Ended::kEndOfStream);
    client.end_stream();
  }
}

TEST_F(Reencryption, ShowsItsOwnCertificateAndOffersProtocols) {
  const TestCertificate own = authority.issue(client_spec("weir"));
  const CertificatePaths paths = write_certificate(directory.path(), "own", own);
  give_to_test_user(paths.key);
  TlsOptions strict;
  strict.authority = &authority;
  strict.alpn = {"h2"};
  Backend backend(serving(
      by_address,
      [](TlsSocket& tls) {
        tls.send_all(tls.peer_common_name() + " " + tls.alpn());
        echo_tls(tls);
      },
      strict));
  const std::string keys = "certificate = \"" + paths.chain + "\"\nkey = \"" + paths.key + "\"\n";
  const WeirProcess weir(encrypting(backend, keys + "alpn = [\"h2\"]\n"));
  EXPECT_EQ(weir.connect().receive_exactly(7), "weir h2");
}

TEST_F(Reencryption, TheProxyHeaderComesBeforeTheHandshake) {
  Backend backend([&](Socket& socket) {
    const std::string line = "PROXY TCP4 127.0.0.1 127.0.0.1 ";
    const std::string got = socket.receive_exactly(line.size());
    std::string rest;
    while (!rest.ends_with("\r\n")) rest += socket.receive_exactly(1);
    TlsOptions options;
    options.own = &by_address;
    TlsSocket tls = TlsSocket::accept(std::move(socket), options);
    tls.send_all(got == line ? "header" : "no header");
    echo_tls(tls);
  });
  const WeirProcess weir(encrypting(backend, "", "send_proxy = \"v1\"\n"));
  EXPECT_EQ(weir.connect().receive_exactly(6), "header");
}

TEST_F(Reencryption, WarmConnectionsAreEncryptedOnceTheyAreUsed) {
  Backend backend(serving(by_address, echo_tls));
  const WeirProcess weir(encrypting(backend, "", "warm_connections = 2\n"));
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_backend_warm_connections") == 2; }));
  Socket client = weir.connect();
  client.send_all("hello");
  EXPECT_EQ(client.receive_exactly(5), "hello");
  client.close();
  EXPECT_EQ(weir.wait_for_session().number("warm"), 1u);
  EXPECT_EQ(weir.admin().sum("weir_backend_warm_used_total"), 1u);
}

TEST_F(Reencryption, SessionsWithABackendAreResumed) {
  std::atomic<int> resumed{0};
  // One context for all of its connections, as a real server has it.
  const std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX_use_certificate(context.get(), by_address.certificate());
  SSL_CTX_use_PrivateKey(context.get(), by_address.key());
  Backend backend([&](Socket& socket) {
    const std::shared_ptr<SSL> ssl(SSL_new(context.get()), SSL_free);
    SSL_set_fd(ssl.get(), socket.fd());
    int result = 0;
    EXPECT_TRUE(eventually([&] { return (result = SSL_accept(ssl.get())) == 1; }));
    resumed += SSL_session_reused(ssl.get());
    EXPECT_TRUE(eventually([&] { return SSL_write(ssl.get(), "x", 1) == 1; }));
    char c = 0;
    EXPECT_TRUE(eventually([&] {
      return SSL_read(ssl.get(), &c, 1) <= 0 && (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    }));
    SSL_shutdown(ssl.get());
  });
  const WeirProcess weir(encrypting(backend));
  for (int i = 0; i < 5; ++i) {
    Socket client = weir.connect();
    EXPECT_EQ(client.receive_exactly(1), "x");
    client.end_stream();
    EXPECT_EQ(client.receive_until_end().ended, Ended::kEndOfStream);
  }
  EXPECT_EQ(resumed, 4);
}

TEST(ReencryptionFaults, AreToldAtTheStart) {
  TemporaryDirectory directory;
  Configuration configuration;
  configuration.backends = {"\"127.0.0.1:9\""};
  configuration.rest = "[pools.web.tls]\nca = \"" + directory.file("none.pem") + "\"\n";
  const WeirRun run = run_weir_on(configuration.to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("pools.web.tls"));
  EXPECT_THAT(run.output, HasSubstr("none.pem"));
}

}  // namespace
}  // namespace weir::test
