// What a server's contexts demand of clients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/server_contexts.h"
#include "unit/tls/serving.h"

namespace weir::tls {
namespace {

using test::authority_spec;
using test::client_spec;
using testing::ElementsAre;
using testing::HasSubstr;

class ClientCertificates : public Serving {
 protected:
  ClientCertificates() {
    serve({"a.example"});
    settings.client_verify = ClientVerify::kRequired;
    settings.client_ca = write("ca.pem", clients.pem());
  }

  // What the server has against a client with that certificate; empty when it is served.
  std::string objection(const TestCertificate* certificate, const std::vector<TestCertificate>& chain = {},
                        int version = TLS1_3_VERSION) {
    const auto contexts = load();
    const SslCtxPtr client = client_context();
    limit_to(client, version);
    if (certificate != nullptr) use(client, *certificate, chain);
    Handshake handshake(contexts->for_name(""), client.get());
    const bool is_content = handshake.run();
    has_peer = X509Ptr(SSL_get1_peer_certificate(handshake.server())) != nullptr;
    client_error = handshake.client_error();
    return is_content ? "" : handshake.server_error();
  }

  const TestCertificate clients = TestCertificate::authority("Clients");
  const TestCertificate good = clients.issue(client_spec("good"));
  bool has_peer = false;
  std::string client_error;
};

TEST_F(ClientCertificates, AreDemandedWhenTheyAreRequired) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(objection(&good, {}, version), "");
    EXPECT_TRUE(has_peer);
    EXPECT_EQ(objection(nullptr, {}, version), "peer did not return a certificate");
  }
  EXPECT_EQ(client_error, "the other side's alert: certificate required");
}

TEST_F(ClientCertificates, MayBeLeftOutWhenTheyAreOptional) {
  settings.client_verify = ClientVerify::kOptional;
  EXPECT_EQ(objection(nullptr), "");
  EXPECT_FALSE(has_peer);
  EXPECT_EQ(objection(&good), "");
  EXPECT_TRUE(has_peer);
}

TEST_F(ClientCertificates, AreNotAskedForWhenTheyAreOff) {
  settings.client_verify = ClientVerify::kOff;
  EXPECT_EQ(objection(&good), "");
  EXPECT_FALSE(has_peer);
}

TEST_F(ClientCertificates, OfOthersAreRefusedEvenWhereNoneIsNeeded) {
  const auto stranger = TestCertificate::self_signed(client_spec("stranger"));
  for (const auto verify : {ClientVerify::kOptional, ClientVerify::kRequired}) {
    settings.client_verify = verify;
    EXPECT_EQ(objection(&stranger), "certificate verify failed: self-signed certificate");
    EXPECT_EQ(client_error, "the other side's alert: unknown CA");
  }
}

TEST_F(ClientCertificates, OutOfTheirTimeAreRefused) {
  auto spec = client_spec("old");
  spec.not_after = std::chrono::seconds(-60);
  const auto old = clients.issue(spec);
  EXPECT_EQ(objection(&old), "certificate verify failed: certificate has expired");
}

TEST_F(ClientCertificates, OfServersAreRefused) {
  const auto server = clients.issue(test::server_spec({"s.example"}));
  EXPECT_THAT(objection(&server), HasSubstr("certificate verify failed: unsuitable certificate purpose"));
}

TEST_F(ClientCertificates, AreRefusedWhenTheyAreTooDeep) {
  const auto upper = clients.issue(authority_spec("Upper"));
  const auto lower = upper.issue(authority_spec("Lower"));
  const auto deep = lower.issue(client_spec("deep"));
  settings.client_verify_depth = 2;
  EXPECT_EQ(objection(&deep, {lower, upper}), "");
  settings.client_verify_depth = 1;
  EXPECT_EQ(objection(&deep, {lower, upper}), "certificate verify failed: certificate chain too long");
  settings.client_verify_depth = 0;
  EXPECT_EQ(objection(&good), "");
}

TEST_F(ClientCertificates, MayLeadToAnAuthorityThatIsNoRoot) {
  const auto below = clients.issue(authority_spec("Below"));
  const auto member = below.issue(client_spec("member"));
  settings.client_ca = write("below.pem", below.pem());
  EXPECT_EQ(objection(&member), "");
  EXPECT_THAT(objection(&good), HasSubstr("certificate verify failed"));
}

TEST_F(ClientCertificates, AreAskedForWithTheNamesOfTheAuthorities) {
  settings.client_ca = write("two.pem", clients.pem() + TestCertificate::authority("Others").pem());
  const auto contexts = load();
  const SslCtxPtr client = client_context();
  use(client, good);
  Handshake handshake(contexts->for_name(""), client.get());
  ASSERT_TRUE(handshake.run());
  const auto* names = SSL_get0_peer_CA_list(handshake.client());
  ASSERT_EQ(sk_X509_NAME_num(names), 2);
  EXPECT_EQ(X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(clients.certificate())), 0);
}

TEST_F(ClientCertificates, NeedAFileOfAuthorities) {
  settings.client_ca = "/nowhere/ca.pem";
  EXPECT_THAT(errors(), ElementsAre("/nowhere/ca.pem: cannot be opened: No such file or directory"));
  settings.client_ca = write("empty.pem", "");
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("/empty.pem: there is no certificate in it")));
  settings.client_ca =
      write("bad.pem", clients.pem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("/bad.pem: certificate 2 in it cannot be read (")));
}

}  // namespace
}  // namespace weir::tls
