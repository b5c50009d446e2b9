// Reading the configuration again where TLS ends at the listener: files that were renewed, other settings,
// and tickets that stay good.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/backend.h"
#include "support/reloaded.h"
#include "support/test_user.h"
#include "support/tls_socket.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

class ReloadTls : public testing::Test {
 protected:
  Configuration terminating(const std::string& tls = "") const {
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry(backend.address())};
    configuration.rest = "[listeners.web.tls]\nmode = \"terminate\"\ncertificates = [{ chain = \"" +
                         paths.chain + "\", key = \"" + paths.key + "\" }]\n" + tls;
    return configuration;
  }
  TlsOptions asking() const {
    TlsOptions options;
    options.server_name = "a.example";
    options.authority = &authority;
    return options;
  }
  CertificatePaths write(const TestCertificate& certificate) const {
    CertificatePaths written = write_certificate(directory.path(), "first", certificate, {});
    give_to_test_user(written.key);
    return written;
  }
  TestCertificate called(const std::string& common_name) const {
    CertificateSpec spec = server_spec({"a.example"});
    spec.common_name = common_name;
    return authority.issue(spec);
  }
  // What it may be resumed by, and whose certificate was shown.
  static std::shared_ptr<SSL_SESSION> talk(const WeirProcess& weir, const TlsOptions& options,
                                           bool* was_resumed = nullptr, std::string* shown = nullptr) {
    TlsSocket client = TlsSocket::connect(weir.connect(), options);
    client.send_all("hello");
    EXPECT_EQ(client.receive_exactly(5), "hello");
    if (was_resumed != nullptr) *was_resumed = client.was_resumed();
    if (shown != nullptr) *shown = client.peer_common_name();
    return client.session();
  }

  TemporaryDirectory directory;
  const TestCertificate authority = TestCertificate::authority();
  const CertificatePaths paths = write(called("first"));
  Backend backend{echo()};
};

TEST_F(ReloadTls, RenewedFilesAreServedAtOnceAndTicketsStayGood) {
  Reloaded weir(terminating());
  TlsSocket running = TlsSocket::connect(weir->connect(), asking());
  TlsOptions again = asking();
  again.session = talk(*weir, asking());
  ASSERT_NE(again.session, nullptr);
  write(called("renewed"));
  weir.well(terminating());
  std::string shown;
  talk(*weir, asking(), nullptr, &shown);
  EXPECT_EQ(shown, "renewed");
  bool was_resumed = false;
  talk(*weir, again, &was_resumed);
  EXPECT_TRUE(was_resumed);
  running.send_all("still here");
  EXPECT_EQ(running.receive_exactly(10), "still here");
}

TEST_F(ReloadTls, OtherSettingsAreForNewHandshakesAndTicketsStayGood) {
  Reloaded weir(terminating());
  TlsOptions old = asking();
  old.max_version = TLS1_2_VERSION;
  TlsSocket running = TlsSocket::connect(weir->connect(), old);
  TlsOptions again = asking();
  again.session = talk(*weir, asking());
  weir.well(terminating("min_version = \"1.3\"\n"));
  TlsSocket refused;
  EXPECT_THAT(TlsSocket::try_connect(weir->connect(), old, refused), HasSubstr("alert protocol version"));
  bool was_resumed = false;
  talk(*weir, again, &was_resumed);
  EXPECT_TRUE(was_resumed);
  running.send_all("still here");
  EXPECT_EQ(running.receive_exactly(10), "still here");
}

TEST_F(ReloadTls, AKeyThatDoesNotFitRefusesTheWhole) {
  Reloaded weir(terminating());
  directory.replace("first.pem", called("renewed").pem());
  Configuration configuration = terminating();
  configuration.pool = "retries = 5\n";
  EXPECT_EQ(weir.with(configuration).level, "error");
  std::string shown;
  talk(*weir, asking(), nullptr, &shown);
  EXPECT_EQ(shown, "first");
  EXPECT_TRUE(weir->events("setting").empty());
}

TEST_F(ReloadTls, MayBeSwitchedOffAndOnAgain) {
  Reloaded weir(terminating());
  talk(*weir, asking());
  Configuration plain = terminating();
  plain.rest = "";
  weir.well(plain);
  Socket client = weir->connect();
  client.send_all("plain");
  EXPECT_EQ(client.receive_exactly(5), "plain");
  weir.well(terminating());
  talk(*weir, asking());
  client.send_all("still plain");
  EXPECT_EQ(client.receive_exactly(11), "still plain");
}

}  // namespace
}  // namespace weir::test
