// Checks that speak TLS, by the running binary: whom they believe, which name they ask for, and what is asked
// under it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "support/pool_facts.h"
#include "support/test_user.h"
#include "support/tls_backend.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string kUnavailable = "HTTP/1.1 503 Oh\r\nContent-Length: 0\r\n\r\n";

// A pool "web" of one backend, "a", whose certificate can be changed.
class TlsHealth : public testing::Test {
 protected:
  TlsHealth() {
    write_file(directory.path(), "ca.pem", authority.pem());
    give_to_test_user(directory.file("ca.pem"));
  }
  // What a backend shakes hands with now.
  std::function<TlsOptions()> now() {
    return [this] {
      TlsOptions options;
      options.own = shown;
      return options;
    };
  }
  std::string encrypting(const std::string& lines = "") const {
    return "[pools.web.tls]\nca = \"" + directory.file("ca.pem") + "\"\n" + lines;
  }
  static std::string check(const std::string& type, const std::string& lines = "") {
    return "[pools.web.health]\ntype = \"" + type +
           "\"\ninitial = \"down\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\n" + lines;
  }
  static Configuration pool_of(const std::string& backend, const std::string& tables) {
    Configuration configuration;
    configuration.backends = {backend};
    configuration.rest = tables;
    return configuration;
  }
  static std::string why_down(const WeirProcess& weir) {
    EXPECT_TRUE(becomes(weir, "a", "down"));
    EXPECT_TRUE(eventually([&] { return facts_of(weir, "a").checks_failed > 0; }));
    return facts_of(weir, "a").state_reason;
  }

  TemporaryDirectory directory;
  const TestCertificate authority = TestCertificate::authority();
  const TestCertificate right = authority.issue(server_spec({"a.example"}));
  const TestCertificate wrong = authority.issue(server_spec({"b.example"}));
  const TestCertificate own = TestCertificate::self_signed(server_spec({"c.example"}));
  std::atomic<const TestCertificate*> shown{&right};
};

TEST_F(TlsHealth, ABackendIsDownWhileItsCertificateIsForAnotherName) {
  Backend backend(over_tls(now(), only_shakes_hands));
  const WeirProcess weir(
      pool_of(entry(backend.address(), "a"), encrypting("server_name = \"a.example\"\n") + check("tls")));
  ASSERT_TRUE(becomes(weir, "a", "up"));
  shown = &wrong;
  const LogLine down = wait_for_event_of(weir, "backend_down", "a");
  EXPECT_EQ(down.text("reason"), "TLS handshake: certificate verify failed: hostname mismatch");
  shown = &own;
  EXPECT_TRUE(eventually([&] {
    return facts_of(weir, "a").state_reason ==
           "TLS handshake: certificate verify failed: self-signed certificate";
  })) << facts_of(weir, "a").state_reason;
  shown = &right;
  EXPECT_TRUE(becomes(weir, "a", "up")) << facts_of(weir, "a").state_reason;
}

TEST_F(TlsHealth, TheCheckMayAskForAnotherName) {
  shown = &wrong;
  Backend backend(over_tls(now(), only_shakes_hands));
  const WeirProcess weir(
      pool_of(entry(backend.address(), "a"),
              encrypting("server_name = \"a.example\"\n") + check("tls", "server_name = \"b.example\"\n")));
  EXPECT_TRUE(becomes(weir, "a", "up")) << facts_of(weir, "a").state_reason;
}

TEST_F(TlsHealth, ABackendsHostNameIsAskedForWhereNoOtherIsGiven) {
  const TestCertificate local = authority.issue(server_spec({"localhost"}));
  shown = &local;
  Backend backend(over_tls(now(), only_shakes_hands));
  const WeirProcess weir(
      pool_of("\"localhost:" + std::to_string(backend.address().port()) + "\"", encrypting() + check("tls")));
  EXPECT_TRUE(eventually([&] { return pool_facts(weir).healthy == 1; }));
}

// The pool of a listener that passes TLS through.
TEST_F(TlsHealth, WhereThePoolSpeaksPlainlyAHandshakeIsEnough) {
  std::mutex mutex;
  std::string asked;
  shown = &own;
  Backend backend(over_tls(now(), [&](TlsSocket& socket) {
    const std::lock_guard lock(mutex);
    asked = socket.server_name();
  }));
  Configuration configuration =
      pool_of(entry(backend.address(), "a"), check("tls", "server_name = \"a.example\"\n") +
                                                 "[listeners.web.tls]\nmode = \"passthrough\"\n");
  {
    const WeirProcess weir(configuration);
    EXPECT_TRUE(becomes(weir, "a", "up")) << facts_of(weir, "a").state_reason;
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return asked == "a.example";
    }));
  }
  Backend clear([](Socket& socket) {
    socket.receive_some();
    socket.send_all(kOk);
    socket.receive_until_end();
  });
  configuration.backends = {entry(clear.address(), "a")};
  const WeirProcess weir(configuration);
  EXPECT_THAT(why_down(weir), HasSubstr("TLS handshake: wrong version number: not TLS?"));
}

TEST_F(TlsHealth, HttpIsAskedUnderTls) {
  std::atomic<bool> is_well = true;
  Backend backend(
      over_tls(now(), [&](TlsSocket& socket) { answers_http(is_well ? kOk : kUnavailable)(socket); }));
  const WeirProcess weir(
      pool_of(entry(backend.address(), "a"),
              encrypting("server_name = \"a.example\"\nalpn = [\"h2\"]\n") + check("http")));
  ASSERT_TRUE(becomes(weir, "a", "up")) << facts_of(weir, "a").state_reason;
  is_well = false;
  EXPECT_EQ(wait_for_event_of(weir, "backend_down", "a").text("reason"), "status 503, expected 2xx");
  is_well = true;
  ASSERT_TRUE(becomes(weir, "a", "up"));
}

TEST_F(TlsHealth, ABackendThatSaysNothingIsDown) {
  const Listener silent;
  const WeirProcess weir(pool_of(entry(silent.address(), "a"), encrypting() + check("http")));
  EXPECT_THAT(why_down(weir), HasSubstr("no TLS handshake within 500ms"));
}

TEST_F(TlsHealth, WeirsCertificateIsShown) {
  const TestCertificate weirs = authority.issue(client_spec("weir"));
  const CertificatePaths paths = write_certificate(directory.path(), "weir", weirs);
  give_to_test_user(paths.key);
  TlsOptions demanding;
  demanding.own = &right;
  demanding.authority = &authority;
  Backend backend(over_tls(demanding, answers_http(kOk)));
  const std::string with_none = encrypting("server_name = \"a.example\"\n");
  {
    const WeirProcess weir(pool_of(entry(backend.address(), "a"), with_none + check("http")));
    EXPECT_THAT(why_down(weir), HasSubstr("certificate required"));
  }
  const std::string with = with_none + "certificate = \"" + paths.chain + "\"\nkey = \"" + paths.key + "\"\n";
  const WeirProcess weir(pool_of(entry(backend.address(), "a"), with + check("http")));
  EXPECT_TRUE(becomes(weir, "a", "up")) << facts_of(weir, "a").state_reason;
}

TEST_F(TlsHealth, AConnectionAloneStaysOne) {
  std::atomic<bool> was_spoken_to = false;
  Backend backend([&](Socket& socket) {
    if (!socket.receive_until_end().bytes.empty()) was_spoken_to = true;
  });
  const WeirProcess weir(pool_of(entry(backend.address(), "a"), encrypting() + check("tcp")));
  ASSERT_TRUE(becomes(weir, "a", "up"));
  EXPECT_FALSE(was_spoken_to);
}

}  // namespace
}  // namespace weir::test
