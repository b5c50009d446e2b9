#include "tls/client_context.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "tls/x509_facts.h"
#include "unit/tls/handshake.h"

namespace weir::tls {
namespace {

using test::server_spec;
using test::TestCertificate;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

base::Address ip_of(const char* text) {
  in_addr v4{};
  if (::inet_pton(AF_INET, text, &v4) == 1) return base::Address::ipv4(v4, 443);
  in6_addr v6{};
  EXPECT_EQ(::inet_pton(AF_INET6, text, &v6), 1);
  return base::Address::ipv6(v6, 443);
}

// A backend with a certificate of `ca`, and connections to it as the settings say.
class ClientContextTest : public testing::Test {
 protected:
  ClientContextTest() {
    settings.ca = write("ca.pem", ca.pem());
    SSL_CTX_set_alpn_select_cb(backend.get(), on_alpn, nullptr);
  }

  std::string write(std::string_view name, std::string_view text) {
    return test::write_file(folder.path(), name, text);
  }
  void serve(std::vector<std::string> names, std::vector<std::string> ips = {}) {
    auto spec = server_spec(std::move(names));
    spec.ips = std::move(ips);
    use(backend, ca.issue(spec));
  }

  std::shared_ptr<const ClientContext> load() {
    auto loaded = ClientContext::load(settings, warnings);
    EXPECT_TRUE(loaded) << loaded.error().message();
    return *loaded;
  }
  std::string error() {
    const auto loaded = ClientContext::load(settings, warnings);
    return loaded ? "none" : loaded.error().message();
  }

  // What the connection has against the backend; empty when it is content.
  std::string objection(std::string_view name, const base::Address* ip = nullptr) {
    const auto context = load();
    Handshake handshake(SslPtr(SSL_new(backend.get())), context->make(name, ip));
    const bool is_content = handshake.run();
    const char* asked = SSL_get_servername(handshake.server(), TLSEXT_NAMETYPE_host_name);
    asked_for = asked == nullptr ? "" : asked;
    protocol = handshake.protocol();
    server_error = handshake.server_error();
    const X509Ptr shown(SSL_get1_peer_certificate(handshake.server()));
    shown_subject = shown ? subject_text(shown.get()) : "";
    return is_content ? "" : handshake.client_error();
  }
  std::string objection(std::string_view name, const char* ip) {
    const auto address = ip_of(ip);
    return objection(name, &address);
  }

  const test::TempFolder folder;
  const TestCertificate ca = TestCertificate::authority();
  const SslCtxPtr backend{SSL_CTX_new(TLS_server_method())};
  ClientSettings settings;
  std::vector<std::string> warnings;
  std::string asked_for;
  std::string protocol;
  std::string server_error;
  std::string shown_subject;

 private:
  // A backend that speaks h2.
  static int on_alpn(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in,
                     unsigned in_size, void*) {
    unsigned char* chosen = nullptr;
    const int result = SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>("\x02h2"),
                                             3, in, in_size);
    *out = chosen;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
  }
};

TEST_F(ClientContextTest, AsksForTheNameAndAcceptsItsCertificate) {
  serve({"a.example", "*.b.example"});
  EXPECT_EQ(objection("A.example."), "");
  EXPECT_EQ(asked_for, "a.example");
  EXPECT_EQ(objection("x.b.example"), "");
}

TEST_F(ClientContextTest, RefusesTheCertificateOfAnotherName) {
  serve({"a.example", "*.b.example", "w*.c.example"});
  for (const char* name : {"b.example", "x.y.b.example", "www.c.example"})
    EXPECT_EQ(objection(name), "certificate verify failed: hostname mismatch") << name;
  EXPECT_EQ(objection("z.example", "192.0.2.1"), "certificate verify failed: hostname mismatch");
}

TEST_F(ClientContextTest, PutsTheSettingsNameBeforeTheBackends) {
  serve({"a.example"});
  settings.server_name = "a.example";
  EXPECT_EQ(objection("host.example"), "");
  EXPECT_EQ(asked_for, "a.example");
}

TEST_F(ClientContextTest, HoldsTheAddressAgainstTheCertificateWhereThereIsNoName) {
  serve({"a.example"}, {"192.0.2.1", "2001:db8::1"});
  EXPECT_EQ(objection("", "192.0.2.1"), "");
  EXPECT_EQ(asked_for, "");
  EXPECT_EQ(objection("", "::ffff:192.0.2.1"), "");
  EXPECT_EQ(objection("", "2001:db8::1"), "");
  EXPECT_EQ(objection("", "192.0.2.2"), "certificate verify failed: IP address mismatch");
  EXPECT_EQ(objection("", "2001:db8::2"), "certificate verify failed: IP address mismatch");
}

TEST_F(ClientContextTest, TakesANameThatIsAnAddressAsOne) {
  serve({"a.example"}, {"192.0.2.1"});
  EXPECT_EQ(objection("192.0.2.1"), "");
  EXPECT_EQ(asked_for, "");
  EXPECT_EQ(objection("192.0.2.2"), "certificate verify failed: IP address mismatch");
}

TEST_F(ClientContextTest, VerifiesTheWayToAnAuthorityWithoutNameAndAddress) {
  serve({"a.example"});
  EXPECT_EQ(objection(""), "");
  const auto unix_socket = base::Address::unix_path("/run/a.sock");
  EXPECT_EQ(objection("", &unix_socket), "");
  settings.ca = write("other.pem", TestCertificate::authority("Other").pem());
  EXPECT_EQ(objection(""), "certificate verify failed: unable to get local issuer certificate");
  settings.ca.clear();
  EXPECT_EQ(objection(""), "certificate verify failed: unable to get local issuer certificate")
      << "the system does not know it either";
}

TEST_F(ClientContextTest, AcceptsAnythingWhenItDoesNotVerifyAndStillAsksForTheName) {
  auto spec = server_spec({"z.example"});
  spec.not_after = std::chrono::seconds(-60);
  use(backend, TestCertificate::self_signed(spec));
  EXPECT_EQ(objection("a.example"), "certificate verify failed: self-signed certificate");
  settings.verify = false;
  EXPECT_EQ(objection("a.example", "192.0.2.1"), "");
  EXPECT_EQ(asked_for, "a.example");
}

TEST_F(ClientContextTest, RefusesTheCertificateOfAClient) {
  auto spec = test::client_spec("c");
  spec.names = {"a.example"};
  use(backend, ca.issue(spec));
  EXPECT_THAT(objection("a.example"), HasSubstr("certificate verify failed: unsuitable certificate purpose"));
}

TEST_F(ClientContextTest, TrustsABackendsOwnCertificateThatIsItsCa) {
  const auto own = TestCertificate::self_signed(server_spec({"a.example"}));
  use(backend, own);
  settings.ca = write("own.pem", own.pem());
  EXPECT_EQ(objection("a.example"), "");
}

TEST_F(ClientContextTest, ShowsItsCertificate) {
  serve({"a.example"});
  SSL_CTX_set_verify(backend.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(backend.get()), ca.certificate());
  static_cast<void>(objection("a.example"));
  EXPECT_EQ(server_error, "peer did not return a certificate");
  const auto mine = ca.issue(test::client_spec("weir"));
  const auto paths = test::write_certificate(folder.path(), "mine", mine, {ca});
  settings.certificate = paths.chain;
  settings.key = paths.key;
  EXPECT_EQ(objection("a.example"), "");
  EXPECT_EQ(shown_subject, "CN=weir,O=Weir tests");
  EXPECT_THAT(warnings, IsEmpty());
  settings.certificate = test::write_file(folder.path(), "both.pem", mine.pem() + mine.key_pem(), 0644);
  settings.key.clear();
  EXPECT_EQ(objection("a.example"), "");
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("(mode 0644)"), HasSubstr("only the certificate itself")));
}

TEST_F(ClientContextTest, OffersItsProtocols) {
  serve({"a.example"});
  EXPECT_EQ(objection("a.example"), "");
  EXPECT_EQ(protocol, "");
  settings.alpn = {"http/1.1", "h2"};
  EXPECT_EQ(objection("a.example"), "");
  EXPECT_EQ(protocol, "h2");
}

TEST_F(ClientContextTest, OffersOtherProtocolsWhereAConnectionHasItsOwn) {
  serve({"a.example"});
  settings.alpn = {"http/1.1"};
  const auto context = load();
  for (const auto& [own, agreed] :
       {std::pair<std::vector<std::string>, const char*>{{"h2"}, "h2"}, {{}, ""}}) {
    Handshake handshake(SslPtr(SSL_new(backend.get())), context->make("a.example", nullptr, own));
    EXPECT_TRUE(handshake.run());
    EXPECT_EQ(handshake.protocol(), agreed);
  }
}

TEST_F(ClientContextTest, RefusesVersionsOlderThanTheOldest) {
  serve({"a.example"});
  limit_to(backend, TLS1_2_VERSION);
  EXPECT_EQ(objection("a.example"), "");
  settings.min_version = Version::k13;
  EXPECT_THAT(objection("a.example"), HasSubstr("alert: protocol version"));
}

// A variable of the environment, for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

TEST_F(ClientContextTest, SaysWhenTheSystemHasNoAuthorities) {
  const std::string folder_of_cas = folder.path() + "/certs";
  std::filesystem::create_directory(folder_of_cas);
  const Variable no_file("SSL_CERT_FILE", folder.path() + "/none.pem");
  const Variable no_folder("SSL_CERT_DIR", "/nowhere:" + folder_of_cas);
  settings.ca.clear();
  write("certs/ca.pem", ca.pem());  // not found there without a name by its hash
  load();
  EXPECT_THAT(warnings, ElementsAre(testing::AllOf(
                            HasSubstr("ca = \"system\": this host has no certificates of authorities"),
                            HasSubstr("/none.pem and the folder /nowhere:" + folder_of_cas + ")"),
                            HasSubstr("install the package ca-certificates"))));
  warnings.clear();
  settings.verify = false;
  load();
  EXPECT_THAT(warnings, IsEmpty()) << "nobody is refused";
  settings.verify = true;
  write("certs/0123abcd.0", ca.pem());
  load();
  EXPECT_THAT(warnings, IsEmpty()) << "there is one in the folder";
  std::filesystem::remove(folder_of_cas + "/0123abcd.0");
  write("none.pem", ca.pem());
  load();
  EXPECT_THAT(warnings, IsEmpty()) << "there is one in the file";
}

TEST_F(ClientContextTest, NamesTheFileThatIsWrong) {
  settings.ca = "/nowhere/ca.pem";
  EXPECT_EQ(error(), "/nowhere/ca.pem: cannot be opened: No such file or directory");
  settings.ca = write("empty.pem", "");
  EXPECT_THAT(error(), HasSubstr("/empty.pem: there is no certificate in it"));
  settings.ca.clear();
  settings.certificate = "/nowhere/c.pem";
  EXPECT_EQ(error(), "/nowhere/c.pem: cannot be opened: No such file or directory");
  settings.certificate = write("c.pem", ca.pem());
  EXPECT_THAT(error(), HasSubstr("/c.pem: there is no private key in it, but a certificate"));
}

}  // namespace
}  // namespace weir::tls
